"""What a person wants of a deployment: the same, with the same meaning, wherever a flow is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from metaflow_windmill.contract.notification import Notifications
from metaflow_windmill.contract.record import LONGEST_TIMEOUT
from metaflow_windmill.contract.worker_options import MOST_LOST, MOST_PACKED, is_pack, is_retry_lost
from metaflow_windmill.deployment.described.notification_options import (
    OPTIONS,
    IncidentIo,
    read_notifications,
    secrets_of,
)
from metaflow_windmill.deployment.described.secret_references import read_secrets
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.deployment.described.secret_references import Secret
    from metaflow_windmill.types import Json


@dataclass(frozen=True)
class DeployOptions:
    """What those options say; each field has the name by which click and the Deployer know the option."""

    tags: tuple[str, ...] = ()
    user_namespace: str | None = None
    max_workers: int | None = None
    pack: int | None = None
    memo: bool = False
    retry_lost: int | None = None
    max_num_splits: int | None = None
    workflow_timeout: int | None = None
    workflow_title: str | None = None
    workflow_description: str | None = None
    requirements: str | None = None
    secrets: tuple[str, ...] = ()
    notifications: Notifications = field(default_factory=Notifications)

    @classmethod
    def of(cls, options: Mapping[str, Json]) -> DeployOptions:
        """Pick them from all options of a command; `DeployError` if they do not fit together."""
        plain = [item for item in fields(cls) if item.name in options]
        told = {item.name: _plain(options[item.name], item.default) for item in plain}
        return cls(**told, notifications=notifications_of(options))

    def references(self) -> tuple[Secret, ...]:
        """Return what Windmill is to hold for it; `DeployError` if one of the options is none."""
        return (*read_secrets(self.secrets), *secrets_of(self.notifications))


def check_wanted(wanted: DeployOptions) -> None:
    """Refuse what no deployment can have.

    Raises
    ------
    DeployError
    """
    seconds = wanted.workflow_timeout
    if wanted.max_workers is not None and wanted.max_workers < 1:
        raise DeployError(f"--max-workers must be 1 or more, not {wanted.max_workers}")
    if wanted.pack is not None and not is_pack(wanted.pack):
        raise DeployError(f"--pack takes 1 to {MOST_PACKED} tasks a job, not {wanted.pack}")
    if wanted.retry_lost is not None and not is_retry_lost(wanted.retry_lost):
        raise DeployError(f"--retry-lost takes 0 to {MOST_LOST} times, not {wanted.retry_lost}")
    if seconds is not None and not 1 <= seconds <= LONGEST_TIMEOUT:
        raise DeployError(f"--workflow-timeout takes 1 to {LONGEST_TIMEOUT} seconds, not {seconds}")


def _plain(value: Json, default: object) -> Json:
    """Return the value of an option as it is in the dataclass: a tuple where it may be given often."""
    return tuple(value or ()) if default == () else value


def notifications_of(options: Mapping[str, Json]) -> Notifications:
    """Pick them from all options of a command; `DeployError` if they do not fit together."""
    source, metadata = options["incident_io_alert_source_config_id"], options["incident_io_metadata"]
    return read_notifications(
        {kind: options[_destination(option)] for kind, option in OPTIONS.items()},
        on_error=options["notify_on_error"],
        on_success=options["notify_on_success"],
        incident_io=IncidentIo(source, tuple(metadata or ())),
    )


def _destination(option: str) -> str:
    """Return the name by which click knows an option."""
    return option.removeprefix("--").replace("-", "_")
