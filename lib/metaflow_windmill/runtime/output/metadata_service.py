"""What a task says when Metaflow's metadata service is not there, or does not let it in."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.errors import RetryNotAllowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.runtime.output.failure import Failure

HEADERS = "METAFLOW_SERVICE_HEADERS"
_KEY = "METAFLOW_SERVICE_AUTH_KEY"
_NO_ANSWER = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "SSLError", "ProxyError")
_NOT_LET_IN = re.compile(r"\(code 40[13]\)")


def check_headers(environment: Mapping[str, str]) -> None:
    """See to it that the headers for the service are some; Metaflow would print what they are instead.

    Raises
    ------
    RetryNotAllowed
    """
    try:
        given = json.loads(environment.get(HEADERS) or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise RetryNotAllowed(
            f'{HEADERS} holds no JSON object such as {{"x-api-key": "..."}}. Correct the variable in '
            f"Windmill; for a key alone, deploy the flow again with --secret {_KEY}=..."
        )


def explained(failure: Failure, address: str) -> Failure:
    """Return a failure that says what to do, if it is about the metadata service.

    Parameters
    ----------
    failure : Failure
    address : str
        That of the service, for workers.
    """
    if failure.asking and failure.name in _NO_ANSWER:
        return replace(
            failure,
            message=f"The metadata service at {address} does not answer this worker ({failure.name}). See "
            "that it runs and that workers reach it there; METAFLOW_SERVICE_INTERNAL_URL names its address "
            "for workers when the flow is deployed.",
        )
    if failure.asking and _NOT_LET_IN.search(failure.message):
        return replace(
            failure,
            message=f"The metadata service at {address} does not let this worker in. Keep its headers in a "
            f"variable of Windmill and deploy the flow with --secret {HEADERS}=f/folder/variable, or correct "
            f"that variable. ({failure.message})",
        )
    return failure
