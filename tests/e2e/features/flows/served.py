"""A flow that looks, while it runs, at what the metadata service knows of it."""

import json
import os
import time

import requests
from metaflow import FlowSpec, Parameter, current, exit_hook, retry, step


def known(*place):
    """Return what the service tells of a run or a task."""
    names = ("flows", "runs", "steps", "tasks")
    path = "/".join(word for pair in zip(names, place, strict=False) for word in pair)
    headers = json.loads(os.environ.get("METAFLOW_SERVICE_HEADERS", "{}"))
    answer = requests.get(f"{os.environ['METAFLOW_SERVICE_URL']}/{path}", headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()


def wait_for_a_beat(*task):
    """Wait until the service has noted a heartbeat of a task; return how old its and its run's are."""
    begun, deadline = known(*task)["last_heartbeat_ts"], time.monotonic() + 60
    while known(*task)["last_heartbeat_ts"] == begun:
        assert time.monotonic() < deadline, "no heartbeat came"
        time.sleep(0.1)
    return [known(*place)["last_heartbeat_ts"] - begun for place in (task, task[:2])]


def tell(run):
    print("the hook saw", run.successful, *run.user_tags)


@exit_hook(on_success=[tell])
class ServedFlow(FlowSpec):
    count = Parameter("count", default=3)

    @step
    def start(self):
        self.beats = wait_for_a_beat(*current.pathspec.split("/"))
        self.items = list(range(self.count))
        headers = os.environ.get("METAFLOW_SERVICE_HEADERS", "{}")
        print("headers:", headers, "key:", json.loads(headers).get("x-api-key"))
        self.next(self.work, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def work(self):
        self.tried = current.retry_count
        if self.input == 1 and current.retry_count == 0:
            raise ConnectionError("lost")
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [item.square for item in inputs]
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    ServedFlow()
