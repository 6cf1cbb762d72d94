"""``why``: why a task with ``@memo`` was cloned or ran, by what its key is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from metaflow._vendor import click

from metaflow_windmill.cli.flow.deployed import deployed, json_option
from metaflow_windmill.cli.flow.options.shared import server_options
from metaflow_windmill.contract.resume_argument import WINDMILL_RUN
from metaflow_windmill.deployment.described.names import run_id_of
from metaflow_windmill.errors import DeployError
from metaflow_windmill.runtime.position.tasks import Tasks
from metaflow_windmill.terminal.speech import flow_command, print_data, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from metaflow_windmill.cli.flow.deployed import Deployment
    from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions
    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json

NO_KEY = (
    "has no key. Keys are made when a task begins, for steps with @memo and for flows deployed with --memo; "
    "a gang has none, and what `resume` clones needs none"
)
_LISTS = frozenset({"packages"})
_SHOWN = 12
"""Characters of a digest that tell two apart."""


@dataclass(frozen=True)
class KeyDifference:
    """A part of a key that is another than that of the earlier task: what it was and what it is."""

    part: str
    before: str
    now: str


@flow_command(
    "Show why a task with @memo ran or was cloned: what its key is made of, and what of it has changed since "
    "the step last succeeded. TASK is RUN/STEP or RUN/STEP/TASK, as `status` names it; of the last run if "
    "RUN is left out.",
    click.argument("task", metavar="TASK"),
    server_options,
    json_option,
    examples=(
        "why train",
        "why windmill-1fa26f5d-f818-4e79-a3ea-e55ae0cbd1db/train/t-2 --json",
    ),
)
def command(obj: CliState, *, task: str, given: TargetOptions, as_json: bool) -> None:
    """Print sentences and a table, or JSON."""
    found = deployed(obj, given)
    run, name = _asked(found, task)
    told = _told(found, run, name)
    if told is None:
        raise DeployError(f"{run}/{name} {NO_KEY}")
    before = _told(found, *_parted(told["before"])) if told.get("before") else None
    changed = differences(before["parts"], told["parts"]) if before else []
    if as_json:
        print_json({"task": f"{run}/{name}", **told, "changed": [vars(item) for item in changed]})
    else:
        _print(f"{run}/{name}", told, before, changed)


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> list[KeyDifference]:
    """Return which parts of two keys differ, each as short as tells them apart."""
    names = [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]
    return [KeyDifference(name, *_short(name, before.get(name), now.get(name))) for name in names]


def reason(told: Json, changed: list[KeyDifference], *, compared: bool) -> str:
    """Return in a sentence why a task was cloned or ran.

    Parameters
    ----------
    told : JSON value
        What was kept of the task's key.
    changed : list of KeyDifference
    compared : bool
        Whether there was an earlier success to compare with.
    """
    if told.get("cloned"):
        return f"was cloned from {told['cloned']} (memo): all parts of its key are the same"
    if told.get("anew"):
        return "ran since its step was to be run anew"
    if not told.get("before"):
        return "ran since no earlier run of this deployment has a success of it"
    if not compared:
        return f"ran; of {told['before']}, the success before it, nothing is left to compare with"
    if changed:
        return (
            f"ran since this has changed since {told['before']}: {', '.join(item.part for item in changed)}"
        )
    late = (
        "is too old (@memo(expires=...)), or its data is gone" if told.get("expires") else "has lost its data"
    )
    return f"ran although nothing has changed since {told['before']}: that success {late}"


def _short(name: str, before: str | None, now: str | None) -> tuple[str, str]:
    if name in _LISTS:
        old, new = set((before or "").split(", ")), set((now or "").split(", "))
        return ", ".join(sorted(old - new)), ", ".join(sorted(new - old))
    return (before or "")[:_SHOWN] or "-", (now or "")[:_SHOWN] or "-"


def _print(name: str, told: Json, before: Json, changed: list[KeyDifference]) -> None:
    print_data(f"{name} {reason(told, changed, compared=before is not None)}.")
    if told.get("why_whole"):
        print_data(f"All of the package counts as its code: {told['why_whole']}.")
    if changed:
        print_data("")
        print_table(("part", "before", "now"), [(item.part, item.before, item.now) for item in changed])
    same = [part for part in told["parts"] if part not in {item.part for item in changed}]
    print_data("")
    print_data(f"key {told['key']}; {'the same' if before else 'made of'}: {', '.join(same)}")


def _asked(found: Deployment, task: str) -> tuple[str, str]:
    """Return the run and ``step/task`` that are meant."""
    words = task.strip("/").removeprefix(f"{found.record.flow}/").split("/")
    run = words.pop(0) if words[0].startswith(WINDMILL_RUN) else None
    if len(words) not in {1, 2} or not all(words):
        raise DeployError(f"{task} is neither RUN/STEP nor RUN/STEP/TASK, such as windmill-.../train/t-2")
    return run_id_of(found.run(run).id), "/".join(words if len(words) > 1 else [*words, "t"])


def _parted(origin: str) -> tuple[str, str]:
    run, _, name = origin.partition("/")
    return run, name


def _told(found: Deployment, run: str, name: str) -> Json:
    """Return what was kept of a task's key, where the flow's data is."""
    from metaflow.metaflow_config import MAX_ATTEMPTS

    try:
        return Tasks(found.record, run, MAX_ATTEMPTS).parts(name)
    except Exception as why:
        store = found.record.datastore
        raise DeployError(
            f"the datastore {store.root} of the deployed flow cannot be read from here "
            f"({type(why).__name__}: {why}); ask where it can be"
        ) from why
