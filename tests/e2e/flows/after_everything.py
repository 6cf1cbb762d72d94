"""Starts when the flow of all kinds has succeeded, and reads what that one made."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="Everything")
class AfterEverything(FlowSpec):
    @step
    def start(self):
        self.before, self.turns = "", [0, 1, 2]
        if current.trigger:
            self.before, self.turns = current.trigger.run.pathspec, current.trigger.run.data.turns
            self.why = current.trigger.run["drawn"].task.data.why
        self.next(self.work)

    @step
    def work(self):
        self.sum = sum(self.turns)
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AfterEverything()
