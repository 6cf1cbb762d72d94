"""What a metadata service is asked, and with which status it answers: a short life of a run."""

from __future__ import annotations

from typing import Any, TypeAlias

Exchange: TypeAlias = tuple[int, str, str, Any]

BY = {
    "user_name": "ann",
    "tags": ["mine"],
    "system_tags": ["metaflow_version:2.19.39", "runtime:windmill"],
}
_RUN = "/runs/windmill-1"
_STEP = f"{_RUN}/steps/start"
_TASK = f"{_STEP}/tasks/t"
_TAGS = f"{_RUN}/tag/mutate"


def metadata(name: str, value: Any) -> dict[str, Any]:
    """Return a piece of metadata as a client sends it."""
    return {"field_name": name, "value": value, "type": name, "user_name": "ann", "tags": ["attempt_id:0"]}


def artifact(name: str, attempt: int) -> dict[str, Any]:
    """Return an artifact as a client sends it."""
    about = {"type": "metaflow.artifact", "content_type": "pickle", "ds_type": "local"}
    return {**BY, **about, "name": name, "attempt_id": attempt, "location": "here", "sha": "abc"}


CREATING: tuple[Exchange, ...] = (
    (404, "GET", "", None),
    (404, "POST", "/run", {**BY, "run_number": "windmill-1"}),
    (200, "POST", "", BY),
    (409, "POST", "", BY),
    (200, "GET", "", None),
    (404, "GET", _RUN, None),
    (200, "GET", f"{_RUN}/steps", None),
    (500, "POST", f"{_STEP}/step", BY),
    (200, "POST", "/run", {**BY, "run_number": "windmill-1"}),
    (409, "POST", "/run", {**BY, "run_number": "windmill-1"}),
    (500, "POST", "/run", {**BY, "run_number": "7"}),
    (200, "POST", "/run", BY),
    (404, "POST", f"{_STEP}/task", {**BY, "task_id": "t"}),
    (500, "POST", "/runs/other/steps/start/task", {**BY, "task_id": "t"}),
    (200, "POST", f"{_STEP}/step", {**BY, "tags": ["of the step"]}),
    (409, "POST", f"{_STEP}/step", BY),
    (200, "POST", f"{_STEP}/task", {**BY, "task_id": "t"}),
    (409, "POST", f"{_STEP}/task", {**BY, "task_id": "t"}),
    (500, "POST", f"{_STEP}/task", {**BY, "task_id": "3"}),
    (404, "GET", f"{_STEP}/tasks/u", None),
    (404, "POST", f"{_TASK}/heartbeat", {}),  # sooner than it is asked for
    (404, "POST", f"{_STEP}/tasks/u/heartbeat", {}),
)

FILLING: tuple[Exchange, ...] = (
    (400, "POST", f"{_STEP}/tasks/u/metadata", []),
    (200, "POST", f"{_TASK}/metadata", [metadata("a", "one"), metadata("b", ["two", "and more"])]),
    (400, "POST", f"{_STEP}/tasks/u/artifact", []),
    (200, "POST", f"{_TASK}/artifact", [artifact("name", 0), artifact("x", 0), artifact("name", 1)]),
    (200, "POST", f"{_TASK}/artifact", [artifact("x", 0)]),
    (404, "GET", f"{_TASK}/artifacts/x", None),  # the last attempt has none
    (422, "PATCH", _TAGS, {"tags_to_remove": ["runtime:windmill"]}),
    (400, "PATCH", _TAGS, {"tags_to_add": "new"}),
    (400, "PATCH", _TAGS, {"tags_to_add": [1]}),
    (404, "PATCH", "/runs/other/tag/mutate", {}),
    (200, "PATCH", _TAGS, {"tags_to_add": ["new", "runtime:windmill"], "tags_to_remove": ["mine"]}),
)

LISTS: dict[str, list[Any]] = {
    f"{_RUN}/steps": ["start"],
    f"{_STEP}/tasks": ["t"],
    "/runs/windmill-1/steps/none/tasks": [],
    f"{_TASK}/metadata": ["b", "a"],
    f"{_RUN}/metadata": ["a", "b"],
    f"{_TASK}/artifacts": [("name", 1)],
    f"{_TASK}/attempt/0/artifacts": [("name", 0), ("x", 0)],
    f"{_STEP}/artifacts": [("name", 1)],
    f"{_RUN}/artifacts": [("name", 1)],
    f"{_STEP}/filtered_tasks?metadata_field_name=a&pattern=^one$": ["F/windmill-1/start/t"],
    f"{_STEP}/filtered_tasks?metadata_field_name=a&pattern=two": [],
    f"{_STEP}/filtered_tasks?metadata_field_name=b&pattern=two,": ["F/windmill-1/start/t"],
    f"{_STEP}/filtered_tasks": ["F/windmill-1/start/t"],
}
"""Lists, and what tells their members apart."""
