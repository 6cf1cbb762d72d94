"""What a repository's configuration says of the end of runs: who is told, and how long they may take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.contract.notification import variable_of
from metaflow_windmill.deployment.described.notification_options import OPTIONS, read_notifications
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.contract.notification import ChannelKind, Notifications
    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.compiling.configuration import Configuration

KINDS: tuple[ChannelKind, ...] = ("slack", "webhook", "pager_duty")


def channels_of(notify: Iterable[str]) -> dict[ChannelKind, str | None]:
    """Read channels such as ``slack=f/folder/variable``.

    Raises
    ------
    DeployError
        If one is none, or is there twice.
    """
    found: dict[ChannelKind, str | None] = {}
    for item in notify:
        name, _, place = item.partition("=")
        kind = next((kind for kind in KINDS if kind == name and kind not in found), None)
        if kind is None or not place:
            raise DeployError(
                f"Name each channel once, as {'=..., '.join(KINDS)}=... with the path of a variable, "
                f"not {name[:40]!r}"
            )
        found[kind] = place
    return found


def notifications_of(configuration: Configuration) -> Notifications:
    """Return who is told of the end of the repository's runs; `DeployError` if that does not fit together."""
    return read_notifications(
        channels_of(configuration.notify),
        on_error=configuration.notify_on_error,
        on_success=configuration.notify_on_success,
    )


def credentials_of(configuration: Configuration) -> dict[str, Json]:
    """Return the references to the channels' secrets, by the variable that the notifying job reads."""
    channels = notifications_of(configuration).channels
    return {variable_of(channel.kind): channel.credential for channel in channels}


def options_of(configuration: Configuration) -> list[str]:
    """Return the options of ``create`` that say all this."""
    options = [f"{OPTIONS[kind]}={place}" for kind, place in channels_of(configuration.notify).items()]
    options += ["--notify-on-error"] if configuration.notify_on_error else []
    options += ["--notify-on-success"] if configuration.notify_on_success else []
    if configuration.workflow_timeout:
        options.append(f"--workflow-timeout={configuration.workflow_timeout}")
    return options
