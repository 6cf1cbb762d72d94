"""The bench that these tests stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.engine_bench import Bench, Shared, bench

from metaflow_windmill.devserver.expressions.quickjs import QuickJs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from metaflow_windmill.devserver.expressions.evaluator import Evaluator


@pytest.fixture(scope="session")
def evaluator() -> Iterator[Evaluator]:
    """QuickJS, started once."""
    whole = QuickJs()
    yield Shared(whole)
    whole.close()


@pytest.fixture
def stand(tmp_path: Path, evaluator: Evaluator) -> Iterator[Bench]:
    """An engine with a simulated worker."""
    with bench(tmp_path, evaluator=evaluator) as made:
        yield made
