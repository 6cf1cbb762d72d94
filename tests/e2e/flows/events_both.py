"""Waits for two events."""

from metaflow import FlowSpec, Parameter, current, step, trigger


@trigger(
    events=[{"name": "left", "parameters": {"a": "value"}}, {"name": "right", "parameters": {"b": "value"}}]
)
class BothFlow(FlowSpec):
    a = Parameter("a", default="")
    b = Parameter("b", default="")

    @step(start=True, end=True)
    def only(self):
        self.names = sorted(event.name for event in current.trigger.events)


if __name__ == "__main__":
    BothFlow()
