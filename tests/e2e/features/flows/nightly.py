"""A flow that a schedule starts, and that wants to know for which time."""

from metaflow import FlowSpec, Parameter, current, schedule, step


@schedule(hourly=True)
class NightlyFlow(FlowSpec):
    fail = Parameter("fail", type=bool, default=True)

    @step
    def start(self):
        self.due = current.scheduled_for
        self.items = ["a"]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.due = current.scheduled_for
        self.next(self.join)

    @step
    def join(self, inputs):
        self.due = current.scheduled_for
        self.next(self.end)

    @step
    def end(self):
        if self.fail:
            raise ValueError("as asked for")
        self.due = current.scheduled_for


if __name__ == "__main__":
    NightlyFlow()
