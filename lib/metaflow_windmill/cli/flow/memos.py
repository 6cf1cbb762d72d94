"""What is told of steps for whose tasks an earlier success may stand: digests of all that is known now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaflow_windmill.cli.flow.speech import say
from metaflow_windmill.contract.memo import Memo
from metaflow_windmill.graph.dag import Remembers
from metaflow_windmill.internals.deploying import config_values
from metaflow_windmill.package.memo import digest, package_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.graph import Dag
    from metaflow_windmill.graph.dag import Step
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.package import CodePackage
    from metaflow_windmill.types import Json

_OWN = frozenset({"memo", "windmill", "windmill_internal"})
"""Decorators that say where and whether a step runs, and nothing of what it does."""


def memos_of(
    obj: CliState,
    dag: Dag,
    package: CodePackage,
    *,
    every_step: bool,
) -> dict[str, Memo]:
    """Return what is told of each step that has ``@memo``, or of all.

    Parameters
    ----------
    obj : CliState
    dag : Dag
    package : CodePackage
        Its files are read only where a step has ``@memo``.
    every_step : bool
        ``--memo``.
    """
    wanted = dict(_wanted(dag, every_step=every_step))
    if not wanted:
        return {}
    gangs = [name for name in wanted if dag[name].parallel]
    if gangs:
        say(obj, f"Note: tasks of num_parallel are run each time, whatever @memo says: {', '.join(gangs)}.")
    whole = package_digest(package.user_files())
    configs = digest(config_values(obj.flow))
    return {
        name: Memo(
            code=whole,
            package=whole,
            says={"decorators": digest(_decorators(dag[name])), "configs": configs},
            expires=said.expires,
            ignore=said.ignore,
        )
        for name, said in wanted.items()
        if name not in gangs
    }


def _wanted(dag: Dag, *, every_step: bool) -> Iterator[tuple[str, Remembers]]:
    for step in dag.steps:
        said = step.needs.memo or (Remembers() if every_step else None)
        if said is not None and said.enabled:
            yield step.name, said


def _decorators(step: Step) -> Json:
    found = [[deco.name, dict(deco.attributes)] for deco in step.decorators if deco.name not in _OWN]
    return sorted(found, key=str)
