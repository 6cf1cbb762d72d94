"""The tags that one run is asked for with, beside those of its deployment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from metaflow_windmill.contract.exact import exact
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.types import Json

TAGS = "$tags"
"""The argument of a flow's run that holds its tags; no parameter is deployed under this name."""

MOST = 50  # metaflow.tagging_util.MAX_USER_TAG_SET_SIZE
LONGEST = 500  # metaflow.tagging_util.MAX_TAG_SIZE


def tags_in(argument: Json) -> tuple[str, ...]:
    """Return the tags in an argument of a run: a list of texts, each once; nothing where there is none.

    A form sends an empty text for a line that nobody filled in.

    Raises
    ------
    InvalidDocument
        If it is something else, or what Metaflow does not take for tags.
    """
    found = [] if argument is None else argument
    if not isinstance(found, list) or not all(isinstance(tag, str) for tag in found):
        raise InvalidDocument("the tags of a run are a list of texts", TAGS)
    tags = tuple(dict.fromkeys(filter(None, found)))
    if any(len(tag) > LONGEST for tag in tags) or len(tags) > MOST:
        raise InvalidDocument(
            f"Metaflow takes {MOST} tags a run at most, each of {LONGEST} characters at most", TAGS
        )
    return tags


def argument_of(tags: Iterable[str]) -> dict[str, Json]:
    """Return the argument that asks for a run with tags; none where there are no tags."""
    wanted = tags_in(list(tags))
    return {TAGS: exact(list(wanted))} if wanted else {}


def tagged(record: Record, tags: Iterable[str]) -> Record:
    """Return the record as the tasks of a run see it that has tags of its own too."""
    return replace(record, tags=tuple(dict.fromkeys((*record.tags, *tags))))


def schema_of_tags() -> dict[str, Json]:
    """Return the field of the flow's form."""
    return {
        "type": "array",
        "items": {"type": "string"},
        "title": "Tags of the run",
        "description": "Metaflow's tags of this run, beside those of the deployment; may be empty.",
    }
