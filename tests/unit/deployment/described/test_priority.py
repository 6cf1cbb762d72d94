from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.support.scripted_server import Answer, scripted_server

from metaflow_windmill.client.http import HttpTransport
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.deployment.assembled.wanted import Wanted, check_wanted
from metaflow_windmill.deployment.described.priority import check_priority
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.metaflow


@pytest.fixture
def windmill(request: pytest.FixtureRequest) -> Iterator[Windmill]:
    with scripted_server(Answer(200, request.param)) as server:
        yield Windmill(HttpTransport(server.url, "token"), "w")


@pytest.mark.parametrize("windmill", ["EE v1.788.0"], indirect=True)
def test_an_enterprise_server_has_priorities(windmill: Windmill) -> None:
    check_priority(windmill, 100)


@pytest.mark.parametrize("windmill", ["CE v1.788.0"], indirect=True)
def test_the_open_source_server_would_ignore_them(windmill: Windmill) -> None:
    check_priority(windmill, None)
    with pytest.raises(DeployError, match=r"this server is CE v1.788.0: leave --workflow-priority out"):
        check_priority(windmill, 1)


@pytest.mark.parametrize("wanted", [Wanted(workflow_priority=0), Wanted(workflow_priority=101)])
def test_there_are_a_hundred(wanted: Wanted) -> None:
    with pytest.raises(DeployError, match="--workflow-priority takes 1 to 100"):
        check_wanted(wanted)


@pytest.mark.parametrize("wanted", [Wanted(workflow_timeout=0), Wanted(workflow_timeout=2**31)])
def test_no_run_takes_longer_than_windmill_can_count(wanted: Wanted) -> None:
    with pytest.raises(DeployError, match="--workflow-timeout takes 1 to"):
        check_wanted(wanted)
