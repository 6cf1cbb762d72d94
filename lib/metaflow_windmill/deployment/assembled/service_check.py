"""A look at Metaflow's metadata service before a flow is deployed that uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.deployment.described.service_version import (
    HEADERS,
    ask_version,
    check_version,
    plain_address,
)
from metaflow_windmill.errors import DeployError
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.internals.deploying import CliState

SERVICE = "service"


def check_service(obj: CliState) -> None:
    """See to it that the service is there and takes Windmill's runs, unless it is not to be asked.

    Raises
    ------
    DeployError
    """
    from metaflow import metaflow_config

    if obj.metadata.TYPE != SERVICE:
        return
    address = _said(metaflow_config.SERVICE_URL)
    if metaflow_config.SERVICE_VERSION_CHECK:
        check_version(ask_version(address, metaflow_config.SERVICE_HEADERS), address)


def service_address() -> str:
    """Return the address that workers reach the service at.

    Raises
    ------
    DeployError
        If there is none, or it is not for everybody to read.
    """
    from metaflow import metaflow_config

    return _said(metaflow_config.SERVICE_INTERNAL_URL or metaflow_config.SERVICE_URL)


def remark_on_headers(obj: CliState, secrets: Iterable[str]) -> None:
    """Say so if what lets this machine in is not given to the tasks: it is never written into a flow."""
    from metaflow import metaflow_config

    given = {option.partition("=")[0] for option in secrets}
    if obj.metadata.TYPE == SERVICE and metaflow_config.SERVICE_HEADERS and not given & set(HEADERS):
        say(
            obj,
            "Note: the headers that let you in to the metadata service are not part of the deployed flow. "
            f"Keep them in a variable of Windmill and add --secret {HEADERS[0]}=f/folder/variable, unless "
            "the workers have them already.",
        )


def _said(address: str | None) -> str:
    if not address:
        raise DeployError(
            "metadata is to be kept in a service, and nothing says where it is; set METAFLOW_SERVICE_URL, "
            "or choose --metadata=local"
        )
    return plain_address(address)
