"""The answers of the server that are errors, in Windmill's words and with its statuses."""

from __future__ import annotations

from typing import TypeVar

from metaflow_windmill.errors import RequestRefused

Found = TypeVar("Found")


def bad_request(why: str) -> RequestRefused:
    """Return a 400: the request says something that cannot be done."""
    return RequestRefused(f"Bad request: {why}", 400)


def not_found(what: str) -> RequestRefused:
    """Return a 404."""
    return RequestRefused(f"Not found: {what}", 404)


def there(found: Found | None, what: str) -> Found:
    """Return what was found.

    Raises
    ------
    RequestRefused
        404 with these words, if nothing was.
    """
    if found is None:
        raise not_found(what)
    return found


def unauthorized(why: str = "Unauthorized") -> RequestRefused:
    """Return a 401: no token, or one that the server does not know."""
    return RequestRefused(f"Not authorized: {why}", 401)


def denied(why: str) -> RequestRefused:
    """Return a 403: the token is known and may not do this."""
    return RequestRefused(f"Permission denied: {why}", 403)


def unprocessable(why: str) -> RequestRefused:
    """Return a 422: the body is JSON, but not of the right shape."""
    return RequestRefused(f"Failed to deserialize the JSON body into the target type: {why}", 422)
