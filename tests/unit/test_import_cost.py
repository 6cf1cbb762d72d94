"""Every task imports Metaflow, and with it this extension: nothing of weight may come along."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.metaflow

PLUGINS = "metaflow_extensions.windmill.plugins"


def imported(**env: str) -> set[str]:
    """The modules that there are after ``import metaflow``, but for those of Python."""
    command = [sys.executable, "-c", "import sys, metaflow; print(*sys.modules)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, **env})
    return {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}


def test_importing_metaflow_brings_nothing_but_the_names_of_this_extension(tmp_path: Path) -> None:
    without = imported(METAFLOW_EXTENSIONS_SEARCH_DIRS=str(tmp_path))
    assert not [name for name in without if "windmill" in name]
    assert imported() - without == {
        "metaflow_extensions.windmill",
        PLUGINS,
        f"{PLUGINS}.mfextinit_windmill",
        f"{PLUGINS}.windmill_decorator",
        f"{PLUGINS}.windmill_deployer",
        f"{PLUGINS}.windmill_step",
    }
