"""Hooks for both ends of a run, beside a foreach."""

from metaflow import FlowSpec, exit_hook, step


def told():
    pass


@exit_hook(on_success=["elsewhere.celebrated"], on_error=[told])
class ExitHooksFlow(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ExitHooksFlow()
