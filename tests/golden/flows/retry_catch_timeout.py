"""What a step says of its failures."""

from metaflow import FlowSpec, catch, retry, step, timeout


class RetryCatchTimeoutFlow(FlowSpec):
    @retry
    @step
    def start(self):
        self.next(self.risky)

    @retry(times=4, minutes_between_retries=0)
    @catch(var="why")
    @timeout(hours=1, minutes=2, seconds=3)
    @step
    def risky(self):
        self.next(self.caught)

    @catch(var="why")
    @step
    def caught(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    RetryCatchTimeoutFlow()
