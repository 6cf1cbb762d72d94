"""A worker that does what each task of a generated flow would do, without starting a process.

It reads the inputs that the engine computed, finds its parents by the runtime's own rules, and
answers as the runtime does. So a compiled graph can be carried through the engine in
milliseconds, and what it ran can be compared with what the graph says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from tests.support.expected import Done, finished

from metaflow_windmill.contract.event import PUBLISH
from metaflow_windmill.contract.pack import PACK, Pack, levels_of
from metaflow_windmill.contract.record import PackageInfo, Record, StoreInfo
from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.runtime.attempt.result import packed, result
from metaflow_windmill.runtime.position.current_job import CurrentJob
from metaflow_windmill.runtime.position.identity import Task, identify
from metaflow_windmill.runtime.position.parent_tasks import input_paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.support.graphs import Graph, Node

    from metaflow_windmill.runtime.position.tasks import Tasks
    from metaflow_windmill.types import Json

_LOCAL = StoreInfo("local")
RECORD = Record("Flow", "tester", "token", PackageInfo("/url", "sha", "{}", "flow.py"), _LOCAL, _LOCAL)
RUN = "windmill-simulated"


class TaskFailed(Exception):
    """An attempt that was told to fail."""


@dataclass
class Simulation:
    """The tasks of one run of a graph, kept as the datastore would keep them."""

    graph: Graph
    done: dict[str, Done] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    gangs: dict[str, list[str]] = field(default_factory=dict)
    results: dict[str, Json] = field(default_factory=dict)

    @property
    def somebody_waits(self) -> bool:
        """Whether somebody waits for the end of the run: in about half of them."""
        return len(self.graph.nodes) % 2 == 0

    def run(self, args: Mapping[str, Json]) -> Json:
        """Do one job: return its result, or raise if this attempt is one of those that fail."""
        if PUBLISH in args["task"]:
            assert self.somebody_waits, "the end of a run was published for nobody"
            return {"run_id": args["run"], "published": []}
        if PACK in args["task"]:
            return self._pack(Pack.from_json(args["task"]), args)
        return self._one(args)

    def _pack(self, pack: Pack, args: Mapping[str, Json]) -> Json:
        """Do the tasks of a job: of each item those up to the first that fails, and none a second time."""
        results: list[Json] = []
        failed: list[TaskFailed] = []
        for levels in levels_of(pack, args):
            try:
                for spec in pack.steps:
                    one = {**levels, "task": spec.to_json()}
                    results.append(self.results.get(_task(one).name) or self._one(one))
            except TaskFailed as why:  # noqa: PERF203 (each item for itself)
                failed.append(why)
        if failed:
            raise failed[0]
        return packed(results, [{"task": f"{one['step']}/{one['task']}"} for one in results])

    def _one(self, args: Mapping[str, Json]) -> Json:
        task = _task(args)
        assert task.run == RUN
        assert task.name not in self.done, f"{task.name} ran again although it had succeeded"
        node = self.graph[task.spec.step]
        parents = self._parents(task, args.get("splits"))
        attempt = self.attempts[task.name] = self.attempts.get(task.name, -1) + 1
        if attempt < node.failures:
            raise TaskFailed(task.name)
        self._finish(task, node, parents)
        end = {"awaited": self.somebody_waits} if task.spec.ends else {}
        done = self.results[task.name] = result(task, self._outcome(task, node)) | end
        return done

    def name(self, args: Mapping[str, Json]) -> str:
        """Return the name of the task that a job is, or the first one of those that it runs."""
        if PACK not in args["task"]:
            return _task(args).name
        pack = Pack.from_json(args["task"])
        return _task({**next(levels_of(pack, args)), "task": pack.steps[0].to_json()}).name

    def exist(self, tasks: Sequence[str]) -> list[bool]:
        """Tell of each task whether it ever began."""
        return [task in self.attempts for task in tasks]

    def artifact(self, task: str, name: str) -> Json:
        """Return the one artifact that the runtime asks for."""
        assert name == "_control_mapper_tasks"
        return self.gangs[task]

    def _parents(self, task: Task, splits: int | None) -> list[Done]:
        paths = input_paths(task, splits, cast("Tasks", self))
        if not task.spec.inputs:
            return []
        return [self.done[path.removeprefix(f"{RUN}/")] for path in paths]

    def _finish(self, task: Task, node: Node, parents: list[Done]) -> None:
        indices = tuple(number for kind, number in task.position if kind == "foreach")
        if not task.spec.gang:
            self.done[task.name] = finished(node, indices, parents)
            return
        nodes = range(self.graph.before(node).items)
        names = [task.name if number == 0 else f"{task.name}_node_{number}" for number in nodes]
        self.gangs[task.name] = [f"{RUN}/{name}" for name in names]
        for number, name in enumerate(names):
            self.done[name] = finished(node, (*indices, number), parents)

    def _outcome(self, task: Task, node: Node) -> Json:
        if node.kind == "switch":
            _, indices, turn = self.done[task.name].me
            return {"branch": node.choose(indices, *turn or (0,)), "splits": None}
        return {"branch": None, "splits": node.items if node.kind in {"foreach", "gang"} else None}


def _task(args: Mapping[str, Json]) -> Task:
    levels = {name: value for name, value in args.items() if name.startswith("level_")}
    spec, job = TaskSpec.from_json(args["task"]), CurrentJob(run=RUN.removeprefix("windmill-"))
    return identify(spec, RECORD, job, args.get("run"), levels)
