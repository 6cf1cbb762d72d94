from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.api.export_routes import tarred, zipped
from metaflow_windmill.devserver.catalog import folders, resources, scripts
from metaflow_windmill.devserver.catalog.workspace_files import ExportedKinds, exported

if TYPE_CHECKING:
    import sqlite3

    from metaflow_windmill.devserver.model import Actor

PYTHON = "def main():\n    return 'zwölf'\n"


def filled(connection: sqlite3.Connection, who: Actor) -> None:
    folders.create(connection, who, {"name": "team", "summary": "Ours"})
    body = {"path": "f/team/one", "content": PYTHON, "language": "python3", "schema": {"type": "object"}}
    scripts.create(connection, who, {**body, "summary": "One", "timeout": 60})
    gone = {"path": "f/team/gone", "content": PYTHON, "language": "python3"}
    scripts.create(connection, who, gone)
    scripts.archive(connection, who.workspace, "f/team/gone")
    resources.create_type(connection, who, {"name": "place", "schema": {"type": "object"}})
    resources.create(connection, who, {"path": "f/team/at", "value": {"a": 1}, "resource_type": "place"})


def test_what_differs_between_two_equal_workspaces_is_left_out(
    connection: sqlite3.Connection, who: Actor
) -> None:
    filled(connection, who)
    files = exported(connection, who.workspace, ExportedKinds())
    assert files["f/team/one.py"] == PYTHON
    script = json.loads(files["f/team/one.script.json"])
    assert set(script) == {"lock", "summary", "description", "schema", "kind", "timeout"}
    assert (script["lock"], script["summary"], script["timeout"]) == (None, "One", 60)
    assert not [name for name in files if "gone" in name]
    for name in ("f/team/folder.meta.json", "place.resource-type.json", "f/team/at.resource.json"):
        assert not {"workspace_id", "path", "name", "created_by", "edited_at"} & set(json.loads(files[name]))
    assert json.loads(files["f/team/at.resource.json"])["value"] == {"a": 1}


def test_only_what_is_wanted_is_exported(connection: sqlite3.Connection, who: Actor) -> None:
    filled(connection, who)
    files = exported(connection, who.workspace, ExportedKinds(types=False, resources=False))
    ours = {name for name in files if name.startswith("f/team/") or "/" not in name}
    assert ours == {"f/team/folder.meta.json", "f/team/one.py", "f/team/one.script.json"}


def test_both_archives_hold_the_files() -> None:
    files = {"f/team/one.py": PYTHON, "f/team/one.script.json": "{}"}
    with zipfile.ZipFile(io.BytesIO(zipped(files))) as archive:
        assert {name: archive.read(name).decode() for name in archive.namelist()} == files
    with tarfile.open(fileobj=io.BytesIO(tarred(files))) as tar:
        read = {name: tar.extractfile(name) for name in tar.getnames()}
        assert {name: file.read().decode() for name, file in read.items() if file} == files
