"""Whether a push from git would delete deployed flows: it is a mirror of what its filters include."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metaflow_windmill.workspace.doctor.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from metaflow_windmill.types import Json
    from metaflow_windmill.workspace.doctor.server_findings import InspectedSite

FILE = "wmill.yaml"


def sync_findings(site: InspectedSite, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield the repositories of the workspace's git sync whose filters cover flows of ours."""
    settings = site.get(f"/w/{site.workspace}/workspaces/get_settings").get("git_sync") or {}
    there = tuple(paths)
    for repository in settings.get("repositories") or []:
        yield from repository_findings(repository, there)


def repository_findings(repository: Json, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield what the filters of one repository cover."""
    filters = repository.get("settings") or {}
    kinds = filters.get("include_type")
    covered = [
        path
        for path in paths
        if covers(
            f"{path}.flow/flow.yaml",
            filters.get("include_path") or ["f/**"],
            filters.get("exclude_path") or [],
            filters.get("extra_include_path") or [],
        )
    ]
    if covered and (not kinds or "flow" in kinds):
        name = str(repository.get("git_repo_resource_path") or "").removeprefix("$res:")
        pulls = bool((repository.get("auto_pull") or {}).get("enabled"))
        said = (
            f"The workspace's git sync with {name} covers {_named(covered)}: a push from there deletes or "
            f"replaces what it does not hold{', and it is pulled by itself' if pulls else ''}."
        )
        advice = (
            f"Exclude {_pattern(covered[0])} in the settings of git sync: add it to `excludes` in {FILE} and "
            "run `wmill gitsync-settings push`."
        )
        yield Finding("git sync", "bad" if pulls else "warn", said, advice)


def folder_findings(folder: Path, paths: Iterable[str]) -> Iterator[Finding]:
    """Yield the flows that ``wmill sync push`` from a folder, or one above, would delete."""
    file = next((up / FILE for up in (folder, *folder.parents) if (up / FILE).is_file()), None)
    options = _read(file) if file else None
    if file is None or options is None or options.get("skipFlows"):
        return
    lost = [path for path in paths if _covered(options, path) and not _held(file.parent, path)]
    if lost:
        said = f"`wmill sync push` from {file.parent} deletes {_named(lost)}: it includes what is not there."
        advice = (
            f"Add `{_pattern(lost[0])}` to `excludes` in {file}, or write the flow there with "
            "`python flow.py windmill export`."
        )
        yield Finding("git sync", "warn", said, advice)


def covers(file: str, includes: Iterable[str], excludes: Iterable[str], extra: Iterable[str] = ()) -> bool:
    """Tell whether filters let a file through, as ``wmill`` reads them."""
    more = tuple(extra)
    return (
        any(_matches(file, pattern) for pattern in includes)
        and not any(_matches(file, pattern) for pattern in excludes)
        and (not more or any(_matches(file, pattern) for pattern in more))
    )


def _covered(options: Json, path: str) -> bool:
    file = f"{path}.flow/flow.yaml"
    includes = options.get("includes") or ["f/**"]
    return covers(file, includes, options.get("excludes") or [], options.get("extraIncludes") or [])


def _held(folder: Path, path: str) -> bool:
    return any((folder / f"{path}{ending}" / "flow.yaml").is_file() for ending in (".flow", "__flow"))


def _read(file: Path) -> dict[str, Json] | None:
    """Return what a file says; None where `wmill` could not read it either, so that nothing is pushed."""
    from metaflow._vendor import yaml

    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return found if isinstance(found, dict) else None


def _matches(file: str, pattern: str) -> bool:
    """Match as ``minimatch`` does: ``**`` takes folders, ``*`` and ``?`` no slash, ``{a,b}`` a choice."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\{[^{}]*\})", pattern)
    return re.fullmatch("".join(map(_part, parts)), file) is not None


def _part(part: str) -> str:
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if part.startswith("{") and part.endswith("}"):
        return f"(?:{'|'.join(map(re.escape, part[1:-1].split(',')))})"
    return known.get(part, re.escape(part))


def _named(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _pattern(path: str) -> str:
    return f"{path.rpartition('/')[0]}/**"
