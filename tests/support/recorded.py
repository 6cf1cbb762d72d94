"""Local runs that were recorded, so that not each run of the tests pays for them again.

A recording is of one flow file's text, its options, one Metaflow and one Python: with any other the flow is
run. With ``METAFLOW_WINDMILL_REWRITE_GOLDEN=1`` all are run and written anew, with
``METAFLOW_WINDMILL_RUN_LOCALLY=1`` all are run.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow.metaflow_version import get_version
from tests.support.oracle import run_locally, run_seen

if TYPE_CHECKING:
    from tests.support.oracle import Home, RunSeen

FOLDER = Path(__file__).parents[1] / "golden/local_runs"
REWRITE, RUN = "METAFLOW_WINDMILL_REWRITE_GOLDEN", "METAFLOW_WINDMILL_RUN_LOCALLY"


def known_local_run(home: Home, flow: Path, name: str, *options: str) -> RunSeen:
    """Return what a local run of a flow does, from its recording where there is one.

    For tests that only compare: no run stands in the home's datastore then.
    """
    path = FOLDER / f"{name}-{_digest(flow, options)}.json"
    if path.exists() and not os.environ.get(RUN) and not os.environ.get(REWRITE):
        return run_seen(json.loads(path.read_text(encoding="utf-8"))["run"])
    seen = run_locally(home, flow, name, *options)
    if os.environ.get(REWRITE):
        FOLDER.mkdir(exist_ok=True)
        kept = {"flow": flow.name, "sha": sha(flow), "options": options, "run": {**asdict(seen), "log": ""}}
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return seen


def sha(flow: Path) -> str:
    """Return the digest of a flow file's text."""
    return hashlib.sha256(flow.read_bytes()).hexdigest()


def _digest(flow: Path, options: tuple[str, ...]) -> str:
    of = [sha(flow), *options, get_version(public=True), f"{sys.version_info[0]}.{sys.version_info[1]}"]
    return hashlib.sha256("\0".join(of).encode()).hexdigest()[:12]
