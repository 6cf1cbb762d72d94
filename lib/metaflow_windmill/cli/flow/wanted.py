"""The options that say what is deployed: the same, with the same meaning, wherever a flow is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from metaflow._vendor import click
from metaflow.runtime import MAX_NUM_SPLITS

from metaflow_windmill.cli.flow.notify import NOTIFY_OPTIONS, notifications_of
from metaflow_windmill.contract.notification import Notifications
from metaflow_windmill.contract.record import LONGEST_TIMEOUT
from metaflow_windmill.contract.worker import MOST_LOST, MOST_PACKED, is_pack, is_retry_lost
from metaflow_windmill.deploy.priority import HIGHEST, LOWEST
from metaflow_windmill.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# The types of the options are those that Metaflow's Deployer knows by name: no IntRange and the like.
_OPTIONS = (
    click.option("--namespace", "user_namespace", default=None, help="Namespace of the runs' tasks."),
    click.option("--tag", "tags", multiple=True, default=None, help="Tag every run (repeatable)."),
    click.option(
        "--max-workers",
        default=None,
        type=int,
        help="Most tasks of one foreach at a time; as many as there are workers if not given.",
    ),
    click.option(
        "--pack",
        default=None,
        type=int,
        help="Run this many items of a foreach in one job, each in a process of its own, and steps "
        "in a row in one job too: for flows of many short tasks. One task a job if not given.",
    ),
    click.option(
        "--memo",
        is_flag=True,
        default=False,
        help="Clone each task whose code, inputs, parameters and packages are those of an earlier success, "
        "instead of running it, as @memo does for one step.",
    ),
    click.option(
        "--retry-lost",
        default=None,
        type=int,
        help="Run a task again so often because its worker went away in the middle, 0 to 5, whatever @retry "
        "says of what its code raises. As often as Windmill does, three times, if not given.",
    ),
    click.option(
        "--max-num-splits",
        default=MAX_NUM_SPLITS,
        show_default=True,
        type=int,
        help="Most splits that a foreach may make, as for Metaflow's own run.",
    ),
    click.option(
        "--workflow-timeout",
        default=None,
        type=int,
        help="Most seconds that a run may take; then its tasks are stopped and it fails.",
    ),
    click.option(
        "--workflow-priority",
        default=None,
        type=int,
        help="Priority of the runs, 1 to 100, on a server of Windmill's Enterprise edition.",
    ),
    click.option(
        "--workflow-title", default=None, help="Title of the flow in Windmill instead of the flow's name."
    ),
    click.option(
        "--workflow-description",
        default=None,
        help="Description of the flow in Windmill, in Markdown, instead of the flow's docstring.",
    ),
    click.option(
        "--requirements",
        default=None,
        help="A requirements.txt, pyproject.toml, uv.lock or script with a PEP 723 header: Windmill "
        "installs its packages for every step. 'none' for none; if not given, what the flow's file or "
        "its repository says.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        default=None,
        help="NAME=f/folder/variable, or NAME=f/folder/resource#field: an environment variable of every "
        "task whose value stays in Windmill (repeatable).",
    ),
)


@dataclass(frozen=True)
class Wanted:
    """What those options say; each field has the name by which click and the Deployer know the option."""

    tags: tuple[str, ...] = ()
    user_namespace: str | None = None
    max_workers: int | None = None
    pack: int | None = None
    memo: bool = False
    retry_lost: int | None = None
    max_num_splits: int | None = None
    workflow_timeout: int | None = None
    workflow_priority: int | None = None
    workflow_title: str | None = None
    workflow_description: str | None = None
    requirements: str | None = None
    secrets: tuple[str, ...] = ()
    notifications: Notifications = field(default_factory=Notifications)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Wanted:
        """Pick them from all options of a command; `DeployError` if they do not fit together."""
        plain = [item for item in fields(cls) if item.name in options]
        told = {item.name: _plain(options[item.name], item.default) for item in plain}
        return cls(**told, notifications=notifications_of(options))


def check_wanted(wanted: Wanted) -> None:
    """Refuse what no deployment can have.

    Raises
    ------
    DeployError
    """
    seconds, priority = wanted.workflow_timeout, wanted.workflow_priority
    if wanted.pack is not None and not is_pack(wanted.pack):
        raise DeployError(f"--pack takes 1 to {MOST_PACKED} tasks a job, not {wanted.pack}")
    if wanted.retry_lost is not None and not is_retry_lost(wanted.retry_lost):
        raise DeployError(f"--retry-lost takes 0 to {MOST_LOST} times, not {wanted.retry_lost}")
    if seconds is not None and not 1 <= seconds <= LONGEST_TIMEOUT:
        raise DeployError(f"--workflow-timeout takes 1 to {LONGEST_TIMEOUT} seconds, not {seconds}")
    if priority is not None and not LOWEST <= priority <= HIGHEST:
        raise DeployError(f"--workflow-priority takes {LOWEST} to {HIGHEST}, not {priority}")


def flow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say what is deployed."""
    for add in reversed((*_OPTIONS, *NOTIFY_OPTIONS)):
        command = add(command)
    return command


def _plain(value: Any, default: Any) -> Any:  # noqa: ANN401  (whatever click made of an option)
    """Return the value of an option as it is in the dataclass: a tuple where it may be given often."""
    return tuple(value or ()) if default == () else value
