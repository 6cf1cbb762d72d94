"""The private directory of a job, laid out as Windmill lays it out."""

from __future__ import annotations

import json
import keyword
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaflow_windmill.devserver.model import RunnableJob, ScriptCode

IN_JOB = Path(__file__).parent / "in_job"
FLOW_ROOT = re.compile(r"(.*?)/(?:branchone-\d+/|branchall-\d+/|loop-\d+|forloop-\d+/)", re.IGNORECASE)
RELATIVE_IMPORT = re.compile(r"^\s*(from|import)\s+(\.|[fu]\.)", re.MULTILINE)


def import_path(path: str) -> str:
    """Return the path that a job's script is imported by: in a part of a flow, the flow's, with ``flow``.

    >>> import_path("f/reports/sums/forloop-3/branchone-0/add")
    'f/reports/sums/flow'
    """
    inside = FLOW_ROOT.match(path)
    return f"{inside[1]}/flow" if inside else path


def module_name(path: str) -> str:
    """Return the dotted name that a script is imported by.

    The last part is made a Python name as Windmill does it: in small letters, with ``_`` for blanks
    and dashes and before a digit or a keyword.

    >>> module_name("f/reports/Daily-Sums")
    'f.reports.daily_sums'
    """
    *folders, last = [part for part in path.split("/") if part] or ["main"]
    plain = re.sub(r"[ -]", "_", last.lower())
    if plain[:1].isdigit() or keyword.iskeyword(plain):
        plain = f"_{plain}"
    return ".".join([re.sub(r"\W", "_", folder) for folder in folders] + [plain])


def script_file(directory: Path, path: str) -> Path:
    """Return where the script of a job stands in its directory."""
    return directory.joinpath(*module_name(path).split(".")).with_suffix(".py")


def has_relative_imports(code: ScriptCode) -> bool:
    """Tell whether the script imports other scripts of its workspace."""
    return RELATIVE_IMPORT.search(code.content) is not None


def lay_out(directory: Path, job: RunnableJob) -> None:
    """Write the script, its arguments and the wrapper that runs it."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = import_path(job.code.path)
    script = script_file(directory, path)
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(job.code.content, encoding="utf-8")
    (directory / "args.json").write_text(json.dumps(job.args), encoding="utf-8")
    plan = {
        "module": module_name(path),
        "preprocess": job.preprocess,
        "loader": has_relative_imports(job.code),
    }
    (directory / "wrapper.json").write_text(json.dumps(plan), encoding="utf-8")
    names = ("wrapper.py", "loader.py") if plan["loader"] else ("wrapper.py",)
    for name in names:
        (directory / name).write_bytes((IN_JOB / name).read_bytes())
