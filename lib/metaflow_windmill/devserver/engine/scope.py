"""What an expression inside a flow job may name, and the short cuts that need no JavaScript."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.engine.unread import known
from metaflow_windmill.devserver.expressions import syntax
from metaflow_windmill.devserver.expressions.evaluator import ExpressionError
from metaflow_windmill.devserver.store import approval_rows, flow_rows, job_rows, results, user_states
from metaflow_windmill.errors import MetaflowWindmillError
from metaflow_windmill.openflow import Javascript, Static

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from metaflow_windmill.devserver.engine.definitions import Definitions
    from metaflow_windmill.devserver.expressions.evaluator import Evaluator
    from metaflow_windmill.devserver.model import Catalog
    from metaflow_windmill.devserver.store.approval_rows import Answer
    from metaflow_windmill.devserver.store.flow_rows import ModuleRun
    from metaflow_windmill.devserver.store.job_rows import JobRow
    from metaflow_windmill.openflow import InputTransform
    from metaflow_windmill.types import Json

HIGHEST_ENVIRONMENT = 50
"""Levels of flows above in which a ``flow_env`` is looked for."""


class Scope:
    """The surroundings of the expressions of one flow job, read as the database is now.

    Parameters
    ----------
    connection : sqlite3.Connection
    job : JobRow
        The flow job.
    definitions : Definitions
    evaluator : Evaluator
    catalog : Catalog
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        job: JobRow,
        definitions: Definitions,
        evaluator: Evaluator,
        catalog: Catalog,
    ) -> None:
        self.connection = connection
        self.job = job
        self._definitions = definitions
        self._evaluator = evaluator
        self._catalog = catalog
        self._just_ended: dict[str, tuple[int, ModuleRun, Json]] = {}

    @cached_property
    def flow_input(self) -> dict[str, Json]:
        """The flow job's arguments."""
        arguments: dict[str, Json] = json.loads(job_rows.args_text(self.connection, self.job.id))
        return arguments

    @cached_property
    def flow_env(self) -> dict[str, Json]:
        """The constants of the nearest flow above that has any, its references filled in."""
        job: JobRow | None = self.job
        for _ in range(HIGHEST_ENVIRONMENT):
            if job is None or job.document is None:
                break
            found = self._definitions.get(self.connection, job.document).flow_env
            if found:
                return {key: self._filled_in(value) for key, value in found.items()}
            above = job.inner_root if job.inner_root != job.id else job.parent
            job = job_rows.load(self.connection, above) if above else None
        return {}

    def with_input(self, flow_input: dict[str, Json]) -> Scope:
        """Return the same surroundings with other arguments."""
        other = Scope(self.connection, self.job, self._definitions, self._evaluator, self._catalog)
        other._just_ended = self._just_ended
        other.replace_input(flow_input)
        return other

    def replace_input(self, flow_input: dict[str, Json]) -> None:
        """Set the arguments: those that a preprocessor made."""
        self.__dict__["flow_input"] = flow_input

    def remember(self, step: int, module: ModuleRun, value: Json) -> None:
        """Let expressions see a module that ended in the plan at hand, which is not in the database yet."""
        self._just_ended[module.id] = (step, module, value)

    def module(self, step: int) -> ModuleRun | None:
        """Return what is known of a module of this flow job."""
        for just_ended, module, _ in self._just_ended.values():
            if just_ended == step:
                return module
        return flow_rows.load_module(self.connection, self.job.id, step)

    def answers(self, job: str | None) -> list[Answer]:
        """Return what people said to the module of a job."""
        return approval_rows.of_job(self.connection, job or "")

    def item(self, step: int, attempt: int, position: int) -> Json:
        """Return what a sequential loop goes through at a position."""
        return flow_rows.item(self.connection, self.job.id, step, attempt, position)

    def list_of(self, step: int, module: ModuleRun) -> list[Json]:
        """Return the results of a module's children so far."""
        text = results.list_text(self.connection, self.job.id, step, module.attempt)
        listed: list[Json] = json.loads(text)
        return listed

    def args_of(self, job_id: str | None) -> dict[str, Json]:
        """Return the arguments of another job; none where there is no such job."""
        arguments: dict[str, Json] = json.loads(job_rows.args_text(self.connection, job_id or ""))
        return arguments

    def success_before(self, step: int) -> tuple[bool, Json]:
        """Return whether the module before a step succeeded, and its result."""
        module = self.module(step - 1)
        if module is None or module.type != "Success":
            return False, None
        place = results.place_of(self.job.id, step - 1, module)
        return True, json.loads(results.text_at(self.connection, place))

    def holds(
        self, expression: str, names: Mapping[str, Json], *, sees_results: bool = True, previous_id: str = ""
    ) -> bool:
        """Return whether a condition holds, by JavaScript's rules of truth."""
        text = f"Boolean({expression})"
        return bool(self.value(text, names, sees_results=sees_results, previous_id=previous_id))

    def transformed(
        self,
        transform: InputTransform,
        names: Mapping[str, Json],
        *,
        sees_results: bool = True,
        previous_id: str = "",
    ) -> Json:
        """Return the value of an input transform."""
        if isinstance(transform, Static):
            return transform.value
        if isinstance(transform, Javascript):
            return self.value(transform.expr, names, sees_results=sees_results, previous_id=previous_id)
        return None

    def value(
        self, expression: str, names: Mapping[str, Json], *, sees_results: bool = True, previous_id: str = ""
    ) -> Json:
        """Return the value of an expression.

        Parameters
        ----------
        expression : str
        names : mapping
            Names besides ``flow_input``, ``flow_env``, ``results`` and the functions.
        sees_results : bool
        previous_id : str
            The step whose result is ``previous_result``.

        Raises
        ------
        ExpressionError
        """
        expression = expression.strip()
        if expression in names:
            return known(names[expression])
        owned = syntax.property_of(expression)
        if owned is not None:
            holder = self.flow_input if owned[0] == "flow_input" else self.flow_env
            if owned[1] in holder:
                return holder[owned[1]]
        if sees_results:
            if "previous_result" in names and expression in syntax.previous_result_names(previous_id):
                return known(names["previous_result"])
            path = syntax.result_path(expression)
            if path is not None:
                return self._look_up_path(*path)
        return self._by_javascript(expression, names, previous_id if sees_results else "", sees_results)

    def _look_up_path(self, step_id: str, path: list[str]) -> Json:
        place = results.find(self.connection, self.job.id, step_id)
        if step_id in self._just_ended:
            step, module, _ = self._just_ended[step_id]
            place = results.place_of(self.job.id, step, module)
        return None if place is None else results.at_path(self.connection, place, path)

    def _by_javascript(
        self,
        expression: str,
        names: Mapping[str, Json],
        previous_id: str,
        sees_results: bool,  # noqa: FBT001 - private
    ) -> Json:
        seen = {name: known(value) for name, value in names.items() if name in expression}
        if "previous_result" in names and (
            "error" in expression
            or any(name in expression for name in syntax.previous_result_names(previous_id))
        ):
            seen["previous_result"] = known(names["previous_result"])
        if "error" in expression and "previous_result" in names:
            seen["error"] = error_of(known(names["previous_result"]))
        if "flow_input" in expression:
            seen["flow_input"] = self.flow_input
        if "flow_env" in expression:
            seen["flow_env"] = self.flow_env
        look_up = self._look_up if sees_results else self._look_up_outside
        return self._evaluator.evaluate(expression, seen, look_up, previous_id)

    def _look_up(self, kind: str, name: str) -> Json:
        if kind == "results":
            return self._look_up_result(name)
        if kind == "flow_user_state":
            return user_states.get(self.connection, self.job.root, name)
        return self._look_up_outside(kind, name)

    def _of_workspace(self, kind: str, name: str) -> Json:
        workspace = self.job.workspace
        if kind == "variable":
            return self._catalog.variable(workspace, name)
        if kind == "resource":
            return self._catalog.resource(workspace, name)
        raise ExpressionError(f"{kind} is not available here.")

    def _look_up_outside(self, kind: str, name: str) -> Json:
        try:
            found = self._of_workspace(kind, name)
        except MetaflowWindmillError as why:
            raise ExpressionError(str(why)) from why
        if found is None:
            raise ExpressionError(f"{kind} {name} is not in the workspace, or is empty.")
        return found

    def _look_up_result(self, step_id: str) -> Json:
        own = self._own_module(step_id)
        if own is None:
            return self._look_up_path(step_id, [])
        step, module = own
        place = results.place_of(self.job.id, step, module)
        if place.flow is None and place.job is None:
            raise ExpressionError(f"Failed to fetch result for step '{step_id}': no job stands behind it.")
        if step_id in self._just_ended:
            return known(self._just_ended[step_id][2])
        return json.loads(results.text_at(self.connection, place))

    def _own_module(self, step_id: str) -> tuple[int, ModuleRun] | None:
        if step_id in self._just_ended:
            step, module, _ = self._just_ended[step_id]
            return step, module
        return flow_rows.find_finished(self.connection, self.job.id, step_id)

    def _filled_in(self, value: Json) -> Json:
        try:
            return self._catalog.fill_in(self.job.workspace, value, lambda _: None)
        except MetaflowWindmillError as why:
            raise ExpressionError(f"flow_env cannot be read: {why}") from why


def error_of(previous_result: Json) -> Json:
    """Return what ``error`` means: the error of the step before, however its result holds it.

    A failed loop or branchall has the list of its children's results.
    """
    if isinstance(previous_result, dict) and previous_result.get("error"):
        return previous_result["error"]
    if isinstance(previous_result, list):
        return _error_in_list(previous_result)
    if previous_result:
        message = "Could not parse the error"
        return {"name": "UnknownError", "message": message, "error": previous_result}
    return {"name": "UnknownError", "message": "No error found"}


def _error_in_list(outcomes: list[Json]) -> Json:
    errors = [item["error"] for item in outcomes if isinstance(item, dict) and "error" in item]
    if len(errors) == 1:
        return errors[0]
    words = [_words(error, place) for place, error in enumerate(errors)]
    message = "; ".join(words) if words else "Could not parse errors"
    return {"name": "MultipleErrors", "message": message, "errors": outcomes}


def _words(error: Json, place: int) -> str:
    said = error if isinstance(error, dict) else {}
    return f"[{said.get('step_id') or place}] {said.get('message') or said.get('name')}"
