"""What is told of steps for whose tasks an earlier success may stand: digests of all that is known now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow_windmill.contract.memo import Memo
from metaflow_windmill.errors import DeployError
from metaflow_windmill.graph.dag import Remembers
from metaflow_windmill.internals.deploying import config_values
from metaflow_windmill.package.memo import PackageCode, digest, package_digest
from metaflow_windmill.package.save import launcher
from metaflow_windmill.terminal.speech import say

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from metaflow_windmill.graph import Dag
    from metaflow_windmill.graph.dag import Step
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.package.save import CodePackage
    from metaflow_windmill.types import Json

_OWN = frozenset({"memo", "windmill", "windmill_internal"})
"""Decorators that say where and whether a step runs, and nothing of what it does."""


def memos_of(obj: CliState, dag: Dag, package: CodePackage, *, every_step: bool) -> dict[str, Memo]:
    """Return what is told of each step that has ``@memo``, or of all.

    Parameters
    ----------
    obj : CliState
    dag : Dag
    package : CodePackage
        Its files are read only where a step has ``@memo``.
    every_step : bool
        ``--memo``.

    Raises
    ------
    DeployError
        If a step ignores the list that tells its tasks apart.
    """
    wanted = dict(_wanted(dag, every_step=every_step))
    if not wanted:
        return {}
    check_ignored(dag, wanted)
    always = [name for name in wanted if dag[name].parallel or dag[name].needs.approval]
    if always:
        what = "steps of num_parallel, and those that a person approves"
        say(obj, f"Note: {what}, are run each time, whatever @memo says: {', '.join(always)}.")
    files = _Files.of(obj, dag, package)
    codes = {name: files.code.of(name, files.whole) for name in wanted if name not in always}
    return {
        name: Memo(
            code=code.digest,
            package=files.whole,
            says={"decorators": digest(_decorators(dag[name])), "configs": files.configs, "data": files.data},
            why_whole=code.why_whole,
            expires=wanted[name].expires,
            ignore=wanted[name].ignore,
        )
        for name, code in codes.items()
    }


def check_ignored(dag: Dag, wanted: Mapping[str, Remembers]) -> None:
    """Refuse a step that ignores the list of a foreach around it: of its item a task knows the index else.

    Raises
    ------
    DeployError
    """
    for split in dag.steps:
        body = _body(dag, split) if split.kind == "foreach" else ()
        for name in body:
            if name in wanted and split.over in wanted[name].ignore:
                raise DeployError(
                    f"step {name!r} is told apart by the list {split.over!r} that {split.name!r} goes over, "
                    f"so @memo cannot ignore it: another item at the same place would be taken for the one "
                    f"before. Take {split.over!r} out of ignore=[...]"
                )


def _body(dag: Dag, split: Step) -> list[str]:
    """Return the steps between a foreach and its join."""
    found, left = [], list(split.next)
    while left:
        name = left.pop()
        if name not in found and name not in dag.joins_of(split.name):
            found.append(name)
            left += dag[name].next
    return sorted(found)


@dataclass(frozen=True)
class _Files:
    """The files of the package, and digests of what counts for each step."""

    code: PackageCode
    whole: str
    data: str
    configs: str

    @classmethod
    def of(cls, obj: CliState, dag: Dag, package: CodePackage) -> _Files:
        from metaflow import FlowSpec

        files, configs = package.user_files(), config_values(obj.flow)
        data = {name: path for name, path in files.items() if not name.endswith(".py")}
        texts = {name: _text(path) for name, path in files.items() if name not in data}
        told = "\n".join([json.dumps(configs, default=repr), *map(_text, data.values())])
        steps = [step.name for step in dag.steps]
        code = PackageCode(texts, launcher().name, steps, called_by_metaflow=dir(FlowSpec), told=told)
        return cls(code, package_digest(files), package_digest(data), digest(configs))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _wanted(dag: Dag, *, every_step: bool) -> Iterator[tuple[str, Remembers]]:
    for step in dag.steps:
        said = step.needs.memo or (Remembers() if every_step else None)
        if said is not None and said.enabled:
            yield step.name, said


def _decorators(step: Step) -> Json:
    found = [[deco.name, dict(deco.attributes)] for deco in step.decorators if deco.name not in _OWN]
    return sorted(found, key=str)
