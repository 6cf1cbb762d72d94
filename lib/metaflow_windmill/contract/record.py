"""The deployment record: ``flow_env.metaflow`` of a deployed flow, the one place for what was deployed.

Ownership, ``from_deployment``, listing, status and diff read it from the deployed flow; each
task gets it as its input ``deployment``. It holds no secret: credentials come from the
worker's environment or from Windmill's variables.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from metaflow_windmill.contract.event import Awaited
from metaflow_windmill.contract.exact import exact, plain
from metaflow_windmill.contract.known import known
from metaflow_windmill.errors import InvalidDocument

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

FORMAT = 1

LONGEST_TIMEOUT = 10 * 366 * 24 * 3600
"""Seconds that a run may be allowed to take at most; Windmill keeps timeouts in 32 bits."""


@dataclass(frozen=True)
class ParameterInfo:
    """A parameter of the flow, enough to rebuild it without the flow file.

    Parameters
    ----------
    name, python_name : str
        As on the command line, and as an attribute of the flow.
    type : str
        ``str``, ``int``, ``float``, ``bool``, ``json`` or ``file``; ``constant`` for a type that
        Metaflow cannot read from a command line, so that the parameter always has its default.
    required : bool
        Whether a run without it is refused.
    default : JSON value
        Evaluated at deploy time; None where there is none.
    help : str
    separator : str or None
    is_text : bool
    encoding : str or None
        These two for IncludeFile only.
    made : bool
        Whether a function made the default when the flow was deployed. A task is told it then;
        any other default it finds in the flow file, just as it was written.
    choices : tuple of str
        The only texts that it takes; empty for any.
    """

    name: str
    python_name: str
    type: str
    required: bool = False
    default: Json = None
    help: str = ""
    separator: str | None = None
    is_text: bool = True
    encoding: str | None = None
    made: bool = False
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackageInfo:
    """The code package: its address in the datastore, its sha1, Metaflow's metadata, the flow file in it."""

    url: str
    sha: str
    metadata: str
    flow_file: str


@dataclass(frozen=True)
class StoreInfo:
    """A datastore or metadata provider of Metaflow: its type and its root or URL."""

    type: str
    root: str = ""


@dataclass(frozen=True)
class GitInfo:
    """Where the deployed flow file came from.

    Parameters
    ----------
    repository, commit, path : str
    ref : str
        The branch or tag.
    content : str
        A digest of what the flow is made of: equal for two commits between which it did not change.
    """

    repository: str
    commit: str
    path: str
    ref: str = ""
    content: str = ""


@dataclass(frozen=True)
class ScheduleInfo:
    """When the flow runs by itself: a cron expression of six fields, seconds first, and a time zone."""

    cron: str
    timezone: str = "Etc/UTC"


@dataclass(frozen=True)
class Record:
    """What was deployed.

    Parameters
    ----------
    flow : str
        The name of the flow class.
    owner : str
        The Metaflow user who deployed it.
    token : str
        Metaflow's production token: a name that tells deployments apart, not a credential.
    package : PackageInfo
    datastore, metadata : StoreInfo
    parameters : tuple of ParameterInfo
    project, branch : str or None
        Of ``@project``; `branch` is the full name (``user.alice``, ``prod``, ``test.x``).
    top_level : tuple of str
        Top-level options of the flow's command line for every task (``--branch``, ``--production``,
        ``--environment``, ``--event-logger``, ``--monitor``, ``--with``).
    tags : tuple of str
    namespace : str or None
    variables : dict of str to str
        Environment variables for every task (METAFLOW_*, never a secret).
    schedule : ScheduleInfo or None
        Of ``@schedule``; None where the flow runs on demand only.
    events : tuple of Awaited
        Of ``@trigger`` and ``@trigger_on_finish``; empty where the flow waits for none.
    git : GitInfo or None
    workflow_timeout : int or None
        The most seconds that a run may take; None for no limit.
    versions : dict of str to str
        Of ``metaflow``, ``metaflow_windmill`` and ``python``.
    """

    flow: str
    owner: str
    token: str
    package: PackageInfo
    datastore: StoreInfo
    metadata: StoreInfo
    parameters: tuple[ParameterInfo, ...] = ()
    project: str | None = None
    branch: str | None = None
    top_level: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    namespace: str | None = None
    variables: dict[str, str] = field(default_factory=dict)
    schedule: ScheduleInfo | None = None
    events: tuple[Awaited, ...] = ()
    git: GitInfo | None = None
    workflow_timeout: int | None = None
    versions: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON, with the number of its format."""
        found = asdict(self)
        for key in ("top_level", "tags", "events"):
            found[key] = list(found[key])
        found["parameters"] = [_exactly(info) for info in found["parameters"]]
        if self.workflow_timeout is None:
            del found["workflow_timeout"]
        return {"format": FORMAT, **found}

    @classmethod
    def from_json(cls, data: Json) -> Record:
        """Read what `to_json` wrote.

        Raises
        ------
        InvalidDocument
            If this is not a record, or one of a later version of this project.
        """
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise InvalidDocument(
                "this is not a deployment record that this version of metaflow-windmill can read",
                "flow_env.metaflow",
            )
        found = known(cls, data)
        try:
            return cls(**{**found, **_parts(found)})
        except (KeyError, TypeError) as why:
            raise InvalidDocument(
                f"the deployment record is incomplete ({why})", "flow_env.metaflow"
            ) from why


def _parts(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "package": PackageInfo(**known(PackageInfo, found["package"])),
        "datastore": StoreInfo(**known(StoreInfo, found["datastore"])),
        "metadata": StoreInfo(**known(StoreInfo, found["metadata"])),
        "parameters": tuple(_parameter(item) for item in found.get("parameters", [])),
        "schedule": ScheduleInfo(**known(ScheduleInfo, found["schedule"])) if found.get("schedule") else None,
        "events": tuple(Awaited(**known(Awaited, item)) for item in found.get("events", [])),
        "git": GitInfo(**known(GitInfo, found["git"])) if found.get("git") else None,
        "top_level": tuple(found.get("top_level", [])),
        "tags": tuple(found.get("tags", [])),
    }


def _exactly(info: dict[str, Any]) -> dict[str, Json]:
    return {key: exact(list(value) if key == "choices" else value) for key, value in info.items()}


def _parameter(written: dict[str, Any]) -> ParameterInfo:
    info = {key: plain(value) for key, value in known(ParameterInfo, written).items()}
    return ParameterInfo(**{**info, "choices": tuple(info.get("choices", ()))})
