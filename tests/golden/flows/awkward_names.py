"""Names that Windmill or JavaScript keep for themselves, and that copies and containers could meet."""

from metaflow import FlowSpec, step


class AwkwardNamesFlow(FlowSpec):
    @step
    def start(self):
        self.kind = "new"
        self.next({"new": self.delete, "old": self.use__2}, condition="kind")

    @step
    def delete(self):
        self.items = [1]
        self.next(self.delete_foreach, foreach="items")

    @step
    def delete_foreach(self):
        self.next(self.failure)

    @step
    def failure(self, inputs):
        self.next(self.use)

    @step
    def use__2(self):
        self.way = "use"
        self.next({"use": self.use, "away": self.constructor}, condition="way")

    @step
    def use(self):
        self.next(self.constructor)

    @step
    def constructor(self):
        self.next(self.a_name_that_goes_on_for_longer_than_anybody_would_care_to_read)

    @step
    def a_name_that_goes_on_for_longer_than_anybody_would_care_to_read(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AwkwardNamesFlow()
