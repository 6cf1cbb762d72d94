"""Waits for two events."""

from metaflow import FlowSpec, current, step, trigger
from noted import note


@trigger(events=["soak-left", "soak-right"])
class SoakPair(FlowSpec):
    @step(start=True, end=True)
    def only(self):
        note(self)
        self.events = sorted(event.id for event in current.trigger.events)


if __name__ == "__main__":
    SoakPair()
