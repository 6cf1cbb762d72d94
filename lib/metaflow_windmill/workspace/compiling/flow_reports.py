"""What a run did, flow by flow: as a table that Windmill shows, as data, and as a reason to fail."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from metaflow_windmill.runtime.report.markdown import fenced, table

if TYPE_CHECKING:
    from metaflow_windmill.gitsource import Redactor
    from metaflow_windmill.types import Json

FlowChange = Literal[
    "created", "updated", "unchanged", "would create", "would update", "removed", "would remove"
]
FlowOutcome = FlowChange | Literal["failed", "not tried"]

MAX_MARKDOWN = 20_000
"""Characters: Windmill shows a result as a page up to 100 kB, counting two a character and all members."""

_SIGNS = {"failed": "❌", "not tried": "⏸", "unchanged": "•", "removed": "🗑"}
_SHORT = 12


@dataclass(frozen=True)
class FlowReport:
    """What became of one flow.

    Parameters
    ----------
    flow : str
        Its name, or its file where the name is not known.
    file : str
    outcome : FlowOutcome
    path : str
        Where it is deployed.
    link : str
        Its page.
    commit, package : str
        Of what is deployed now.
    seconds : float
    reason : str
        Why it failed.
    diff : str
        In a dry run.
    remarks : tuple of str
        What else is to be said of it, as sentences.
    """

    flow: str
    file: str
    outcome: FlowOutcome
    path: str = ""
    link: str = ""
    commit: str = ""
    package: str = ""
    seconds: float = 0.0
    reason: str = ""
    diff: str = ""
    remarks: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Return the report as data."""
        told = {**vars(self), "seconds": round(self.seconds, 2), "remarks": list(self.remarks)}
        return {name: value for name, value in told.items() if value or name not in ("diff", "remarks")}


@dataclass(frozen=True)
class Report:
    """What a run did.

    Parameters
    ----------
    repository, ref, commit : str
    flows : tuple of FlowReport
    dry_run : bool
    notes : tuple of str
        What else is to be said, as sentences.
    """

    repository: str
    ref: str
    commit: str
    flows: tuple[FlowReport, ...] = ()
    dry_run: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def failures(self) -> tuple[FlowReport, ...]:
        """Return what did not work."""
        return tuple(item for item in self.flows if item.outcome in {"failed", "not tried"})

    def to_result(self, redactor: Redactor) -> dict[str, Json]:
        """Return the job's result, without any secret.

        Windmill shows ``markdown`` as a page; ``wm_failure`` makes a failed job that keeps its result.
        """
        result: dict[str, Json] = {
            "wm_renderer": "markdown",
            "markdown": self.markdown(),
            "repository": self.repository,
            "ref": self.ref,
            "commit": self.commit,
            "flows": [item.to_json() for item in self.flows],
            "notes": list(self.notes),
        }
        if self.failures:
            result["wm_failure"] = self.summary()
        clean: dict[str, Json] = redactor.json(result)
        return clean

    def summary(self) -> str:
        """Return all reasons of a failure, or one sentence of what was done."""
        if self.failures:
            reasons = "\n".join(f"- {item.flow} ({item.file}): {item.reason}" for item in self.failures)
            return f"{len(self.failures)} of {len(self.flows)} flows were not deployed:\n{reasons}"
        counts = {item.outcome: 0 for item in self.flows}
        for item in self.flows:
            counts[item.outcome] += 1
        return ", ".join(f"{number} {outcome}" for outcome, number in counts.items()) or "no flows were found"

    def markdown(self) -> str:
        """Return the table and what belongs to it."""
        title = "Dry run: what would be deployed" if self.dry_run else "Deployed from git"
        ref = f" at `{_plain(self.ref)}`" if self.ref else ""
        origin = f"`{_plain(self.repository)}`{ref}, commit `{self.commit[:_SHORT]}`"
        parts = [f"## {title}\n\n{origin}", *map(_plain, self.notes)]
        if self.flows:
            parts.append(_table(self.flows))
        parts += [_remark(item, remark) for item in self.flows for remark in item.remarks]
        parts += [f"### {_plain(item.flow)}\n\n{fenced(item.reason)}" for item in self.failures]
        parts += [
            f"### {_plain(item.flow)}\n\n{fenced(item.diff, 'diff')}" for item in self.flows if item.diff
        ]
        text = "\n\n".join(parts)
        return text if len(text) <= MAX_MARKDOWN else text[:MAX_MARKDOWN] + "\n\n... cut here; see the log."


def _table(flows: tuple[FlowReport, ...]) -> str:
    """Return the table, and below it where each flow is: Windmill's page of a result knows no tables."""
    heads = ("flow", "file", "commit", "package", "seconds", "what happened")
    links = [f"- [{_plain(item.path)}]({item.link})" for item in flows if item.path and item.link]
    shown = table(heads, [_row(item) for item in flows], "....>")
    return "\n\n".join([shown, "\n".join(links)]).rstrip()


def _remark(item: FlowReport, remark: str) -> str:
    return f"**{_plain(item.flow)}**: {_plain(remark)}"


def _row(item: FlowReport) -> tuple[str, ...]:
    sign = _SIGNS.get(item.outcome, "✅")
    digests = (item.commit[:_SHORT], item.package[:_SHORT])
    return (item.flow, item.file, *digests, f"{item.seconds:.1f}", f"{sign} {item.outcome}")


def _plain(text: str) -> str:
    """Return a text that stands in Markdown as it is: the names come from a repository."""
    for mark in "\\`*<>[]":
        text = text.replace(mark, f"\\{mark}" if mark != "`" else "'")
    return " ".join(text.split())
