"""All tests on islands, of an embedded server or of the Windmill that the tests are to run on."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.elsewhere import KEPT, TOKEN, WORKSPACE, elsewhere, workspace_there
from tests.support.islands.server import islands
from tests.support.oracle import SETTINGS
from tests.support.patience import SERVER
from tests.support.reachable import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

ASKED = "METAFLOW_WINDMILL_TEST_ISLANDS"
"""The variable that asks for it."""


def asked() -> bool:
    """Tell whether all tests are to run on workers that share nothing."""
    return bool(os.environ.get(ASKED))


@contextmanager
def everywhere() -> Iterator[None]:
    """Have one server with two workers on islands, and a home of Metaflow's that is in their store.

    To the tests it is a Windmill elsewhere: they share it, one after another.
    """
    own = workspace_there() if elsewhere() else nullcontext()
    with tempfile.TemporaryDirectory() as directory, own, islands(Path(directory)) as made:
        os.environ |= {SETTINGS: json.dumps(made.settings), HOST: made.host}
        if elsewhere():
            yield
            return
        there = made.server
        os.environ |= {SERVER: there.url, TOKEN: there.token, WORKSPACE: there.workspace, KEPT: "1"}
        yield
