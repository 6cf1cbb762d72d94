"""A flow for jobs of several tasks: what each sees of its own process, and what fails how often."""

import os
import sys
import time
from pathlib import Path

from metaflow import FlowSpec, card, catch, current, environment, retry, step
from metaflow.cards import Markdown

REMEMBERED = []


class PackFlow(FlowSpec):
    @step
    def start(self):
        self.note()
        self.items = list(range(6))
        os.environ["LEFT_BEHIND"] = "by start"
        self.next(self.prepare)

    @environment(vars={"OF_PREPARE": "yes"})
    @step
    def prepare(self):
        self.note()
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        self.note()
        print(f"work on {self.input}")
        fails = int(os.environ.get(f"FAILS_{self.input}", "0"))
        if current.retry_count < fails:
            raise ValueError(f"no luck with {self.input}")
        if os.environ.get("SLOW") == str(self.input):
            Path(os.environ["SLOW_FILE"]).touch()
            time.sleep(600)
        self.next(self.after)

    @catch(var="caught")
    @step
    def after(self):
        self.note()
        if "CAUGHT" in os.environ:
            raise RuntimeError("to be caught")
        self.next(self.join)

    @step
    def join(self, inputs):
        self.numbers = [one.number for one in inputs]
        self.next(self.end)

    @card(type="blank")
    @step
    def end(self):
        if "LEAVE" in os.environ:
            sys.exit(3)
        current.card.append(Markdown("of the end"))
        print("no end of line", end="")

    def note(self):
        REMEMBERED.append(current.pathspec)
        self.remembered = list(REMEMBERED)
        self.process = os.getpid()
        self.directory = str(Path.cwd())
        self.left = os.environ.get("LEFT_BEHIND")
        self.of_prepare = os.environ.get("OF_PREPARE")
        self.number = self.input
        self.attempt = current.retry_count
        Path("left.txt").touch(exist_ok=False)
        if "TRACES" in os.environ:
            with Path(os.environ["TRACES"]).open("a") as file:
                file.write(f"{current.step_name}/{current.task_id}/{current.retry_count}\n")


if __name__ == "__main__":
    PackFlow()
