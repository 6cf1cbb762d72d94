"""What a look at an installation found: one finding a line, and what to do about it.

The looks themselves are beside this module: `machine`, `store`, `server_findings` and `workers`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.runtime.report.markdown import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from metaflow_windmill.types import Json

Severity = Literal["ok", "warn", "bad"]

HERE = ""
_SIGNS: dict[Severity, str] = {"ok": "✅", "warn": "⚠️", "bad": "❌"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    subject : str
        What was looked at, in a word or two.
    state : Severity
        ``ok``; ``warn`` for what works now, or is not needed for everything; ``bad`` for what does not work.
    said : str
        What was found.
    advice : str
        What to do about it; empty where there is nothing to do.
    where : str
        The worker that found it; empty for the machine that the person sits at.
    """

    subject: str
    state: Severity
    said: str
    advice: str = ""
    where: str = HERE

    def to_json(self) -> dict[str, str]:
        """Return the finding as data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> Finding:
        """Read what `to_json` gave; a state that is not known is a bad one."""
        state: Severity = data["state"] if data["state"] in _SIGNS else "bad"
        return cls(data["subject"], state, data["said"], data.get("advice", ""), data.get("where", HERE))


def healthy(findings: Iterable[Finding]) -> bool:
    """Tell whether nothing is bad."""
    return all(finding.state != "bad" for finding in findings)


def found_at(where: str, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings as those of a worker."""
    return tuple(replace(finding, where=where) for finding in findings)


def as_text(findings: Sequence[Finding]) -> str:
    """Return the findings for a terminal: by place, in columns, the advice below its line."""
    width = max((len(finding.subject) for finding in findings), default=0)
    lines: list[str] = []
    for number, where in enumerate(_places(findings)):
        lines += [*([""] if number else []), f"On the worker {where}:" if where else "On this machine:"]
        for finding in findings:
            if finding.where == where:
                lines.append(f"  {finding.state:<4}  {finding.subject:<{width}}  {finding.said}")
                lines += [f"  {'':<4}  {'':<{width}}  -> {finding.advice}"] if finding.advice else []
    return "\n".join([*lines, "", summary(findings)])


def summary(findings: Sequence[Finding]) -> str:
    """Return one sentence about all of it."""
    bad, warn = (sum(finding.state == state for finding in findings) for state in ("bad", "warn"))
    well = len(findings) - bad - warn
    return f"{len(findings)} checks: {bad} bad, {warn} to look at, {well} well."


def as_result(worker: str, tag: str, findings: Sequence[Finding]) -> dict[str, Json]:
    """Return the findings as a job's result: a list, the data, and a failure where something is bad."""
    result: dict[str, Json] = {
        "wm_renderer": "markdown",
        "markdown": as_markdown(worker, findings),
        "worker": worker,
        "tag": tag,
        "findings": [finding.to_json() for finding in findings],
    }
    if not healthy(findings):
        bad = (finding for finding in findings if finding.state == "bad")
        lines = [f"- {finding.subject}: {finding.said} {finding.advice}".rstrip() for finding in bad]
        result["wm_failure"] = "\n".join([summary(findings), *lines])
    return result


def as_markdown(worker: str, findings: Sequence[Finding]) -> str:
    """Return the findings as a list: Windmill's page of a result knows no tables."""
    lines = [f"## Metaflow on the worker {plain(worker)}", "", summary(findings), ""]
    return "\n".join([*lines, *map(_line, findings)])


def _line(finding: Finding) -> str:
    advice = f" **{plain(finding.advice)}**" if finding.advice else ""
    return f"- {_SIGNS[finding.state]} {plain(finding.subject)}: {plain(finding.said)}{advice}"


def _places(findings: Sequence[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.where for finding in findings))
