"""Runs after `everything.py`, and reads what that has made."""

from metaflow import FlowSpec, current, step, trigger_on_finish


@trigger_on_finish(flow="Everything")
class AfterEverything(FlowSpec):
    @step
    def start(self):
        self.read = current.trigger.run.data.swapped
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    AfterEverything()
