"""Whom a run waits for: where it stands still, what it asks, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from metaflow_windmill.contract.task_spec import TaskSpec
from metaflow_windmill.errors import DeployError, InvalidParameter, NotFound, Refused, Unauthorized
from metaflow_windmill.runs.approvers import until_when, who_may, why_refused
from metaflow_windmill.runs.flow_modules import modules_of
from metaflow_windmill.runtime.position.task_ids import read_position, task_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from metaflow_windmill.client.models import Job
    from metaflow_windmill.client.windmill import Windmill
    from metaflow_windmill.errors import MetaflowWindmillError, WindmillError
    from metaflow_windmill.types import Json

_TRUE, _FALSE = ("true", "yes", "y", "1"), ("false", "no", "n", "0")
SHOWN = 10


@dataclass(frozen=True)
class Question:
    """A step that does not begin before a person has answered.

    Parameters
    ----------
    job_id : str
        Of the flow, or of the part of it, that waits.
    step : str
    task : str
        ``step/task`` in Metaflow's words; the step where that cannot be told.
    ask : str
        What the person reads.
    fields : mapping of str to JSON
        Of the form, each the members of a JSON schema.
    required : tuple of str
        The fields that have to be filled in.
    may_answer : bool
        Whether the one who asks may.
    who : str
        Who may answer, as people call them.
    until : datetime or None
        When the run stops to wait, in UTC.
    """

    job_id: str
    step: str
    task: str
    ask: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    may_answer: bool = True
    who: str = ""
    until: datetime | None = None

    def command(self, run: str, *, alone: bool) -> str:
        """Return the command that answers, as a person types it."""
        which = "" if alone else f" --task {self.task}"
        said = "".join(f" --answer {name}=..." for name in self.required)
        return f"windmill approve {run}{which}{said}"

    def to_json(self) -> dict[str, Json]:
        """Return the question for a program."""
        fields = {name: dict(item) for name, item in self.fields.items()}
        asked = {"task": self.task, "ask": self.ask, "fields": fields, "required": list(self.required)}
        until = self.until.isoformat() if self.until else None
        return {**asked, "who": self.who, "until": until, "may_answer": self.may_answer}


def asks_people(value: Json) -> bool:
    """Tell whether a deployed flow, given by its value, asks anybody."""
    return any(module.get("suspend") for module in modules_of(value))


def questions(windmill: Windmill, run: Job, value: Json, most: int | None = None) -> list[Question]:
    """Return what a run waits for, by the tasks.

    Parameters
    ----------
    windmill : Windmill
    run : Job
        The job of the run.
    value : JSON value
        Of the deployed flow.
    most : int or None
        How many to ask for, where not all.
    """
    if run.state.final or not asks_people(value):
        return []
    waiting = windmill.list_queued_jobs(suspended=True, script_path_start=run.path)
    ours = [job for job in waiting if job.path == run.path or job.path.startswith(f"{run.path}/")]
    parts = [job.id for job in ours if job.id == run.id or windmill.root_of(job.id) == run.id]
    found = (_question(windmill, part, value) for part in parts[:most])
    return sorted((each for each in found if each is not None), key=lambda each: each.task)


def chosen(found: list[Question], run: str, task: str | None, *, every: bool) -> list[Question]:
    """Return the questions that an answer is for: the only one, those of a step or a task, or all.

    Raises
    ------
    DeployError
        If there is none, or it is not said which of several.
    """
    if not found:
        raise DeployError(f"{run} waits for nobody; `windmill status {run}` says where it is")
    meant = [each for each in found if task in (None, each.task, each.step)]
    if not meant:
        raise DeployError(f"{run} does not wait before {task!r}; it waits before {_names(found)}")
    if len(meant) > 1 and not every:
        raise DeployError(
            f"{run} waits before {_names(meant)}: say which by --task, or answer all of them alike by --all"
        )
    return meant


def answers_of(question: Question, texts: Mapping[str, str]) -> dict[str, Json]:
    """Return what was filled in, as the form has it.

    Raises
    ------
    InvalidParameter
        For a field that there is not, a value that it does not take, or one that is missing.
    """
    found: dict[str, Json] = {}
    for name, text in texts.items():
        if name not in question.fields:
            raise InvalidParameter(
                f"the question before {question.task} has {_fields(question)}, not {name!r}"
            )
        found[name] = _value(name, question.fields[name], text)
    return check_answers(question, found)


def check_answers(question: Question, given: Mapping[str, Json]) -> dict[str, Json]:
    """Return answers with the form's defaults for what was not said; see `answers_of`."""
    unknown = [name for name in given if name not in question.fields]
    if unknown:
        raise InvalidParameter(
            f"the question before {question.task} has {_fields(question)}, not {unknown[0]!r}"
        )
    defaults = {name: item["default"] for name, item in question.fields.items() if "default" in item}
    missing = [name for name in question.required if name not in given and name not in defaults]
    if missing:
        raise InvalidParameter(f"the question before {question.task} asks for {', '.join(missing)} too")
    return {**defaults, **given}


