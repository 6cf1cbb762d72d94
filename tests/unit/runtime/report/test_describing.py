from __future__ import annotations

import os
import signal
import time

from metaflow_windmill.runtime.output.masking import Mask
from metaflow_windmill.runtime.report.describing import SECONDS, describe


class Hangs:
    def __repr__(self) -> str:
        while True:
            pass


class Dies:
    def __repr__(self) -> str:
        os.kill(os.getpid(), signal.SIGSEGV)
        return ""


class Raises:
    def __repr__(self) -> str:
        raise SystemExit(1)


class Huge:
    def __repr__(self) -> str:
        return "x" * 10**10


class Prints:
    def __repr__(self) -> str:
        print("not to be seen")
        return "Prints()"


def test_a_class_that_fails_to_say_what_it_is_costs_its_own_text_alone() -> None:
    values = {"a": Hangs(), "b": Dies(), "c": Raises(), "d": Huge(), "e": Prints(), "f": 1}
    assert describe(values, Mask(), seconds=20).texts() == {"e": "Prints()", "f": "1"}


def test_however_many_hang_the_time_is_limited() -> None:
    began = time.monotonic()
    told = describe({f"v{number}": Hangs() for number in range(40)} | {"plain": [1]}, Mask()).texts()
    assert told == {"plain": "[1]"}
    assert time.monotonic() - began < SECONDS + 5
