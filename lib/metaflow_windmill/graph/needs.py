"""What a step asks of the worker that runs it: packages, resources, a tag, a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow_windmill.graph.dag import Needs, Packages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow.graph import DAGNode

_ENVIRONMENTS = ("conda", "pypi")
_AS_WRITTEN = ("<", ">", "!", "~", "=", "@")


def read_needs(node: DAGNode) -> Needs:
    """Return what the decorators of a step ask of its worker."""
    said = {deco.name: deco.attributes for deco in node.decorators}
    windmill = said.get("windmill", {})
    seconds = windmill.get("timeout")
    return Needs(
        packages=_packages(said),
        resources=_amounts(said.get("resources", {})),
        tag=windmill.get("tag"),
        seconds=None if seconds is None else int(seconds),
    )


def _packages(said: Mapping[str, Mapping[str, Any]]) -> Packages | None:
    """Return the packages of ``@pypi``; None where the step has no such environment.

    ``--environment=pypi`` puts ``@conda`` on all steps, with the Python version alone.
    """
    used = [said[name] for name in _ENVIRONMENTS if name in said]
    if not used or any(attributes.get("disabled") for attributes in used):
        return None
    wanted = said.get("pypi", {}).get("packages") or {}
    python = said.get("pypi", {}).get("python") or used[0].get("python")
    return Packages(tuple(_requirement(name, version) for name, version in wanted.items()), python or "")


def _requirement(name: str, version: object) -> str:
    """Write a package as pip reads it; Metaflow takes a version, a range, an address, or nothing."""
    text = str(version or "").strip()
    return f"{name}{text}" if not text or text.startswith(_AS_WRITTEN) else f"{name}=={text}"


def _amounts(attributes: Mapping[str, Any]) -> dict[str, float]:
    amounts = {name: _number(value) for name, value in attributes.items()}
    return {name: amount for name, amount in amounts.items() if amount}


def _number(value: object) -> float:
    """Return an amount; those from the command line (``--with resources:gpu=1``) are texts."""
    try:
        return float(str(value))
    except ValueError:
        return 0.0
