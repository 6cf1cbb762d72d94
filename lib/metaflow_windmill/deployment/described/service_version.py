"""What must hold of Metaflow's metadata service before a flow that uses it is deployed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS = ("METAFLOW_SERVICE_HEADERS", "METAFLOW_SERVICE_AUTH_KEY")
"""The variables that let a client of the service in; either will do."""

LOWEST = (2, 0, 2)
"""The first version whose ids may be texts, such as those of runs that an orchestrator names."""

_ANSWERED_WITHIN = 10.0  # seconds
_VERSION = re.compile(r"\d+\.\d+(\.\d+)?")


def plain_address(address: str) -> str:
    """Return an address of a service that may be written into a deployed flow.

    Raises
    ------
    DeployError
        If a password is in it.
    """
    url = urlsplit(address)
    if url.username or url.password:
        raise DeployError(
            f"the address of the metadata service at {url.hostname} holds a user name or a password, which "
            f"everybody who sees the deployed flow could read; leave it out of METAFLOW_SERVICE_URL and "
            f"METAFLOW_SERVICE_INTERNAL_URL, and give tasks a header instead, by --secret {HEADERS[0]}=..."
        )
    return address


def check_version(version: str | None, address: str) -> None:
    """See to it that a service takes the ids of Windmill's runs.

    Raises
    ------
    DeployError
        If it is older than `LOWEST`, or does not tell its version, as the oldest ones do not.
    """
    found = _VERSION.match(version or "")
    if found and tuple(map(int, found[0].split("."))) >= LOWEST:
        return
    said = f"is of version {version}" if version else "does not tell its version"
    raise DeployError(
        f"the metadata service at {address} {said}, and only from {'.'.join(map(str, LOWEST))} on does it "
        "take runs that Windmill names; upgrade it, or choose --metadata=local"
    )


def ask_version(address: str, headers: Mapping[str, str]) -> str | None:
    """Ask a service for its version; None if it does not tell.

    Raises
    ------
    DeployError
        If it does not answer as such a service does.
    """
    import requests

    try:
        answer = requests.get(f"{address.rstrip('/')}/ping", headers=headers, timeout=_ANSWERED_WITHIN)
    except requests.RequestException as why:
        raise DeployError(
            f"the metadata service at {address} does not answer ({type(why).__name__}); start it, or "
            "correct METAFLOW_SERVICE_URL. If only the workers can reach it, "
            "METAFLOW_SERVICE_VERSION_CHECK=0 deploys without a look at it"
        ) from None
    if answer.status_code in {401, 403}:
        raise DeployError(
            f"the metadata service at {address} does not let you in (status {answer.status_code}); set "
            f"{HEADERS[0]} or {HEADERS[1]}, as `metaflow configure` does"
        )
    if not answer.ok:
        raise DeployError(
            f"what is at {address} is no metadata service, or an ailing one: it answers /ping with status "
            f"{answer.status_code}; correct METAFLOW_SERVICE_URL"
        )
    return answer.headers.get("METADATA_SERVICE_VERSION")
