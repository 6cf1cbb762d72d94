"""Waits for one event."""

from metaflow import FlowSpec, current, step, trigger
from noted import note


@trigger(event="soak-one")
class SoakHeard(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        note(self)
        self.events = sorted(event.id for event in current.trigger.events)


if __name__ == "__main__":
    SoakHeard()
