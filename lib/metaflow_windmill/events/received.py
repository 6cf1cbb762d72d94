"""Flows that wait for several events: what has come, and which of it started runs.

The events of each name stand in a row of their own, numbered as they came, and the k-th run gets the k-th
event of each name. So none is used twice, and none is lost where one comes oftener than the others: it
waits for its turn.

A note is made once and never changed. The only thing that Windmill's resources do whole is to refuse what
is there already, so two who publish at once agree on the numbers by that alone, and who dies in the middle
leaves nothing that another cannot finish: what is to be started, and under which job id, follows from the
notes.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from metaflow_windmill.contract.event import Event
from metaflow_windmill.errors import Conflict, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from metaflow_windmill.client.resource_client import Listed, Resources
    from metaflow_windmill.contract.event import Subscription

KIND = "state"
STARTED = "started"
NOTE = re.compile(r"(?P<row>[^/]+)/(?P<number>\d{8})")
TRIES = 100
"""How often somebody else may take the next number before us."""
KEPT = 100
KEPT_FOR = timedelta(days=1)
"""How many used events, and for how long, are remembered at least: published again they start nothing."""
REMOVED_AT_ONCE = 20


@dataclass(frozen=True)
class Notes:
    """The notes of a flow at one moment.

    Parameters
    ----------
    rows : mapping of str to mapping of int to Listed
        Of each row, the notes by their numbers.
    names : mapping of str to str
        The rows of the events that the flow waits for.
    """

    rows: Mapping[str, Mapping[int, Listed]]
    names: Mapping[str, str]

    def number(self, event: Event) -> int | None:
        """Return the number under which an event was noted, or None."""
        noted, said = self.rows.get(self.names[event.name], {}), described(event)
        return next((number for number, note in noted.items() if note.description == said), None)

    def following(self, name: str) -> int:
        """Return the number of the next event of a name, which is behind all runs that were started."""
        return max((*self.rows.get(self.names[name], {}), *self.started), default=-1) + 1

    @property
    def started(self) -> Mapping[int, Listed]:
        """The numbers whose run was started; each note's description is the id of the job."""
        return self.rows.get(STARTED, {})

    @property
    def due(self) -> tuple[int, ...]:
        """The numbers that all events have come for, and whose run nobody has noted as started."""
        complete = [set(self.rows.get(row, {})) for row in self.names.values()]
        return tuple(sorted(set.intersection(*complete) - set(self.started)))

    @property
    def outdated(self) -> Iterator[tuple[int, list[Listed]]]:
        """What need not be remembered: numbers, oldest first, each with its notes, that of its run last."""
        newest = max((note.edited_at for row in self.rows.values() for note in row.values()), default=None)
        for number in sorted(self.started)[:-KEPT]:
            if newest is not None and newest - self.started[number].edited_at > KEPT_FOR:
                rows = sorted(self.rows, key=lambda row: row == STARTED)
                yield number, [self.rows[row][number] for row in rows if number in self.rows[row]]


class Received:
    """What has come for one subscription to several events.

    Parameters
    ----------
    resources : Resources
    subscription : Subscription
    """

    def __init__(self, resources: Resources, subscription: Subscription) -> None:
        self._resources = resources
        self._below = f"{subscription.flow}/received/"
        self._names = {event.name: row_of(event.name) for event in subscription.events}

    def note(self, event: Event) -> tuple[int, Notes]:
        """Note an event unless it is noted; return its number, and all notes, seen with that one in place.

        Raises
        ------
        WindmillError
            If Windmill does not let us.
        """
        for _ in range(TRIES):
            notes = self.notes()
            number = notes.number(event)
            if number is not None:
                return number, notes
            path = self._path(self._names[event.name], notes.following(event.name))
            with suppress(Conflict):  # Somebody else was faster; or it was us, and the answer was lost.
                self._resources.create(path, event.to_json(), KIND, described(event))
        raise Refused(
            f"the event '{event.name}' could not be noted below {self._below}: "
            f"see that the token may read there, and publish it again under the id {event.id}"
        )

    def events(self, number: int) -> tuple[Event, ...] | None:
        """Return the events of a number, in the flow's order; None if they are used and forgotten by now."""
        found = [self._resources.find(self._path(row, number)) for row in self._names.values()]
        return None if None in found else tuple(map(Event.from_json, found))

    def note_started(self, number: int, job: str) -> None:
        """Note that the run of a number was started."""
        with suppress(Conflict):  # Somebody else has noted the same.
            self._resources.create(self._path(STARTED, number), {"job": job}, KIND, job)

    def tidy(self, notes: Notes) -> None:
        """Remove some of what need not be remembered."""
        for _, (number, outdated) in zip(range(REMOVED_AT_ONCE), notes.outdated, strict=False):
            if number in notes.started:
                self._delete(outdated)

    def forget(self, but: Sequence[str] = ()) -> None:
        """Remove all notes, `but` those of some events and of the runs that these started."""
        kept = {row_of(name) for name in but} | ({STARTED} if but else set())
        for row, notes in self.notes().rows.items():
            if row not in kept:
                self._delete(notes.values())

    def notes(self) -> Notes:
        """Return all notes as they are now."""
        rows: dict[str, dict[int, Listed]] = {}
        for found in self._resources.listed(KIND, self._below):
            read = NOTE.fullmatch(found.path.removeprefix(self._below))
            if read:
                rows.setdefault(read["row"], {})[int(read["number"])] = found
        return Notes(rows, self._names)

    def _delete(self, notes: Iterable[Listed]) -> None:
        for note in notes:
            self._resources.delete(note.path)

    def _path(self, row: str, number: int) -> str:
        return f"{self._below}{row}/{number:08}"


def row_of(name: str) -> str:
    """Return the row of the events of a name, as a part of a path.

    >>> row_of("new-data")
    'new_data_7b9a4a58'
    """
    plain = re.sub(r"\W+", "_", name)[:40].strip("_")
    return f"{plain}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def described(event: Event) -> str:
    """Return the description of an event's note, which tells it from all others."""
    return f"Event {event.name}, id {event.id}"
