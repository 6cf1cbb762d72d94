"""One request, as a handler sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from metaflow_windmill.devserver.api.body import read_fields
from metaflow_windmill.devserver.catalog.scopes import Need, allows, opens
from metaflow_windmill.devserver.refusals import denied
from metaflow_windmill.devserver.store.clock import read_instant
from metaflow_windmill.errors import RequestRefused

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from metaflow_windmill.devserver.api.body import FieldType
    from metaflow_windmill.devserver.api.services import Services
    from metaflow_windmill.devserver.catalog.tokens import Bearer
    from metaflow_windmill.devserver.model import Actor
    from metaflow_windmill.types import Json

DEFAULT_ROWS, MOST_ROWS = 1000, 10_000
"""Of a list that is asked for."""

Handed = ParamSpec("Handed")
T = TypeVar("T")


async def _never() -> bool:
    return False


@dataclass(frozen=True)
class Call:
    """A request whose token has been checked.

    Parameters
    ----------
    services : Services
    bearer : Bearer
        Whom the token stands for.
    who : Actor
        The same, in the workspace of the request; its workspace is empty outside of one.
    path : mapping
        The variable parts of the route.
    query, headers : mapping
        Names of headers are in lower case.
    method : str
    body : bytes
    gone : callable
        Awaited, tells whether the caller has hung up.
    """

    services: Services
    bearer: Bearer
    who: Actor
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    method: str = "GET"
    body: bytes = b""
    gone: Callable[[], Awaitable[bool]] = _never

    @property
    def workspace(self) -> str:
        """The workspace of the request."""
        return self.who.workspace

    def write(
        self,
        change: Callable[Concatenate[sqlite3.Connection, Handed], T],
        *args: Handed.args,
        **kwargs: Handed.kwargs,
    ) -> T:
        """Do what a function of the catalog does, in one transaction."""
        with self.services.database.write() as connection:
            return change(connection, *args, **kwargs)

    def require(self, need: Need) -> None:
        """Check that the token's scopes cover what the request does.

        Raises
        ------
        RequestRefused
            403 if they do not.
        """
        if not allows(self.bearer.scopes, need):
            raise denied(f"the scopes of this token do not cover {need}")

    def require_route(self, method: str, route: str) -> None:
        """Check that the token's scopes open a route; see `require`."""
        if not opens(self.bearer.scopes, method, route):
            raise denied(f"the scopes of this token do not open {method} {route}")

    def job_id(self, name: str = "id") -> str:
        """Return a part of the route that must be a job's id.

        Raises
        ------
        RequestRefused
            400 if it is not a UUID.
        """
        return _uuid(self.path[name], f"Invalid URL: Cannot parse `{name}` with value `{self.path[name]}`")

    def chosen_id(self) -> str | None:
        """Return the id that the caller chose for a new job."""
        return self.uuid("job_id")

    def uuid(self, name: str) -> str | None:
        """Return a parameter of the query that must be a UUID."""
        given = self.query.get(name)
        return None if given is None else _uuid(given, f"Failed to deserialize query string: {name}")

    def flag(self, name: str) -> bool:
        """Tell whether a parameter of the query says true."""
        return bool(self.choice(name))

    def choice(self, name: str) -> bool | None:
        """Return a parameter of the query that is true, false or absent."""
        given = self.query.get(name)
        if given in (None, "true", "false"):
            return None if given is None else given == "true"
        raise _bad_query(name, "provided string was not `true` or `false`")

    def integer(self, name: str) -> int | None:
        """Return a parameter of the query that is a whole number or absent."""
        given = self.query.get(name)
        try:
            return None if given is None else int(given)
        except ValueError as fault:
            raise _bad_query(name, f"`{given}` is not a whole number") from fault

    def instant(self, name: str) -> datetime | None:
        """Return a parameter of the query that is an instant or absent."""
        given = self.query.get(name)
        try:
            return None if given is None else read_instant(given)
        except ValueError as fault:
            raise _bad_query(name, f"`{given}` is not an instant like 2030-01-31T10:00:00Z") from fault

    def page(self) -> tuple[int, int]:
        """Return how many rows of a list the query asks for, and how many come before them."""
        limit = min(max(self.integer("per_page") or DEFAULT_ROWS, 1), MOST_ROWS)
        return limit, limit * (max(self.integer("page") or 1, 1) - 1)

    def fields(self, *required: str, **kinds: FieldType) -> dict[str, Json]:
        """Return the body, an object with these fields and perhaps more; see `read_fields`."""
        return read_fields(self.body, required, kinds)


def _uuid(text: str, what: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as fault:
        raise RequestRefused(f"{what}: UUID parsing failed", 400) from fault


def _bad_query(name: str, why: str) -> RequestRefused:
    return RequestRefused(f"Failed to deserialize query string: {name}: {why}", 400)
