"""The smallest useful flow: one parameter, two steps."""

from metaflow import FlowSpec, Parameter, step


class HelloFlow(FlowSpec):
    person = Parameter("name", default="world", help="Who is greeted")

    @step
    def start(self):
        self.greeting = f"Hello, {self.person}!"
        self.next(self.end)

    @step
    def end(self):
        print(self.greeting)


if __name__ == "__main__":
    HelloFlow()
