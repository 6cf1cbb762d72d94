"""What a step asks of the worker that runs it: packages, resources, a tag, a time limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.approval import read_approval
from metaflow_windmill.contract.memo import seconds_of
from metaflow_windmill.contract.worker_options import GATHER_SECONDS, is_said
from metaflow_windmill.graph.dag import Needs, Remembers, StepPackages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from metaflow.decorators import Decorator as MetaflowDecorator
    from metaflow.graph import DAGNode

_ENVIRONMENTS = ("pypi", "conda")
_AS_WRITTEN = ("<", ">", "!", "~", "=", "@")


def read_needs(node: DAGNode) -> Needs:
    """Return what the decorators of a step ask of its worker."""
    decorators = {deco.name: deco for deco in node.decorators}
    said = {name: deco.attributes for name, deco in decorators.items()}
    windmill = said.get("windmill", {})
    seconds, pack, lost = (windmill.get(name) for name in ("timeout", "pack", "retry_lost"))
    approval = read_approval(windmill.get("approval"))  # what is answered now no earlier success knows
    return Needs(
        packages=_packages([decorators[name] for name in _ENVIRONMENTS if name in decorators]),
        resources=_amounts(said.get("resources", {})),
        tag=windmill.get("tag"),
        seconds=None if seconds is None else int(seconds),
        pack=None if pack is None else int(pack),
        memo=_memo(said["memo"]) if "memo" in said and approval is None else None,
        gather=_gather(windmill) if node.parallel_step else None,
        approval=approval,
        retry_lost=None if lost is None else int(lost),
    )


def _memo(said: Mapping[str, Any]) -> Remembers:
    """Return what ``@memo`` says; from ``--with memo:expires=7d`` come texts."""
    ignore = said.get("ignore") or ()
    names = ignore.replace(",", " ").split() if isinstance(ignore, str) else ignore
    enabled = str(said.get("enabled", True)).lower() not in {"false", "0", "no"}
    return Remembers(enabled, seconds_of(said.get("expires")), tuple(map(str, names)))


def _gather(windmill: Mapping[str, Any]) -> int | None:
    """Return how long the nodes of a gang wait for each other; None where one job runs all of them."""
    seconds = windmill.get("gather_timeout")
    if not is_said(windmill.get("job_per_node")):
        return None
    return GATHER_SECONDS if seconds is None else int(seconds)


def _packages(environments: Sequence[MetaflowDecorator]) -> StepPackages | None:
    """Return the packages of ``@pypi``; None where the step has no such environment.

    ``--environment=pypi`` puts ``@conda`` on all steps, with the version of Python that deploys.
    """
    if not environments or any(deco.attributes.get("disabled") for deco in environments):
        return None
    wanted: Mapping[str, object] = next(
        (deco.attributes["packages"] for deco in environments if deco.name == "pypi"), {}
    )
    chosen = (deco.attributes["python"] for deco in environments if deco.is_attribute_user_defined("python"))
    lines = tuple(_requirement(name, version) for name, version in wanted.items())
    return StepPackages(lines, next((str(python) for python in chosen if python), ""))


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
