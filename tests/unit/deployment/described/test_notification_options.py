from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.contract.notification import Channel, Notifications
from metaflow_windmill.deployment.described.notification_options import (
    IncidentIo,
    read_notifications,
    secrets_of,
)
from metaflow_windmill.deployment.described.secret_references import Secret
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from metaflow_windmill.contract.notification import ChannelKind


def read(
    *, on_error: bool = True, on_success: bool = False, incident: IncidentIo | None = None, **given: str
) -> Notifications:
    kinds: list[ChannelKind] = ["slack", "webhook", "pager_duty", "incident_io"]
    named = {kind: given.get(kind) for kind in kinds}
    return read_notifications(named, on_error=on_error, on_success=on_success, incident_io=incident)


def test_nobody_need_be_told() -> None:
    assert read(on_error=False) == Notifications()


def test_addresses_are_references() -> None:
    found = read(slack="f/x/slack", webhook="$var:u/ann/hook", pager_duty="f/x/pager#key", on_success=True)
    assert found == Notifications(
        (
            Channel("slack", "$var:f/x/slack"),
            Channel("webhook", "$var:u/ann/hook"),
            Channel("pager_duty", {"resource": "$res:f/x/pager", "field": "key"}),
        ),
        on_error=True,
        on_success=True,
    )
    assert secrets_of(found) == (
        Secret("--notify-slack-webhook-url", "f/x/slack"),
        Secret("--notify-webhook-url", "u/ann/hook"),
        Secret("--notify-pager-duty-integration-key", "f/x/pager", "key"),
    )


def test_incident_io_needs_a_source() -> None:
    found = read(incident=IncidentIo("01GW", ("team=data", "x=a=b")), incident_io="f/x/key")
    (channel,) = found.channels
    assert channel.settings == {"source": "01GW", "metadata": {"team": "data", "x": "a=b"}}


@pytest.mark.parametrize(
    "value", ["https://hooks.test/secret", "R0ut1ngKey", "f/x", "f/x/slack#", "x/f/slack", "f/x/a b"]
)
def test_a_value_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(DeployError, match="takes the path of a variable in Windmill") as refused:
        read(slack=value)
    assert value not in str(refused.value)


def test_somebody_and_something_belong_together() -> None:
    with pytest.raises(DeployError, match="notifications need somebody to go to: add --notify-slack-webhook"):
        read()
    with pytest.raises(DeployError, match="--notify-webhook-url needs to know when: add --notify-on-error"):
        read(webhook="f/x/hook", on_error=False)
    with pytest.raises(DeployError, match="needed together"):
        read(incident_io="f/x/key")
    with pytest.raises(DeployError, match="needed together"):
        read(slack="f/x/slack", incident=IncidentIo("01GW"))
    with pytest.raises(DeployError, match="takes Key=Value, not 'team'"):
        read(incident=IncidentIo("01GW", ("team",)), incident_io="f/x/key")
