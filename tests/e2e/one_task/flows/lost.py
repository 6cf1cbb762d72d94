"""A step whose worker can be lost, and that can fail, as its job's environment says."""

import os
import signal

from metaflow import FlowSpec, catch, current, step


class LostFlow(FlowSpec):
    @step
    def start(self):
        self.items = list(range(10))
        self.next(self.plain, foreach="items")

    @step
    def plain(self):
        self.happen()
        self.next(self.caught)

    @catch(var="problem", print_exception=False)
    @step
    def caught(self):
        self.happen()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass

    def happen(self):
        if os.environ.get("HAPPENS") == "lost":
            os.killpg(os.getpgid(os.getppid()), signal.SIGKILL)
        if os.environ.get("HAPPENS") == "fails":
            raise ValueError("the step's own")
        self.ran_at = current.retry_count


if __name__ == "__main__":
    LostFlow()
