"""The step decorator that ties a task to its Windmill job; each deployed step gets it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from metaflow.decorators import StepDecorator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from metaflow_windmill.internals.shapes import MetadataProvider, MetaflowGraph, TaskFlow, TaskStore
    from metaflow_windmill.runtime.report.describing import Describing


class WindmillInternalDecorator(StepDecorator):  # type: ignore[misc]
    """Registers the job, leaves the task's outcome for it, and puts the runtime into the code package."""

    name = "windmill_internal"
    _describing: Describing | None = None
    _nodes = ""
    _brings_files = True

    def package_init(self, flow: Iterable[Callable[..., None]], step_name: str, environment: object) -> None:  # noqa: ARG002
        """Let one step bring the files: Metaflow looks at each of each step, 0.1 s a step."""
        self._brings_files = step_name == next(iter(flow)).__name__

    def add_to_package(self) -> Iterator[tuple[str, str]]:
        """Yield the files of this project that a task needs, each with its name in the package."""
        from metaflow_windmill.package.contents import runtime_files

        if self._brings_files:
            yield from runtime_files()

    def task_pre_step(  # noqa: PLR0917 (Metaflow's signature)
        self,
        step_name: str,
        task_datastore: TaskStore,
        metadata: MetadataProvider,
        run_id: str,
        task_id: str,
        flow: TaskFlow,
        graph: MetaflowGraph,
        retry_count: int,
        max_user_code_retries: int,  # noqa: ARG002
        ubf_context: str | None,
        inputs: Sequence[TaskStore],
    ) -> None:
        """Register the job as metadata of the task; in a resumed run, see to what its inputs hand on.

        The control task of a gang whose nodes are jobs of their own says what the join reads.
        """
        from metaflow_windmill.internals.running import tell_join
        from metaflow_windmill.runtime.child.current_schedule import tell_of_schedule
        from metaflow_windmill.runtime.child.current_trigger import tell_of_events
        from metaflow_windmill.runtime.child.hooks import register, renew
        from metaflow_windmill.runtime.child.task_environment import NODES, OUTCOME
        from metaflow_windmill.runtime.output.masking import Mask

        renew(task_datastore, inputs)
        self._datastore, self._metadata, self._ubf_context = task_datastore, metadata, ubf_context
        self._outcome = os.environ.get(OUTCOME, "")
        self._nodes = os.environ.get(NODES, "")
        if self._nodes and ubf_context == "ubf_control":
            tell_join(flow, self._nodes.split(","))
        self._mask = Mask.of(os.environ)  # before the names of the secrets are taken away
        register(metadata, run_id, step_name, task_id, retry_count)
        tell_of_schedule()
        first = step_name == graph.start_step
        tell_of_events(metadata, run_id, step_name, task_id, retry_count, task_datastore, first=first)

    def task_decorate(  # noqa: PLR0917 (Metaflow's signature)
        self,
        step_func: Callable[..., None],
        flow: TaskFlow,  # noqa: ARG002
        graph: MetaflowGraph,  # noqa: ARG002
        retry_count: int,  # noqa: ARG002
        max_user_code_retries: int,  # noqa: ARG002
        ubf_context: str | None,
    ) -> Callable[..., None]:
        """Let the step's code see of the environment what it would see under ``run``.

        The code of a gang's first task, and of the control task of an unbounded foreach, sees all of it:
        around that code Metaflow starts the other tasks, which need what was set. Where these are jobs of
        their own it does not, but Metaflow's own decorators still have to see where they are.
        """
        from metaflow_windmill.runtime.child.task_environment import WHERE, leave_to_user_code

        if ubf_context != "ubf_control":
            leave_to_user_code()
        elif self._nodes:
            leave_to_user_code(but=WHERE)
        return step_func

    def task_post_step(
        self,
        step_name: str,
        flow: TaskFlow,
        graph: MetaflowGraph,
        retry_count: int,  # noqa: ARG002
        max_user_code_retries: int,  # noqa: ARG002
    ) -> None:
        """Refuse a foreach that would lose items."""
        from metaflow_windmill.internals.running import number_of_splits
        from metaflow_windmill.runtime.position.foreach import check_foreach

        if graph[step_name].type == "foreach" and number_of_splits(flow) is not None:
            check_foreach(step_name, flow)
        if step_name == graph.end_step:
            self._describe(flow)

    def _describe(self, flow: TaskFlow) -> None:
        """Begin to describe what the run has made: Metaflow takes it away from the flow when it saves it."""
        from metaflow_windmill.runtime.report.artifacts import values_of
        from metaflow_windmill.runtime.report.describing import describe

        with contextlib.suppress(Exception):
            self._describing = describe(values_of(flow), self._mask)

    def _texts(self) -> dict[str, str]:
        """Return what the values say of themselves."""
        with contextlib.suppress(Exception):
            return self._describing.texts() if self._describing else {}
        return {}

    def task_finished(  # noqa: PLR0917 (Metaflow's signature)
        self,
        step_name: str,
        flow: TaskFlow,
        graph: MetaflowGraph,
        is_task_ok: bool | None,  # noqa: FBT001
        retry_count: int,  # noqa: ARG002
        max_user_code_retries: int,  # noqa: ARG002
    ) -> None:
        """Leave metadata and the outcome; a node that is no job of its own has none."""
        from metaflow_windmill.runtime.child.hooks import carry_metadata, finish, outcome

        carry_metadata(self._metadata.TYPE, self._datastore)
        if is_task_ok and (self._nodes or self._ubf_context != "ubf_task"):
            texts = self._texts()
            said = outcome(flow, graph[step_name]) | ({"texts": texts} if texts else {})
            finish(said, self._outcome)
