"""What an answer of Windmill means: the value that was asked for, or an error of this project's tree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.errors import Conflict, NotFound, Refused, Unauthorized, WindmillError

if TYPE_CHECKING:
    from metaflow_windmill.client.transport import Request, Response

ERROR = 400
TOO_MANY = 429
SERVER_ERROR = 500
BUSY = "Windmill, or what stands before it, is busy or in trouble: try again in a while."
THERE_ALREADY = ("already exists", "duplicate key value")
"""What a real server says of what is there already: its own words, or those of its database where another
request made it in the same moment."""
WORDS_SHOWN = 600

_BY_STATUS: dict[int, type[WindmillError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
}

_ADVICE: dict[type[WindmillError], str] = {
    Unauthorized: "Check WINDMILL_TOKEN: it must be a token of this server with the rights for this.",
}


def checked(request: Request, response: Response) -> Response:
    """Return the response if it is good.

    Raises
    ------
    WindmillError
        The member of the tree that fits the status; its text names the request, the status
        and Windmill's own words.
    """
    if response.status < ERROR:
        return response
    kind = _kind(response)
    said = words(response)
    often = f", {response.attempts} times" if response.attempts > 1 and passing(response.status) else ""
    message = f"{request} was answered with status {response.status}{often}" + (f": {said}" if said else "")
    advice = BUSY if passing(response.status) else _ADVICE.get(kind, "")
    raise kind(f"{message}. {advice}" if advice else message, str(request), response.status)


def made(request: Request, response: Response) -> Response:
    """Return the response of a request that makes something, as `checked` does.

    It is good as well where it only says that an earlier attempt of this very request did its work.
    """
    if response.attempts > 1 and _there_already(response) and (request.done is None or request.done()):
        return response
    return checked(request, response)


def words(response: Response) -> str:
    """Return what Windmill said, on one line and not too long."""
    said = " ".join(response.text.split())
    return said if len(said) <= WORDS_SHOWN else said[:WORDS_SHOWN] + " ..."


def passing(status: int) -> bool:
    """Tell whether a status says that the same request may be answered another time."""
    return status == TOO_MANY or status >= SERVER_ERROR


def _kind(response: Response) -> type[WindmillError]:
    if _there_already(response):
        return Conflict
    return _BY_STATUS.get(response.status, Refused)


def _there_already(response: Response) -> bool:
    return response.status == ERROR and any(words in response.text for words in THERE_ALREADY)
