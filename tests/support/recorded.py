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

HOME = "{the home}"
FOLDER = Path(__file__).parents[1] / "golden/local_runs"
REWRITE, RUN = "METAFLOW_WINDMILL_REWRITE_GOLDEN", "METAFLOW_WINDMILL_RUN_LOCALLY"


def known_local_run(home: Home, flow: Path, name: str, *options: str, keep: bool = True) -> RunSeen:
    """Return what a local run of a flow does, from its recording where there is one.

    For tests that only compare: no run stands in the home's datastore then. Where the home is, a recording
    does not tell: what an option or an artifact says of it is that of the home of now.

    Parameters
    ----------
    home, flow, name, options
        As of `run_locally`.
    keep : bool
        Whether it may be recorded: not a flow that is drawn anew each time.
    """
    options_kept = tuple(option.replace(str(home.root), HOME) for option in options)
    path = FOLDER / f"{_plain(name)}-{_digest(flow, options_kept)}.json"
    if path.exists() and not os.environ.get(RUN) and not os.environ.get(REWRITE):
        told = path.read_text(encoding="utf-8").replace(HOME, str(home.root))
        return run_seen(json.loads(told)["run"])
    seen = run_locally(home, flow, name, *options)
    if os.environ.get(REWRITE) and keep:
        of = {"flow": flow.name, "sha": sha(flow), "options": options_kept}
        text = json.dumps({**of, "run": {**asdict(seen), "log": ""}}, indent=1)
        FOLDER.mkdir(exist_ok=True)
        path.write_text(text.replace(str(home.root), HOME) + "\n", encoding="utf-8")
    return seen


def sha(flow: Path) -> str:
    """Return the digest of a flow file's text."""
    return hashlib.sha256(flow.read_bytes()).hexdigest()


def _plain(name: str) -> str:
    """Return a part of a file's name that all file systems keep as it is."""
    return "".join(letter for letter in name if letter.isascii())


def _digest(flow: Path, options: tuple[str, ...]) -> str:
    of = [sha(flow), *options, get_version(public=True), f"{sys.version_info[0]}.{sys.version_info[1]}"]
    return hashlib.sha256("\0".join(of).encode()).hexdigest()[:12]
