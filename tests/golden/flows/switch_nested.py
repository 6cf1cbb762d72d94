"""A switch inside a case of another one."""

from metaflow import FlowSpec, step


class SwitchNestedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.outer)

    @step
    def outer(self):
        self.kind = "animal"
        self.next({"animal": self.inner, "plant": self.plant}, condition="kind")

    @step
    def inner(self):
        self.legs = "two"
        self.next({"two": self.two, "four": self.four}, condition="legs")

    @step
    def two(self):
        self.next(self.meet)

    @step
    def four(self):
        self.next(self.meet)

    @step
    def meet(self):
        self.next(self.end)

    @step
    def plant(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchNestedFlow()
