"""Starts when another flow has finished, and reads what that one made."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="WaitingFlow")
class AfterFlow(FlowSpec):
    @step
    def start(self):
        self.before = current.trigger.run.pathspec
        self.table = current.trigger.run.data.table
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AfterFlow()
