"""A flow whose tasks print in every way."""

import os
import subprocess
import sys
import time
from pathlib import Path

from metaflow import FlowSpec, step


class PrintsFlow(FlowSpec):
    @step
    def start(self):
        print("the first line")
        print("half a line", end="")
        sys.stdout.flush()
        print("on the other stream", file=sys.stderr)
        gate = Path(os.environ["GATE"])
        while not gate.exists():
            time.sleep(0.02)
        print(", and its end")
        self.next(self.bytes_of_all_kinds)

    @step
    def bytes_of_all_kinds(self):
        sys.stdout.buffer.write(b"\xff\xfe not text\r\nprogress 1\rprogress 2\n\n")
        os.write(1, b"straight to the descriptor\n")
        subprocess.run(["echo", "by a process of its own"], check=True)
        sys.stdout.buffer.write(b"x" * 200_000 + b"\n")
        print("[MFLOG|0|not a header|task|1]of the user")
        print("no end of line", end="")
        self.next(self.many)

    @step
    def many(self):
        for number in range(30_000):
            print(f"line {number}")
        self.next(self.end)

    @step
    def end(self):
        subprocess.Popen(["sleep", "60"])  # noqa: SIM115
        print("left a process behind")


if __name__ == "__main__":
    PrintsFlow()
