"""Small flows, read as a deployment reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.support.dags import dag_of, flow_text

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.dags import Read

    from metaflow_windmill.graph import Dag


@pytest.fixture
def read(tmp_path: Path, request: pytest.FixtureRequest) -> Read:
    def read_text(steps: str, decorators: str = "") -> Dag:
        file = tmp_path / f"{re.sub(r'[^a-z_]', '', request.node.name)}.py"
        file.write_text(flow_text(steps, decorators), encoding="utf-8")
        return dag_of(file)

    return read_text
