"""A flow with one step for each decorator that the runtime has to serve."""

import os
import time
from pathlib import Path

from metaflow import FlowSpec, Parameter, card, catch, current, parallel, retry, step, timeout


class DecoratedFlow(FlowSpec):
    nodes = Parameter("nodes", type=int, default=3)

    @step
    def start(self):
        self.next(self.retried, self.caught, self.timed, self.drawn, self.launch)

    @retry(times=2, minutes_between_retries=0)
    @step
    def retried(self):
        if current.retry_count < 2:
            raise ConnectionError(f"attempt {current.retry_count}")
        self.attempt = current.retry_count
        self.next(self.join)

    @catch(var="caught_it", print_exception=False)
    @retry(times=1, minutes_between_retries=0)
    @step
    def caught(self):
        self.attempt = current.retry_count
        with Path(os.environ["TRACES"]).open("a") as file:
            file.write("ran\n")
        if os.environ.get("HOW") == "vanish":
            os._exit(1)
        raise ValueError("never good")
        self.next(self.join)

    @timeout(seconds=1)
    @step
    def timed(self):
        time.sleep(60)
        self.next(self.join)

    @card
    @step
    def drawn(self):
        self.next(self.join)

    @step
    def launch(self):
        self.next(self.train, num_parallel=self.nodes)

    @parallel
    @step
    def train(self):
        if os.environ.get("HOW") == "node fails" and current.parallel.node_index == 1:
            raise ValueError("a node fails")
        self.node = current.parallel.node_index
        print(f"node {self.node} of {current.parallel.num_nodes}")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.seen = [task.node for task in inputs]
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DecoratedFlow()
