"""Starts when the flow of all kinds has succeeded, and reads what that one made."""

from metaflow import FlowSpec, current, memo, step, trigger_on_finish


@trigger_on_finish(flow="Everything")
class AfterEverything(FlowSpec):
    @step
    def start(self):
        self.before, self.why, self.turns = "", [], [0, 1]
        if getattr(current, "trigger", None):  # not in a run that somebody started
            self.before, self.turns = current.trigger.run.pathspec, current.trigger.run.data.turns
            self.why = current.trigger.run["end"].task.data.why
        self.next(self.work)

    @memo(ignore=["before", "why"])
    @step
    def work(self):
        self.sum = sum(self.turns)
        self.next(self.end)

    @step
    def end(self):
        self.twice = 2 * self.sum


if __name__ == "__main__":
    AfterEverything()
