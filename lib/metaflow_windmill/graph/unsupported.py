"""What Metaflow offers and this project does not carry over: found here, refused by the compiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow_windmill.graph.dag import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from metaflow.decorators import Decorator as MetaflowDecorator
    from metaflow.graph import DAGNode

# These change the way a task is started, and what they ask for is carried over.
_UNDERSTOOD = frozenset(["environment", "pypi"])


def step_problems(node: DAGNode) -> Iterator[Problem]:
    """Go through what a step asks for and a Windmill worker does not do."""
    for deco in node.decorators:
        reason = _reason(deco)
        if reason:
            yield Problem(node.name, reason)


def flow_problems(decorators: Iterable[MetaflowDecorator]) -> Iterator[Problem]:
    """Go through the flow decorators that are not carried over."""
    for deco in decorators:
        if deco.name == "exit_hook" and deco.attributes.get("options"):
            reason = (
                "@exit_hook(options=...) chooses a container, and hooks run on Windmill workers: remove it"
            )
            yield Problem("", reason)
        elif deco.name.startswith("airflow_"):
            yield Problem("", f"@{deco.name} waits for Airflow: remove it; @trigger waits for events here")


def _reason(deco: MetaflowDecorator) -> str | None:
    if deco.name == "conda":
        return _conda(deco.attributes)
    if deco.name in _UNDERSTOOD or getattr(deco, "IS_PARALLEL", False) or not _starts_tasks(deco):
        return None
    return (
        f"@{deco.name} starts its tasks somewhere else than on a Windmill worker: remove it; "
        "@windmill(tag=...) and @resources choose the worker, @pypi its packages"
    )


def _conda(attributes: Mapping[str, Any]) -> str | None:
    """Refuse packages from conda; without any, this is what ``--environment=pypi`` puts on all steps."""
    if attributes.get("disabled") or not attributes.get("packages"):
        return None
    names = ", ".join(sorted(attributes["packages"]))
    return f"Windmill installs from PyPI and not from conda: ask for {names} by @pypi instead of @conda"


def _starts_tasks(deco: MetaflowDecorator) -> bool:
    """Return whether a decorator changes how its tasks are started.

    Metaflow's runtime asks ``runtime_step_cli`` of each decorator for that, so whatever
    redefines it (``@batch``, ``@kubernetes``, those of extensions) takes the task elsewhere.
    """
    from metaflow.decorators import StepDecorator

    return type(deco).runtime_step_cli is not StepDecorator.runtime_step_cli
