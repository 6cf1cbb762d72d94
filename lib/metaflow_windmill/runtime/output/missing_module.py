"""A module that the worker does not have: the error says how a step gets it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from metaflow_windmill.runtime.output.failure import Failure

_SAID = re.compile(r"No module named '([\w.]+)'|[Mm]issing optional dependency '([\w.-]+)'")
_ERRORS = frozenset({"ImportError", "ModuleNotFoundError"})


def advised(failure: Failure, root: Path) -> Failure:
    """Return the failure, with what to do where a module was missing.

    Parameters
    ----------
    failure : Failure
    root : Path
        Of the unpacked code package.
    """
    match = _SAID.search(failure.message)
    if failure.name not in _ERRORS or match is None:
        return failure
    return replace(failure, message=f"{failure.message}\n{advice(match[1] or match[2], root)}")


def advice(module: str, root: Path) -> str:
    """Return what a person does so that the workers have a module."""
    top = module.partition(".")[0]
    if (root / f"{top}.py").exists() or (root / top).is_dir():
        return (
            f"The code package has {top!r}, and no file for {module!r}: it holds the files in the folder of "
            "the flow with the suffixes of --package-suffixes. Put the file there, and deploy again."
        )
    return (
        f"The worker has no {top!r}. Deploy the flow again from where its package is installed; or name the "
        "package in a PEP 723 header (# /// script) of the flow file, in a requirements.txt given by "
        "--requirements, in the pyproject.toml or uv.lock beside the flow, or by @pypi (with "
        "--environment=pypi). In a git repository that the workspace deploys, a requirements.txt beside the "
        "flow does it. A module of your own goes into the folder of the flow, or comes by @package_sources."
    )
