"""A flow that asks for much that Windmill does not have."""

from metaflow import FlowSpec, batch, exit_hook, kubernetes, retry, step


def mourn(run):
    pass


@exit_hook(on_error=[mourn], options={"image": "x"})
class Refused(FlowSpec):
    @kubernetes(memory=4096)
    @step
    def start(self):
        self.next(self.middle)

    @retry(minutes_between_retries=500)
    @batch
    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Refused()
