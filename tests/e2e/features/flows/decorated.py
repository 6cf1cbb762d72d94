"""A flow with what production flows put on their steps."""

import os
import signal
import time
from pathlib import Path

from metaflow import (
    FlowSpec,
    card,
    catch,
    current,
    environment,
    resources,
    retry,
    secrets,
    step,
    timeout,
    windmill,
)
from metaflow.cards import Markdown


def saved(name):
    """Return what the attempt before this one saved, as a checkpoint does, by run, step, task and attempt."""
    folder = Path(os.environ["CHECKPOINTS"]) / current.run_id / current.step_name / current.task_id
    folder.mkdir(parents=True, exist_ok=True)
    before = sorted(int(entry.name) for entry in folder.iterdir())
    (folder / str(current.retry_count)).write_text(name)
    return before


class DecoratedFlow(FlowSpec):
    @card
    @secrets(sources=[{"type": "inline", "id": "x", "options": {"env_vars": {"INLINE": "from inline"}}}])
    @step
    def start(self):
        current.card.append(Markdown("# drawn by the start step"))
        self.inline = os.environ.get("INLINE")
        self.given = os.environ.get("GIVEN_SECRET")
        self.of_resource = os.environ.get("GIVEN_FIELD")
        print("the secret is", os.environ.get("GIVEN_SECRET"))
        self.next(self.saves, self.slow, self.stuck, self.large)

    @environment(vars={"CHECKPOINTS": os.environ.get("CHECKPOINTS", "checkpoints")})
    @retry(times=2, minutes_between_retries=0)
    @step
    def saves(self):
        self.before = saved("checkpoint")
        if current.retry_count < 2:
            raise ConnectionError("lost")
        self.next(self.join)

    @catch(var="late", print_exception=False)
    @timeout(seconds=1)
    @step
    def slow(self):
        time.sleep(60)
        self.next(self.join)

    @catch(var="killed", print_exception=False)
    @windmill(timeout=8)
    @timeout(seconds=2)
    @step
    def stuck(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        time.sleep(60)
        self.next(self.join)

    @resources(memory=64000)
    @step
    def large(self):
        self.done = True
        self.next(self.join)

    @step
    def join(self, inputs):
        self.before = inputs.saves.before
        self.late = str(inputs.slow.late)
        self.killed = str(getattr(inputs.stuck, "killed", None))
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    DecoratedFlow()
