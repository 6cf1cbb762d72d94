"""Every kind of step in one flow: nothing in it counts on a disk that its tasks share."""

import os
import time
from socket import create_server, socket

from metaflow import (
    S3,
    Config,
    FlowSpec,
    IncludeFile,
    Parameter,
    card,
    catch,
    current,
    exit_hook,
    parallel,
    retry,
    step,
    timeout,
    windmill,
)


def swapped(mine, port):
    """Give each of two nodes what the other one has."""
    if current.parallel.node_index == 0:
        with create_server(("", port)) as server:
            server.settimeout(60)
            other, _ = server.accept()
    else:
        other, deadline = socket(), time.monotonic() + 60
        other.settimeout(60)
        while other.connect_ex((current.parallel.main_ip, port)):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    with other:
        other.sendall(bytes([mine]))
        return other.recv(1)[0]


def tell(run):
    if "METAFLOW_DATASTORE_SYSROOT_S3" in os.environ:
        with S3(s3root=f"{os.environ['METAFLOW_DATASTORE_SYSROOT_S3']}/told") as store:
            store.put(run.id, f"{run.successful} {run.data.turns} {len(list(run))}")


@exit_hook(on_success=[tell])
class Everything(FlowSpec):
    port = Parameter("port", default=29431)
    text = IncludeFile("text", default="text.txt")
    limits = Config("limits", default_value={"turns": 2})

    @step
    def start(self):
        self.groups, self.included = [2, 1], self.text
        self.next(self.many, self.decide)

    @step
    def many(self):
        self.next(self.group, foreach="groups")

    @step
    def group(self):
        self.members = list(range(self.input))
        self.next(self.member, foreach="members")

    @retry(times=1, minutes_between_retries=0)
    @step
    def member(self):
        if self.index == 1 and current.retry_count == 0:
            raise ConnectionError("once")
        self.seen = (self.input, current.retry_count)
        self.next(self.gather_members)

    @step
    def gather_members(self, inputs):
        self.seen = [task.seen for task in inputs]
        self.next(self.gather_groups)

    @step
    def gather_groups(self, inputs):
        self.seen = [task.seen for task in inputs]
        self.next(self.both)

    @step
    def decide(self):
        self.way, self.turns = "again", []
        self.next({"again": self.turn, "not": self.leave}, condition="way")

    @step
    def turn(self):
        self.turns = [*self.turns, len(self.turns)]
        self.way = "again" if len(self.turns) < self.limits.turns else "not"
        self.next({"again": self.turn, "not": self.leave}, condition="way")

    @step
    def leave(self):
        self.next(self.both)

    @step
    def both(self, inputs):
        self.seen, self.turns = inputs.gather_groups.seen, inputs.leave.turns
        self.next(self.launch)

    @step
    def launch(self):
        self.next(self.node, num_parallel=2)

    @windmill(job_per_node=True, gather_timeout=90)
    @parallel
    @step
    def node(self):
        self.swapped = swapped(current.parallel.node_index, self.port)
        self.seen, self.turns = self.seen, self.turns
        self.next(self.gather_nodes)

    @step
    def gather_nodes(self, inputs):
        self.swapped = [task.swapped for task in inputs]
        self.merge_artifacts(inputs)
        self.next(self.flaky)

    @catch(var="caught", print_exception=False)
    @retry(times=1, minutes_between_retries=0)
    @step
    def flaky(self):
        raise ValueError(f"never good, at attempt {current.retry_count}")
        self.next(self.slow)

    @catch(var="late", print_exception=False)
    @timeout(seconds=1)
    @step
    def slow(self):
        time.sleep(60)
        self.next(self.end)

    @card
    @step
    def end(self):
        self.why = [str(self.caught.exception), type(self.late).__name__]
        print("all of it", self.seen, self.turns, self.swapped)


if __name__ == "__main__":
    Everything()
