"""A flow whose tasks end in the way that the variable HOW says."""

import atexit
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

from metaflow import FlowSpec, current, step


def deeper(value):
    raise ValueError(f"not good: {value}")


def count():
    """Count in a file of the package, in both ways to find it."""
    for file in (Path("counter.py"), Path(__file__).with_name("counter.py")):
        file.write_text(str(int(file.read_text()) + 1))
    return int(file.read_text())


def kill(number):
    os.kill(os.getpid(), number)
    time.sleep(60)


class FaultsFlow(FlowSpec):
    @step
    def start(self):
        self.items = {"ada", "bob", "cyd"} if os.environ.get("HOW") == "a set" else list(range(100))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        print("before the end")
        print("beside the output", file=sys.stderr)
        how = os.environ["HOW"]
        self.place = self.input
        ways = {
            "well": lambda: None,
            "raise": lambda: deeper(how),
            "long": lambda: self.__raise(ValueError("x" * 100_000)),
            "exit": lambda: sys.exit(3),
            "exit well": lambda: sys.exit(0),
            "exit with words": lambda: sys.exit("words of the user"),
            "vanish": lambda: os._exit(0),
            "no retry": lambda: sys.exit(202),
            "killed": lambda: kill(signal.SIGKILL),
            "terminated": lambda: kill(signal.SIGTERM),
            "crash": lambda: ctypes.string_at(0),
            "unpicklable": lambda: setattr(self, "bad", threading.Lock()),
            "counts": lambda: setattr(self, "counted", count()),
            "late": lambda: atexit.register(print, "an exit handler ran"),
            "recursion": self.__again,
        }
        ways[how]()
        self.attempt = current.retry_count
        self.next(self.join)

    def __raise(self, error):
        raise error

    def __again(self):
        self.__again()

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    FaultsFlow()
