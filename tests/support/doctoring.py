"""``metaflow-windmill doctor`` as a person runs it, and what it found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.support.patience import patient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.workspace import Workspace


def doctor(
    place: Workspace, directory: Path, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command in a directory."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "WM_"))}
    environment = {
        **kept,
        "HOME": str(directory),
        "XDG_DATA_HOME": str(directory),
        "WINDMILL_HOST": place.server.url,
        "WINDMILL_TOKEN": place.server.token,
        "WINDMILL_WORKSPACE": place.server.workspace,
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(place.store),
        **variables,
    }
    command = [sys.executable, "-m", "metaflow_windmill.cli.main", "doctor", *options]
    return subprocess.run(
        command,
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        timeout=patient(150),
        check=False,
    )


def findings(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return what the command found on its own machine, by subject."""
    found = json.loads(done.stdout)["findings"]
    return {item["subject"]: item for item in found if not item["where"]}
