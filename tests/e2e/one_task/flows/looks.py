"""A flow whose tasks tell what they see of the world."""

import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import helper
import wrapper
from metaflow import FlowSpec, JSONType, Parameter, current, step


class Held:
    """An artifact of a class of the flow's own file."""

    def __init__(self, value):
        self.value = value


def read(path):
    try:
        return Path(path).read_bytes()
    except OSError as why:
        return type(why).__name__.encode()


class LooksFlow(FlowSpec):
    number = Parameter("number", type=int, default=7)
    text = Parameter("a-text", default="plain")
    items = Parameter("items", type=JSONType, default='{"a": [1]}')
    parts = Parameter("parts", default="x|y", separator="|")
    nothing = Parameter("nothing", type=float)
    flag = Parameter("flag", type=bool, default=True)

    @step
    def start(self):
        self.given = [self.number, self.text, self.items, list(self.parts), self.nothing, self.flag]
        self.length = len(self.text)
        parent = os.getppid()
        places = ["/proc/self/environ", f"/proc/{parent}/environ"]
        self.environments = b"\0".join(map(read, places)) + repr(dict(os.environ)).encode()
        self.seen = [helper.WORD, wrapper.WORD, sorted(map(str, Path().iterdir()))]
        self.path = [sys.argv[0], sys.path[0], str(Path.cwd())]
        Path("written.txt").write_text("in the private directory")
        self.packaged = Path("helper.py").read_text()
        self.next(self.runs)

    @step
    def runs(self):
        self.main_thread = threading.current_thread() is threading.main_thread()
        self.threads = list(ThreadPoolExecutor(2).map(len, ["a", "bb"]))
        with multiprocessing.get_context("fork").Pool(1) as pool:
            self.forked = pool.map(len, ["ccc"])
        self.held = Held(3)
        threading.Thread(target=lambda: (threading.Event().wait(0.2), print("a thread ended late"))).start()
        self.next(self.end)

    @step
    def end(self):
        self.is_same = self.held.value == 3 and type(self.held) is Held
        self.attempt = current.retry_count


if __name__ == "__main__":
    LooksFlow()
