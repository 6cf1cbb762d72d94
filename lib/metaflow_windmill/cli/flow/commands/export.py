"""``export``: the compiled flow as files that ``wmill sync push`` accepts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from metaflow._vendor import click, yaml

from metaflow_windmill.cli.flow.options.flow_options import flow_options
from metaflow_windmill.cli.flow.options.token_options import wish_of
from metaflow_windmill.contract.record import Record
from metaflow_windmill.deployment.assembled.assemble import assemble, check
from metaflow_windmill.deployment.assembled.deployment_target import TargetOptions, meant
from metaflow_windmill.deployment.assembled.options import DeployOptions
from metaflow_windmill.deployment.placed.ownership import choose_token
from metaflow_windmill.deployment.placed.schedule import schedule_file
from metaflow_windmill.errors import DeployError
from metaflow_windmill.terminal.speech import flow_command, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.internals.deploying import CliState
    from metaflow_windmill.types import Json


@flow_command(
    "Write the compiled flow into a directory that `wmill sync push` accepts. No server is asked; the code "
    "package is saved in the datastore.",
    click.argument("directory", metavar="DIR"),
    *flow_options,
    examples=("export exported",),
)
def command(obj: CliState, *, directory: str, **options: object) -> None:
    """Compile, and write each file whole."""
    target, wanted = meant(obj, TargetOptions()), DeployOptions.of(options)
    check(obj, wanted)
    token = choose_token(None, target.identity, wish_of(target.identity, authorize=None))
    document = assemble(obj, target, wanted, token).saved()
    try:
        for name, text in files_of(document):
            file = Path(directory) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            say(obj, f"wrote {file}")
    except OSError as why:
        raise DeployError(f"the files cannot be written to {directory}: {why}") from None
    folder = "/".join(target.path.split("/")[:2])
    say(
        obj,
        f"`wmill sync push` makes {folder} in the workspace equal to these files; it deletes the rest.",
    )


def files_of(document: Json) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file of an exported flow.

    A step's script is the same in all steps, so it is one file that each of them includes.
    """
    path, record = document["path"], Record.from_json(document["value"]["flow_env"]["metaflow"])
    kind, name = path.split("/")[:2]
    value, scripts = _shared(document["value"])
    about = {"summary": document["summary"], "description": document["description"]}
    flow = {**about, "value": value, "schema": document["schema"], "labels": document["labels"]}
    yield f"{path}__flow/flow.yaml", _yaml(flow)
    for file, text in scripts.items():
        yield f"{path}__flow/{file}", text
    if record.schedule is not None:
        yield f"{path}.schedule.yaml", _yaml(schedule_file(path, record.schedule))
    if kind == "f":
        yield f"f/{name}/folder.meta.yaml", _yaml({"display_name": name, "owners": [], "extra_perms": {}})
    yield (
        "wmill.yaml",
        _yaml(
            {
                "defaultTs": "bun",
                "includes": [f"{kind}/{name}/**"],
                "excludes": [],
                "skipVariables": True,
                "skipResources": True,
                "skipSecrets": True,
                "includeSchedules": True,
                "nonDottedPaths": True,
            }
        ),
    )


def _shared(value: Json) -> tuple[Json, dict[str, str]]:
    """Return the value with its scripts taken out into files, and those files."""
    scripts: dict[str, str] = {}

    def file_for(stem: str, suffix: str, text: str) -> str:
        number = 1
        while scripts.setdefault(name := f"{stem}{number if number > 1 else ''}{suffix}", text) != text:
            number += 1
        return f"!inline {name}"

    def walk(part: Json) -> Json:
        if isinstance(part, list):
            return [walk(item) for item in part]
        if not isinstance(part, dict):
            return part
        walked = {key: walk(item) for key, item in part.items()}
        if part.get("type") == "rawscript":
            walked["content"] = file_for("step", ".inline_script.py", part["content"])
            if part.get("lock"):
                walked["lock"] = file_for("step", ".inline_script.lock", part["lock"])
        return walked

    return walk(value), scripts


def _yaml(data: Json) -> str:
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)
    return text
