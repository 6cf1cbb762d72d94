"""Started by a schedule: keeps the time that it was due."""

from metaflow import FlowSpec, current, step
from noted import note


class SoakTicks(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        note(self)
        due = getattr(current, "scheduled_for", None)
        self.due = due and due.timestamp()


if __name__ == "__main__":
    SoakTicks()