def answer(
    windmill: Windmill, question: Question, answers: Mapping[str, Json], *, approved: bool = True
) -> None:
    """Say yes or no.

    Raises
    ------
    DeployError
        If the run does not wait there any more.
    WindmillError
        If it is somebody else's to answer.
    """
    try:
        windmill.resume_suspended(question.job_id, dict(answers), approved=approved)
    except (Refused, Unauthorized) as why:
        if "not in a suspended state" in str(why) or "flow job not found" in str(why):
            raise DeployError(f"the run does not wait before {question.task} any more") from why
        raise _refused(question, why) from why


def _refused(question: Question, why: WindmillError) -> MetaflowWindmillError:
    """Return what is said to a person whose answer Windmill does not take."""
    reason = why_refused(str(why))
    if reason is None:
        return why
    return DeployError(
        f"your answer before {question.task} was not taken: {reason}. The run still waits; "
        f"{question.who} may answer."
    )


def _question(windmill: Windmill, job_id: str, value: Json) -> Question | None:
    try:
        job, info = windmill.get_job(job_id), windmill.approval_info(job_id)
    except NotFound:
        return None
    status = job.flow_status if isinstance(job.flow_status, dict) else {}
    modules, step = status.get("modules") or [], status.get("step") or 0
    if not step < len(modules) or modules[step].get("type") != "WaitingForEvents":
        return None
    name, task = _task(value, str(modules[step].get("id")), job.args if isinstance(job.args, dict) else {})
    schema = (info.get("form_schema") or {}).get("schema") or {}
    who, until = _whom(windmill, job, modules[step - 1], value)
    return Question(
        job_id,
        name,
        task,
        str(info.get("description") or ""),
        schema.get("properties") or {},
        tuple(schema.get("required") or ()),
        bool(info.get("can_approve", True)),
        who,
        until,
    )


def _whom(windmill: Windmill, job: Job, gate: Json, value: Json) -> tuple[str, datetime | None]:
    """Return who may answer and until when: Windmill tells neither, the flow and the job that waits do."""
    found = (module.get("suspend") for module in modules_of(value) if module.get("id") == gate.get("id"))
    rules = next(found, None) or {}
    try:
        since = windmill.get_job(str(gate.get("job"))).completed_at
    except NotFound:
        since = None
    return who_may(rules, job.suspended, job.created_by), until_when(rules, since)


def _task(value: Json, module: str, args: Mapping[str, Json]) -> tuple[str, str]:
    """Return the step of a module and the task that it will be, by the loops in its flow's arguments."""
    body = next((found["value"] for found in modules_of(value) if found.get("id") == module), None)
    inputs = (body or {}).get("input_transforms") or {}
    said = (inputs.get("task") or {}).get("value")
    if not isinstance(said, dict) or "step" not in said:
        return module, module
    spec = TaskSpec.from_json(dict(said))
    names = {f"level_{depth}": f"level_{depth}" for depth in range(len(spec.levels))}
    given = {
        name: args.get(str(inputs[name].get("expr")).rpartition(".")[2]) for name in names if name in inputs
    }
    try:
        return spec.step, f"{spec.step}/{task_id(read_position(spec.levels, given))}"
    except Exception:  # noqa: BLE001 (a flow that somebody edited: the step is known all the same)
        return spec.step, spec.step


def _value(name: str, item: Mapping[str, Json], text: str) -> Json:
    kind = item.get("type")
    try:
        if kind in ("integer", "number"):
            return int(text) if kind == "integer" else float(text)
        if kind == "boolean":
            return _truth(text)
    except ValueError:
        words = {"integer": "a whole number", "number": "a number"}.get(str(kind), "true or false")
        raise InvalidParameter(f"the field {name!r} takes {words}, not {text!r}") from None
    if item.get("enum") and text not in item["enum"]:
        raise InvalidParameter(
            f"the field {name!r} takes one of {', '.join(map(str, item['enum']))}, not {text!r}"
        )
    return text


def _truth(text: str) -> bool:
    if text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    raise ValueError(text)


def _fields(question: Question) -> str:
    return f"the fields {', '.join(question.fields)}" if question.fields else "no fields to fill in"


def _names(found: list[Question]) -> str:
    names = [each.task for each in found[:SHOWN]]
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return f"{', '.join(names)}{more}"
