"""Compiled with --pack 10: steps in a row are one job, items of a foreach are ten a job."""

from metaflow import FlowSpec, environment, retry, step, timeout, windmill


class PackedFlow(FlowSpec):
    @step
    def start(self):
        self.next(self.load)

    @retry(times=1, minutes_between_retries=1)
    @step
    def load(self):
        self.items = [1, 2, 3]
        self.next(self.measure, foreach="items")

    @timeout(minutes=5)
    @retry(times=2, minutes_between_retries=1)
    @step
    def measure(self):
        self.next(self.weigh)

    @windmill(timeout=30, pack=5)
    @step
    def weigh(self):
        self.next(self.elsewhere)

    @windmill(tag="gpu")
    @step
    def elsewhere(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.next(self.other)

    @environment(vars={"METAFLOW_S3_RETRY_COUNT": "2"})
    @step
    def other(self):
        self.next(self.alone)

    @windmill(pack=1)
    @step
    def alone(self):
        self.next(self.after)

    @step
    def after(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.left_two)

    @step
    def left_two(self):
        self.next(self.both)

    @step
    def right(self):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    PackedFlow()
