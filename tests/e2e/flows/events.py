"""Waits for one event, and fills its parameter from it."""

import metaflow
from metaflow import FlowSpec, Parameter, current, step


@metaflow.trigger(event={"name": "new-data", "parameters": {"table": "name"}})
class WaitingFlow(FlowSpec):
    table = Parameter("table", default="none")

    @step
    def start(self):
        trigger = getattr(current, "trigger", None)
        self.told = [trigger.event.name, trigger.event.id] if trigger else []
        self.next(self.end)

    @step
    def end(self):
        trigger = getattr(current, "trigger", None)
        self.told_later = trigger.event.id if trigger else ""


if __name__ == "__main__":
    WaitingFlow()
