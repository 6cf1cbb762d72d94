"""Module ids: valid, unique in the flow, and as close to the step's name as they can be."""

from __future__ import annotations

import re
from hashlib import sha1
from itertools import count
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from collections.abc import Iterable

# Windmill's editor refuses these, or gives them a meaning of their own.
_WINDMILL = """
    as bg ctx delete do else failure for if in input new preprocessor result state trigger while
"""
# The names that Windmill gives to its expressions.
_EXPRESSIONS = """
    all_iters approvers error flow_env flow_input iter params previous_result resource results resume
    resumes variable
"""
# An id stands in JavaScript expressions as `results.<id>`; nothing there may be mistaken for syntax
# or for what every object has.
_JAVASCRIPT = """
    arguments async await break case catch class const constructor continue debugger default enum eval
    export extends false finally function implements import instanceof interface length let null of
    package private protected prototype public return static super switch then this throw tostring true
    try typeof undefined valueof var void with yield
"""
RESERVED = frozenset(re.findall(r"\w+", _WINDMILL + _EXPRESSIONS + _JAVASCRIPT))
LONGEST = 48
"""Characters of an id before a copy's number: ids of nested jobs make up a path of at most 255."""


def valid_id(name: str) -> str:
    """Return a valid module id that is close to a name; two names may get the same."""
    plain = "".join(_ascii(character) for character in name)
    if plain != name or len(plain) > LONGEST:
        digest = sha1(name.encode(), usedforsecurity=False).hexdigest()[:6]
        plain = f"{plain[: LONGEST - 7]}_{digest}"
    if plain.lower() in RESERVED or not re.match("[A-Za-z_]", plain):
        return f"step_{plain}"
    return plain


def _ascii(character: str) -> str:
    """Return what is left of a character in ASCII: a letter without its accent, or a low line."""
    return re.sub(r"[^A-Za-z0-9_]", "", normalize("NFKD", character)) or "_"


class ModuleIds:
    """Hands out the ids of one flow.

    The names of the steps are set aside first, so that no container takes the name that a
    step would have.
    """

    def __init__(self, steps: Iterable[str]) -> None:
        self._taken: set[str] = set()
        self._first = {step: self._unused(valid_id(step)) for step in steps}
        self._waiting = dict(self._first)

    def first(self, step: str) -> str:
        """Return the id of the first module of a step."""
        return self._first[step]

    def of_step(self, step: str) -> str:
        """Return the id for the next module of a step: a copy gets a number."""
        waiting = self._waiting.pop(step, None)
        return self._unused(self._first[step]) if waiting is None else waiting

    def of_part(self, step_id: str, what: str) -> str:
        """Return the id for a container that belongs to a step's module."""
        return self._unused(f"{step_id}_{what}")

    def _unused(self, wanted: str) -> str:
        numbered = (f"{wanted}__{number}" for number in count(2))
        found = wanted if wanted not in self._taken else next(n for n in numbered if n not in self._taken)
        self._taken.add(found)
        return found
