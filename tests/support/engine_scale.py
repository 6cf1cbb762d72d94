"""What an item of a foreach costs the engine alone: no process and no Metaflow in the leaf.

Each size is a process of its own, so that the most memory is that of the size. The flow is one that the
compiler makes; its tasks answer as the runtime does.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import deque
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.deployments import SCRIPT, fixed_deployment
from tests.support.engine_bench import bench
from tests.support.simulated import RECORD
from tests.support.small_dags import small_dag

from metaflow_windmill.compiler import compile_flow
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.runtime.attempt.result import result
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.identity import identify

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.engine_bench import Bench

    from metaflow_windmill.types import Json

AT_ONCE, PATIENCE = 100, 600


def document(most_splits: int | None) -> Json:
    """Return the value of a flow of a foreach, its join and an end."""
    dag = small_dag("join", start="foreach body", body="join", join="end", end="")
    return compile_flow(dag, fixed_deployment(dag.name, max_splits=most_splits)).value.to_json()


def answering(splits: int) -> Callable[[Mapping[str, Json]], Json]:
    """Return what answers for each task of that flow."""

    def answer(args: Mapping[str, Json]) -> Json:
        spec = TaskSpec.from_json(args["task"])
        levels = {name: value for name, value in args.items() if name.startswith("level_")}
        task = identify(spec, RECORD, CurrentJob(run="r"), args.get("run"), levels)
        told = result(task, {"branch": None, "splits": splits if spec.tells else None})
        return told | ({"awaited": False} if spec.ends else {})

    return answer


def measured(splits: int, *, whole: bool) -> dict[str, float]:
    """Run the flow with so many splits; return seconds an item and the most memory in megabytes."""
    with tempfile.TemporaryDirectory() as place, bench(Path(place)) as stand:
        stand.answers[SCRIPT] = answering(splits)
        nothing: Any = deque(maxlen=1)
        stand.ran = stand.tokens.issued = nothing
        start, computed = time.perf_counter(), time.process_time()
        job = stand.submit(document(None if whole else 1_000_000))
        _work(stand)
        spent, computed = time.perf_counter() - start, time.process_time() - computed
        found = stand.database.read().execute("SELECT outcome FROM job WHERE id = ?", (job,)).fetchone()
        assert found[0] == "success", found[0]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds an item": spent / splits, "computing an item": computed / splits, "memory, MB": memory}


def _work(stand: Bench) -> None:
    """Do what there is to do, so many jobs at a time as several workers would."""
    while stand.engine.settle(PATIENCE):
        jobs = list(takewhile(lambda job: job, (stand.engine.pull("bench", ()) for _ in range(AT_ONCE))))
        if not jobs:
            return
        for job in jobs:
            assert job is not None
            stand.engine.finish(job.id, stand.outcome(job))
    raise TimeoutError(f"the engine did not come to rest in {PATIENCE} s")


def main() -> None:
    """Print a row for each size, and the ratio of its cost to that of the first."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("sizes", type=int, nargs="*", default=[500, 50_000])
    ask.add_argument("--whole", action="store_true", help="as one loop, which flows of few splits are")
    ask.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    said = ask.parse_args()
    if said.one:
        print(json.dumps(measured(said.sizes[0], whole=said.whole)))
        return
    first: dict[str, float] = {}
    for size in said.sizes:
        command = [sys.executable, "-m", __spec__.name, "--one", str(size), *["--whole"] * said.whole]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        first = first or told
        row = ", ".join(f"{name} {told[name]:.4f} ({told[name] / first[name]:.2f} times)" for name in told)
        print(f"{size:>7,} items: {row}", flush=True)


if __name__ == "__main__":
    main()
