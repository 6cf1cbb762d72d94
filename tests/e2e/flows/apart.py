"""A gang whose nodes are jobs of their own add up what each has, over sockets."""

import json
import os
import socket
import time

from metaflow import FlowSpec, Parameter, current, parallel, retry, step, windmill

SECONDS = 60


def numbers(connection):
    return json.loads(connection.makefile().readline())


def add_up(mine, port):
    """An all-reduce: the control task hears of all, and tells all."""
    gang = current.parallel
    if gang.node_index:
        with connected(gang.main_ip, port) as to_main:
            to_main.sendall(json.dumps(mine).encode() + b"\n")
            return numbers(to_main)
    with socket.create_server(("", port)) as server:
        server.settimeout(SECONDS)
        others = [server.accept()[0] for _ in range(gang.num_nodes - 1)]
        told = sum([numbers(other) for other in others], mine)
        for other in others:
            other.sendall(json.dumps(sorted(told)).encode() + b"\n")
            other.close()
    return sorted(told)


def connected(address, port):
    deadline = time.monotonic() + SECONDS
    connection = socket.socket()
    connection.settimeout(SECONDS)
    while connection.connect_ex((address, port)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return connection


class Apart(FlowSpec):
    nodes = Parameter("nodes", default=3)
    port = Parameter("port", default=29411)
    waits = Parameter("waits", default=0, help="seconds that each node waits")
    fails = Parameter("fails", default="", help="the attempts at which node 1 fails, such as 0,1")

    @step
    def start(self):
        self.next(self.train, num_parallel=self.nodes)

    @retry(times=1, minutes_between_retries=0)
    @windmill(job_per_node=True, gather_timeout=60)
    @parallel
    @step
    def train(self):
        gang = current.parallel
        print("node", gang.node_index, "of", gang.num_nodes, "at attempt", current.retry_count)
        if gang.node_index == 1 and str(current.retry_count) in self.fails.split(","):
            raise ValueError("this node was told to fail")
        self.place = (gang.node_index, gang.num_nodes, gang.control_task_id == current.task_id)
        time.sleep(self.waits)
        self.attempt = current.retry_count
        self.all = add_up([gang.node_index], self.port)
        self.told = sorted(name for name in os.environ if "NODES" in name or name == "METAFLOW_TASK_ID")
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.places = [task.place for task in inputs]
        self.told = [task.told for task in inputs]
        self.sums = [task.all for task in inputs]
        self.attempts = [task.attempt for task in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Apart()
