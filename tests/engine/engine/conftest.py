"""The bench that these tests stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import Bench, bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Bench]:
    """An engine with a simulated worker."""
    with bench(tmp_path) as made:
        yield made
