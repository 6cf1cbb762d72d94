"""What a flow is made of, as far as a change of it is to be deployed."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.errors import PackageError
from metaflow_windmill.workspace.compiling.fingerprint import content_digest, files_of_others

if TYPE_CHECKING:
    from pathlib import Path


def package(**files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


def test_the_digest_is_of_what_the_flow_is_made_of() -> None:
    base = content_digest(package(**{"one.py": "1", "two.py": "2", "helper.py": "h"}), ["two.py"])
    same = package(**{"helper.py": "h", "two.py": "other", "one.py": "1", ".mf_code__metaflow__x.py": "new"})
    assert content_digest(same, ["two.py"]) == base
    assert content_digest(same, []) != base
    for changed in ({"one.py": "!", "helper.py": "h"}, {"one.py": "1", "helper.py": "!"}, {"one.py": "1"}):
        assert content_digest(package(**changed), ["two.py"]) != base


def test_what_is_no_package() -> None:
    with pytest.raises(PackageError, match="not one of Metaflow's"):
        content_digest(b"nonsense", [])


def test_which_files_belong_to_others(tmp_path: Path) -> None:
    for name, text in {"a.py": "import b\n", "b.py": "", "c.py": "", "d/e.py": ""}.items():
        (tmp_path / "flows" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "flows" / name).write_text(text)
    files = ["flows/a.py", "flows/b.py", "flows/c.py", "flows/d/e.py", "other/f.py"]
    assert files_of_others(tmp_path, "flows/a.py", files, files) == ["c.py", "d/e.py"]
    assert files_of_others(tmp_path, "flows/d/e.py", files, files) == []
