"""The text of a flow's page: what it is, who deployed it, what each step does.

Windmill renders Markdown with tables there and shows diagrams as raw text, so there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.contract.record import GitInfo, Record
    from metaflow_windmill.graph.dag import Case, Dag, Step


def describe(dag: Dag, record: Record, said: str = "") -> str:
    """Return the description of a flow in Markdown; what a person said of it stands for its docstring."""
    parts = [(said or dag.doc).strip(), f"{_origin(record)}\n\n{_versions(record)}", _table(dag)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(record: Record) -> str:
    branch = f", project `{record.project}`, branch `{record.branch}`" if record.project else ""
    source = _commit(record.git) if record.git else ""
    return f"Metaflow flow **{record.flow}**, deployed by `{record.owner}`{source}{branch}."


def _commit(git: GitInfo) -> str:
    ref = f" ({git.ref})" if git.ref else ""
    return f" from `{git.path}` at commit `{git.commit[:12]}`{ref} of {git.repository}"


def _versions(record: Record) -> str:
    if not record.versions:
        return ""
    return (
        "Compiled with " + ", ".join(f"{name} {version}" for name, version in record.versions.items()) + "."
    )


def _table(dag: Dag) -> str:
    rows = [f"| `{step.name}` | {_goes_on(step)} | {_first_line(step.doc)} |" for step in dag.steps]
    return "\n".join(["| step | then | |", "|---|---|---|", *rows])


def _goes_on(step: Step) -> str:
    if step.kind == "end":
        return "the end"
    if step.kind == "switch":
        return _cell(", ".join(f"{_targets(case)} if {step.over} is {case.value}" for case in step.cases))
    names = ", ".join(f"`{name}`" for name in step.next)
    if step.kind == "foreach":
        return _cell(f"{names} for each of {step.over}" if step.over else f"{names} for each item")
    return f"{names} on every node of a gang" if step.kind == "gang" else names


def _targets(case: Case) -> str:
    return " and ".join(f"`{step}`" for step in (case.step, *case.others))


def _first_line(doc: str) -> str:
    return _cell(doc.strip().partition("\n")[0])


def _cell(text: str) -> str:
    """Return a text that does not end its cell of the table."""
    return text.replace("|", "\\|").replace("\n", " ")
