"""The environment variables that Metaflow reads in a task: where things are, who deployed them, what runs."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from metaflow_windmill.runtime.output.masking import NAMES
from metaflow_windmill.runtime.output.metadata_service import check_headers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.runtime.position.identity import Task

OUTCOME = "METAFLOW_WINDMILL_OUTCOME"
"""Names the file in which the task leaves what its job is to return."""

EVENTS = "METAFLOW_WINDMILL_EVENTS"
"""Holds the events that started the run, as JSON; an empty list where nothing did."""

DUE = "METAFLOW_WINDMILL_SCHEDULED_FOR"
"""Holds the time of the schedule that started the run, as ISO 8601 in UTC; empty where none did."""

APPROVAL = "METAFLOW_WINDMILL_APPROVAL"
"""Holds what was answered before the step, as JSON; not there where nobody was asked."""

RENEWED = "METAFLOW_WINDMILL_RENEWED"
"""Names the attributes of the flow that the inputs of a task, as clones, may have other values of."""

ALL = "*"
"""In place of those names: all parameters and constants, and the graph."""

WHERE = "METAFLOW_RUNTIME_ENVIRONMENT"
"""Says where a task runs: with ``local`` the control task of a gang starts the other nodes itself."""

NODES = "METAFLOW_WINDMILL_NODES"
"""Names the tasks of a gang whose nodes are jobs of their own, the control task first."""

OWN = frozenset(
    {
        "METAFLOW_USER",
        "METAFLOW_OWNER",
        "METAFLOW_PRODUCTION_TOKEN",
        "METAFLOW_RUNTIME_NAME",
        "METAFLOW_RUNTIME_ENVIRONMENT",
        "METAFLOW_CODE_URL",
        "METAFLOW_CODE_SHA",
        "METAFLOW_CODE_METADATA",
        "METAFLOW_CODE_DS",
        "METAFLOW_DEFAULT_DATASTORE",
        "METAFLOW_DEFAULT_METADATA",
        "METAFLOW_FLOW_NAME",
        "METAFLOW_FLOW_FILENAME",
        "METAFLOW_RUN_ID",
        "METAFLOW_STEP_NAME",
        "METAFLOW_TASK_ID",
        "METAFLOW_EXTRACTED_ROOT",
        "METAFLOW_SERVICE_URL",
        "PYTHONPATH",
        "PYTHONUNBUFFERED",
    }
)
"""What a task sets by itself, whatever was set before."""

READ_BEFORE = frozenset(
    {
        "METAFLOW_OWNER",
        "METAFLOW_RUNTIME_NAME",
        "METAFLOW_RUNTIME_ENVIRONMENT",
        "METAFLOW_CODE_URL",
        "METAFLOW_CODE_SHA",
        "METAFLOW_CODE_METADATA",
        "METAFLOW_CODE_DS",
        "METAFLOW_FLOW_NAME",
        "METAFLOW_FLOW_FILENAME",
        "METAFLOW_STEP_NAME",
        "METAFLOW_TASK_ID",
        "METAFLOW_VERSION",
        OUTCOME,
        EVENTS,
        APPROVAL,
        RENEWED,
        NAMES,
        NODES,
        DUE,
    }
)
"""What has been read when a step's code begins. A flow that the step starts would take it for its own."""

RUNTIME = "windmill"
_LOCAL = ".metaflow"  # metaflow_config.DATASTORE_LOCAL_DIR


def task_environment(task: Task, root: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set before Metaflow is imported.

    Parameters
    ----------
    task : Task
    root : Path
        Of the unpacked code package.
    inherited : mapping of str to str
        The environment of the job.

    Raises
    ------
    TaskError
        If what is to let the task in to the metadata service is not as Metaflow takes it.
    """
    check_headers(inherited)
    record, code = task.record, str(root / ".mf_code")
    python_path = inherited.get("PYTHONPATH")
    return {
        "METAFLOW_USER": record.owner,
        "METAFLOW_OWNER": record.owner,
        "METAFLOW_PRODUCTION_TOKEN": record.token,
        "METAFLOW_RUNTIME_NAME": RUNTIME,
        WHERE: "local",
        "METAFLOW_CODE_URL": record.package.url,
        "METAFLOW_CODE_SHA": record.package.sha,
        "METAFLOW_CODE_METADATA": record.package.metadata,
        "METAFLOW_CODE_DS": record.datastore.type,
        "METAFLOW_DEFAULT_DATASTORE": record.datastore.type,
        "METAFLOW_DEFAULT_METADATA": record.metadata.type,
        "METAFLOW_FLOW_NAME": record.flow,
        "METAFLOW_FLOW_FILENAME": record.package.flow_file,
        "METAFLOW_RUN_ID": task.run,
        "METAFLOW_STEP_NAME": task.spec.step,
        "METAFLOW_TASK_ID": task.id,
        "METAFLOW_EXTRACTED_ROOT": str(root),
        "PYTHONPATH": f"{code}:{python_path}" if python_path else code,
        "PYTHONUNBUFFERED": "x",
        **_places(record),
        **record.variables,
    }


def _places(record: Record) -> dict[str, str]:
    """Return where data and metadata are, in the words of Metaflow's configuration."""
    places = {}
    root = record.datastore.root
    if record.datastore.type != "local":
        places[f"METAFLOW_DATASTORE_SYSROOT_{record.datastore.type.upper()}"] = root
    elif PurePosixPath(root).name == _LOCAL:  # Metaflow appends this name to what the variable says
        places["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(PurePosixPath(root).parent)
    if record.metadata.type == "service" and record.metadata.root:
        places["METAFLOW_SERVICE_URL"] = record.metadata.root
    return places


def leave_to_user_code(but: str = "") -> None:
    """Take away what a step's code would not see under ``python flow.py run``, but for one variable."""
    for name in READ_BEFORE - {but}:
        os.environ.pop(name, None)
