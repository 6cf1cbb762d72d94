"""The process that runs QuickJS: evaluates one expression after another, each in a fresh context.

It reads requests from its standard input and answers on its standard output (see `frames`). It is started
with an empty environment and a memory limit, and its parent ends it when an expression takes too long.
"""

from __future__ import annotations

import os
import resource
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import dukpy

from metaflow_windmill.devserver import frames
from metaflow_windmill.devserver.expressions.syntax import awaited, is_statement

if TYPE_CHECKING:
    from typing import BinaryIO

    from metaflow_windmill.types import Json

MEMORY_LIMIT = 128 * 1024 * 1024
"""Bytes that an expression may use beyond what the process needs itself."""

PRELUDE = """
(function () {
  const call = call_python;
  for (const name of ["call_python", "console", "process", "require",
                      "_dukpy_cjs_source_compiles", "_dukpy_eval_cjs_source"]) delete globalThis[name];
  for (const [name, value] of Object.entries(dukpy.names)) globalThis[name] = value;
  const previousId = dukpy.previous_id;
  delete globalThis.dukpy;
  const fetched = async (kind, name) => {
    const answer = call("fetch", kind, String(name));
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.value;
  };
  for (const kind of ["variable", "resource", "flow_user_state"]) {
    globalThis[kind] = (name) => fetched(kind, name);
  }
  globalThis.results = new Proxy({}, {
    get(_, name) {
      if (typeof name === "symbol") return undefined;
      const known = name === previousId && typeof previous_result !== "undefined";
      if (known) return Promise.resolve(previous_result);
      return fetched("results", name);
    },
  });
})()
"""
RUN = """
delete globalThis.dukpy; delete globalThis.call_python;
globalThis.__ended = {error: "The expression awaits something that never comes."};
(async function () { %s })()
  .then((value) => JSON.stringify(value ?? null))
  .then((text) => { __ended = {value: text ?? "null"}; },
        (why) => { __ended = {error: why instanceof Error ? `${why.name}: ${why.message}` : String(why)}; });
0
"""


def main() -> None:
    """Serve until the parent closes the pipe."""
    requests, answers = os.fdopen(0, "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit_memory()
    while True:
        try:
            request = frames.read(requests.read)
        except EOFError:
            return
        frames.write(answers, evaluate(request, requests, answers))


def limit_memory() -> None:
    """Keep an expression from taking the machine's memory."""
    if not sys.platform.startswith("linux"):
        return
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_LIMIT, used + MEMORY_LIMIT))


def evaluate(request: Json, requests: BinaryIO, answers: BinaryIO) -> Json:
    """Return ``{"value": <JSON text>}`` or ``{"error": <why>}`` for one request."""
    try:
        interpreter = dukpy.JSInterpreter()
        interpreter.export_function("fetch", partial(_fetch, requests, answers))
        interpreter.evaljs(PRELUDE, names=request["names"], previous_id=request["previous_id"])
        interpreter.evaljs(RUN % body_of(request["expression"]))
        return interpreter.evaljs("__ended")
    except dukpy.JSRuntimeError as fault:
        return {"error": str(fault).partition("\n")[0]}
    except MemoryError:
        return {"error": f"The expression needs more than {MEMORY_LIMIT >> 20} MB of memory."}


def body_of(expression: str) -> str:
    """Return an expression as the body of an asynchronous function."""
    rewritten = awaited(expression)
    return rewritten if is_statement(rewritten) else f"return {rewritten}"


def _fetch(requests: BinaryIO, answers: BinaryIO, kind: str, name: str) -> Json:
    frames.write(answers, {"fetch": [kind, name]})
    return frames.read(requests.read)


if __name__ == "__main__":
    main()
