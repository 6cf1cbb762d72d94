"""Put on the path of a job, this kills the job at the point that KILL_AT names: ``file:function:event``.

Python imports it when it starts. Nothing of the program is changed: the interpreter tells of
each call and each return, and at the given one, all processes of the job die at once. Looking
takes time, so it begins with the first private directory that the job makes.
"""

import os
import signal
import sys
from types import FrameType

FILE, FUNCTION, EVENT = os.environ["KILL_AT"].split(":")


def look(frame: FrameType, event: str, argument: object) -> None:
    if event == EVENT and frame.f_code.co_name == FUNCTION and frame.f_code.co_filename.endswith(FILE):
        os.killpg(os.getpgrp(), signal.SIGKILL)


def begin(event: str, arguments: tuple[object, ...]) -> None:
    if event == "tempfile.mkdtemp":
        sys.setprofile(look)


sys.addaudithook(begin)
