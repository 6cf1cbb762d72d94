"""Two splits that share their branches and their join: a switch decides which of them runs."""

from metaflow import FlowSpec, step


class SharedBranchesFlow(FlowSpec):
    @step
    def start(self):
        self.size = "small"
        self.next({"small": self.few, "large": self.many}, condition="size")

    @step
    def few(self):
        self.items = [1]
        self.next(self.work, foreach="items")

    @step
    def many(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SharedBranchesFlow()
