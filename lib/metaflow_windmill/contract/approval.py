"""A step before which a person is asked: what ``@windmill(approval=...)`` says, and what the step is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from metaflow_windmill.errors import CompileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow_windmill.types import Json

ARTIFACT = "approval"
"""The artifact in which a step finds what was answered, where nothing else is said."""

USUAL_TIMEOUT = 7 * 24 * 3600
"""Seconds that a run waits for an answer where nothing else is said."""

T = TypeVar("T")

LONGEST = 2**31 - 1
MOST = 100

_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
_KNOWN = frozenset({"ask", "form", "timeout", "required", "groups", "self_approval", "otherwise", "artifact"})

Otherwise = Literal["fail", "continue"]


class InvalidApproval(CompileError):
    """What ``approval=`` was given is none of what it takes; the text says what it takes."""


@dataclass(frozen=True)
class Approval:
    """What is asked before a step.

    Parameters
    ----------
    ask : str
        What the person reads, in Markdown.
    form : mapping of str to JSON
        The fields of the form, each the members of a JSON schema.
    timeout : int
        Seconds to wait for an answer.
    required : int
        How many people have to say yes.
    groups : tuple of str
        Of which one the person has to be a member; anybody who may answer where empty.
    self_approval : bool
        Whether who started the run may answer.
    otherwise : {"fail", "continue"}
        What becomes of the run where somebody says no, or nobody answers.
    artifact : str
        The name under which the step finds what was answered.
    """

    ask: str = ""
    form: Mapping[str, Json] = field(default_factory=dict)
    timeout: int = USUAL_TIMEOUT
    required: int = 1
    groups: tuple[str, ...] = ()
    self_approval: bool = True
    otherwise: Otherwise = "fail"
    artifact: str = ARTIFACT

    def to_json(self) -> dict[str, Json]:
        """Return it as ``@windmill(approval=...)`` takes it."""
        return {**vars(self), "form": dict(self.form), "groups": list(self.groups)}

    def schema(self) -> Json:
        """Return the JSON schema of the form."""
        needed = [name for name, item in self.form.items() if "default" not in item]
        return {
            "type": "object",
            "properties": {name: dict(item) for name, item in self.form.items()},
            "required": [name for name in needed if self.form[name]["type"] != "boolean"],
            "order": list(self.form),
        }


def read_approval(given: object) -> Approval | None:
    """Return what ``approval=`` means; None where nobody is asked.

    Raises
    ------
    InvalidApproval
    """
    if given in (None, False, "false", "False"):
        return None
    if given in (True, "true", "True"):
        return Approval()
    if isinstance(given, str):
        return Approval(ask=given)
    if not isinstance(given, dict) or (set(given) - _KNOWN):
        raise InvalidApproval(
            f"approval takes True, a question, or a dictionary of {', '.join(sorted(_KNOWN))}, not {given!r}"
        )
    return Approval(
        ask=_checked(given, "ask", "", str, "a text"),
        form={str(name): _item(str(name), item) for name, item in _form(given).items()},
        timeout=_number(given, "timeout", USUAL_TIMEOUT, LONGEST),
        required=_number(given, "required", 1, MOST),
        groups=_groups(given),
        self_approval=_checked(given, "self_approval", usual=True, kind=bool, what="True or False"),
        otherwise=_otherwise(given),
        artifact=_artifact(given),
    )


def told(answers: Sequence[Json], approvers: Sequence[str]) -> dict[str, Json]:
    """Return what a step finds of what was answered.

    Parameters
    ----------
    answers : sequence of JSON value
        Windmill's ``resumes``: what each filled in and, where nobody was to go on and the run does all the
        same, an error at the end.
    approvers : sequence of str
        Windmill's ``approvers``, those who answered.
    """
    refusal = answers[-1]["error"] if len(answers) > len(approvers) else None
    said = [
        {"by": by, "answers": answer if isinstance(answer, dict) else {}}
        for by, answer in zip(approvers, answers, strict=False)
    ]
    return {
        "approved": refusal is None,
        "answers": said[-1]["answers"] if said else {},
        "by": list(approvers),
        "all": said,
        "why_not": None if refusal is None else refusal.get("message"),
    }


def not_asked(approval: Approval) -> dict[str, Json]:
    """Return what a step finds where nobody can be asked, as under ``python flow.py run``: the defaults."""
    defaults = {name: item["default"] for name, item in approval.form.items() if "default" in item}
    return {"approved": True, "answers": defaults, "by": [], "all": [], "why_not": None}


def _checked(given: Mapping[str, object], name: str, usual: T, kind: type[T], what: str) -> T:
    value = given.get(name, usual)
    if not isinstance(value, kind):
        raise InvalidApproval(f"{name} of an approval takes {what}, not {value!r}")
    return value


def _number(given: Mapping[str, object], name: str, usual: int, most: int) -> int:
    value = given.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InvalidApproval(f"{name} of an approval takes a whole number, 1 to {most}, not {value!r}")
    return value


def _groups(given: Mapping[str, object]) -> tuple[str, ...]:
    value = given.get("groups", ())
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        raise InvalidApproval(f"groups of an approval takes a list of names of groups, not {value!r}")
    return tuple(value)


def _otherwise(given: Mapping[str, object]) -> Otherwise:
    value = given.get("otherwise", "fail")
    if value not in ("fail", "continue"):
        raise InvalidApproval(f"otherwise of an approval takes 'fail' or 'continue', not {value!r}")
    return "fail" if value == "fail" else "continue"


def _artifact(given: Mapping[str, object]) -> str:
    value = given.get("artifact", ARTIFACT)
    if not isinstance(value, str) or not value.isidentifier() or value.startswith("_"):
        raise InvalidApproval(f"artifact of an approval takes the name of an attribute, not {value!r}")
    return value


def _form(given: Mapping[str, object]) -> Mapping[str, object]:
    value = given.get("form", {})
    if not isinstance(value, dict):
        raise InvalidApproval(f"form of an approval takes a dictionary of fields, not {value!r}")
    return value


def _item(name: str, item: object) -> dict[str, Json]:
    """Return a field as the members of a JSON schema: from a type, a list of choices, or such members."""
    if isinstance(item, type) and item in _TYPES:
        return {"type": _TYPES[item]}
    if isinstance(item, (list, tuple)) and item and all(isinstance(choice, str) for choice in item):
        return {"type": "string", "enum": list(item)}
    if isinstance(item, dict) and item.get("type") in _TYPES.values():
        return dict(item)
    raise InvalidApproval(
        f"the field {name!r} of an approval takes str, int, float, bool, a list of texts to choose from, or "
        f"the members of a JSON schema with one of the types {', '.join(_TYPES.values())}, not {item!r}"
    )
