"""Who is told of the end of a run: read from options, with secrets as references and never as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from metaflow_windmill.contract.notification import Channel, ChannelKind, Notifications
from metaflow_windmill.deployment.described.secret_references import Secret, read_path
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTIONS: dict[ChannelKind, str] = {
    "slack": "--notify-slack-webhook-url",
    "webhook": "--notify-webhook-url",
    "pager_duty": "--notify-pager-duty-integration-key",
    "incident_io": "--notify-incident-io-api-key",
}
"""The option of each kind of channel."""

assert tuple(OPTIONS) == get_args(ChannelKind)  # noqa: S101  (a kind without an option could not be asked for)


@dataclass(frozen=True)
class IncidentIo:
    """What incident.io needs beside a key: which of its alert sources, and what an alert is to say."""

    source: str | None = None
    metadata: tuple[str, ...] = ()


def read_notifications(
    given: Mapping[ChannelKind, str | None],
    *,
    on_error: bool,
    on_success: bool,
    incident_io: IncidentIo | None = None,
) -> Notifications:
    """Read who is to be told.

    Parameters
    ----------
    given : mapping
        Of each kind of channel where its address or key is in Windmill, such as ``f/folder/variable``
        or ``f/folder/resource#field``; None where there is no such channel.
    on_error, on_success : bool
    incident_io : IncidentIo or None

    Raises
    ------
    DeployError
        If nobody is to be told of anything, or nothing to anybody, or a secret stands there itself.
    """
    incident = incident_io or IncidentIo()
    settings = {"incident_io": _settings(incident, used=bool(given.get("incident_io")))}
    channels = tuple(
        Channel(kind, _secret(kind, place).reference, settings.get(kind, {}))
        for kind, place in given.items()
        if place
    )
    if channels and not (on_error or on_success):
        option = OPTIONS[channels[0].kind]
        raise DeployError(f"{option} needs to know when: add --notify-on-error, --notify-on-success or both")
    if (on_error or on_success) and not channels:
        raise DeployError(
            "notifications need somebody to go to: add " + ", ".join(list(OPTIONS.values())[:-1]) + " or "
            f"{OPTIONS['incident_io']}"
        )
    return Notifications(channels, on_success=on_success, on_error=on_error)


def secrets_of(notifications: Notifications) -> tuple[Secret, ...]:
    """Return where in Windmill the addresses and keys of the channels are."""
    return tuple(_secret(channel.kind, _place(channel)) for channel in notifications.channels)


def _place(channel: Channel) -> str:
    said = channel.credential
    return f"{said['resource']}#{said['field']}" if isinstance(said, dict) else str(said)


def _secret(kind: ChannelKind, place: str) -> Secret:
    option = OPTIONS[kind]
    found = read_path(place)
    if found is None:
        raise DeployError(
            f"{option} takes the path of a variable in Windmill, such as f/flows/{kind}, and not its value, "
            "which nobody is to find in the deployed flow: keep the value in a secret variable, on "
            "Windmill's page Variables, and give its path"
        )
    return Secret(option, *found)


def _settings(incident: IncidentIo, *, used: bool) -> dict[str, object]:
    pairs = [item.partition("=") for item in incident.metadata]
    if used != bool(incident.source) or (pairs and not used):
        raise DeployError(
            f"{OPTIONS['incident_io']} and --incident-io-alert-source-config-id are needed together; "
            "--incident-io-metadata goes with them"
        )
    if wrong := next((name for name, equals, _ in pairs if not (name and equals)), None):
        raise DeployError(f"--incident-io-metadata takes Key=Value, not {wrong!r}")
    return {"source": incident.source, "metadata": {name: value for name, _, value in pairs}}
