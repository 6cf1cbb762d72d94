from metaflow import FlowSpec, Parameter, current, step


class TaggedFlow(FlowSpec):
    broken = Parameter("broken", default=False)

    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.told = sorted(current.tags)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.told = [given.told for given in inputs]
        if self.broken:
            raise ValueError("broken")
        self.next(self.end)

    @step
    def end(self):
        self.last = sorted(current.tags)


if __name__ == "__main__":
    TaggedFlow()
