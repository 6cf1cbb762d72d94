"""What a person wants of a deployment, and what no deployment can have."""

from __future__ import annotations

import pytest

from metaflow_windmill.deployment.assembled.options import DeployOptions, check_wanted
from metaflow_windmill.errors import DeployError

pytestmark = pytest.mark.metaflow


@pytest.mark.parametrize("wanted", [DeployOptions(workflow_timeout=0), DeployOptions(workflow_timeout=2**31)])
def test_no_run_takes_longer_than_windmill_can_count(wanted: DeployOptions) -> None:
    with pytest.raises(DeployError, match="--workflow-timeout takes 1 to"):
        check_wanted(wanted)


def test_there_is_at_least_one_worker() -> None:
    with pytest.raises(DeployError, match="--max-workers must be 1 or more, not 0"):
        check_wanted(DeployOptions(max_workers=0))


def test_what_windmill_is_to_hold_for_a_deployment() -> None:
    wanted = DeployOptions(secrets=("KEY=f/team/key", "PASSWORD=f/team/database#password"))
    assert [secret.name for secret in wanted.references()] == ["KEY", "PASSWORD"]
