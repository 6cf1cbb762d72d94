"""Runs one script: arguments from args.json, the result to result.json.

Runs inside the job, so it imports as little as it can: each import is paid by every step of every flow.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs milliseconds here
ENTRYPOINT = "_ENTRYPOINT_OVERRIDE"
"""The argument that names another function than ``main``, which a flow's preprocessor step is called by."""
WORKER = "/tmp/windmill/wk-default-000000000000-local"  # noqa: S108 - a name, nothing is there
"""The directory of a worker in a container; no job runs there."""
TAKES_KEYWORDS = 0x08
VALUES = (str, dict, list, bytes, tuple, set, frozenset, range, memoryview, bytearray)


def read(name: str) -> Any:  # noqa: ANN401 - JSON; this file imports nothing of the project
    """Return the JSON in a file of the job's directory."""
    with open(os.path.join(HERE, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123
        return json.load(file, strict=False)


def write(name: str, text: str) -> None:
    """Write a file of the job's directory."""
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:  # noqa: PTH118, PTH123
        file.write(text)


def chosen(function: Callable[..., object], given: dict[str, object]) -> dict[str, object]:
    """Return the arguments that the function takes: its default, else None, for one that is missing."""
    code = getattr(function, "__code__", None)
    if code is None:
        return given
    names = code.co_varnames[: code.co_argcount]
    optional = names[len(names) - len(function.__defaults__ or ()) :]
    kept = {}
    for name in names:
        value = typed(given.get(name), function.__annotations__.get(name))
        if not (name in optional and (value is None or value == "<function call>")):
            kept[name] = value
    if code.co_flags & TAKES_KEYWORDS:
        kept.update({name: value for name, value in given.items() if name not in names})
    return kept


def typed(value: object, annotation: object) -> object:
    """Turn the text of an argument into the bytes or the instant that the script asks for."""
    kind = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    if not isinstance(value, str):
        return value
    if kind == "bytes":
        from base64 import b64decode

        return b64decode(value)
    if kind in ("datetime", "datetime.datetime"):
        from datetime import datetime

        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value


def as_json(result: Any) -> str:  # noqa: ANN401 - what a script returns, a data frame too
    """Return the result as JSON that every reader accepts: no NaN, no infinities, no NUL."""
    if type(result).__name__ == "DataFrame":
        result = result.to_dict(orient="records")
    if isinstance(result, (bytes, bytearray, memoryview)):
        from base64 import b64encode

        result = b64encode(result).decode()
    try:
        text = json.dumps(result, separators=(",", ":"), default=str, allow_nan=False)
    except ValueError:
        text = json.dumps(without_nan(result), separators=(",", ":"), default=str)
    return text.replace("\\u0000", " null ") if "\\u0000" in text else text


def without_nan(value: object) -> object:
    """Replace each number that JSON does not know by None."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and (value != value or value in (1e999, -1e999)) else value  # noqa: PLR0124


def streamed(result: Iterable[str]) -> None:
    """Print what an iterator yields, a line each, as it comes; Windmill shows it while the job runs."""
    for chunk in result:
        print("WM_STREAM: " + chunk.replace("\n", "\\n"))


def run(plan: dict[str, Any]) -> None:
    """Import the script and call it."""
    if plan["loader"]:
        import_module("loader")
    given = read("args.json")
    dont_write, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    script = import_module(plan["module"])
    sys.dont_write_bytecode = dont_write
    if plan["preprocess"]:
        given = script.preprocessor(**chosen(script.preprocessor, given))
        write("preprocessed.json", as_json(given))
    name = given.pop(ENTRYPOINT, "main")
    function = getattr(script, name, None)
    if not callable(function):
        raise ValueError(f"{name} function is missing")  # noqa: TRY004 - the name that Windmill gives it
    result = function(**chosen(function, given))
    if (
        hasattr(result, "__iter__")
        and not isinstance(result, VALUES)
        and type(result).__name__ != "DataFrame"
    ):
        streamed(result)
        result = None
    write("result.json", as_json(result))


def as_on_a_worker(stack: str) -> str:
    """Name the job's files as a worker in a container does.

    The directory is gone when somebody reads of it, and results must not depend on where a server keeps its
    data: expressions of flows may look at errors, their length included.
    """
    return stack.replace(HERE, f"{WORKER}/{os.environ.get('WM_JOB_ID', '')}")


def told(fault: BaseException) -> dict[str, Any]:
    """Return an exception as Windmill reports it, without this wrapper's own frames."""
    import traceback

    frames = traceback.extract_tb(fault.__traceback__)
    stack = traceback.format_list([frame for frame in frames if frame.filename != __file__])
    said: dict[str, Any] = {
        "message": str(fault),
        "name": type(fault).__name__,
        "stack": as_on_a_worker("\n".join(stack)),
    }
    if getattr(fault, "__dict__", None):
        said["extra"] = fault.__dict__
    if os.environ.get("WM_FLOW_STEP_ID"):
        said["step_id"] = os.environ["WM_FLOW_STEP_ID"]
    return said


try:
    run(read("wrapper.json"))
except BaseException as fault:  # noqa: BLE001 - whatever ends a script is its error, SystemExit too
    write("result.json", json.dumps(told(fault), default=str))
    sys.exit(1)
