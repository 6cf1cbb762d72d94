"""Packages of a repository that names none: from the names of modules, and looked at once installed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.support.workspace import make_wheel

from metaflow_windmill.errors import DeployError
from metaflow_windmill.package.well_known import package_of
from metaflow_windmill.workspace.compiling.environments import environment_for
from metaflow_windmill.workspace.compiling.imported import check_imports, imported_requirements, told
from metaflow_windmill.workspace.compiling.repository_requirements import Requirements

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("sklearn.linear_model.Ridge", "scikit-learn"),
        ("cv2", "opencv-python-headless"),
        ("PIL.Image", "pillow"),
        ("yaml", "pyyaml"),
        ("google.cloud.storage.Client", "google-cloud-storage"),
        ("google.cloud.pubsub_v1", "google-cloud-pubsub"),
        ("google.cloud.bigquery_storage_v1beta2", "google-cloud-bigquery-storage"),
        ("azure.storage.blob.BlobClient", "azure-storage-blob"),
        ("pandas.core", "pandas"),
        ("some_thing", "some-thing"),
        ("google", ""),
        ("google.unheard", ""),
    ],
)
def test_the_name_of_a_package(module: str, package: str) -> None:
    assert package_of(module) == package


def write(root: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return sorted(files)


def test_what_a_flow_and_its_own_modules_import_counts(tmp_path: Path) -> None:
    files = write(
        tmp_path,
        {
            "flows/one.py": "import helper, metaflow, os\ndef f():\n    import sklearn\n    import shared\n",
            "flows/helper.py": "try:\n    import ujson\nexcept ImportError:\n    import json\nimport yaml",
            "flows/two.py": "import torch",
            "lib/shared.py": "import requests_of_others",
        },
    )
    found = imported_requirements(tmp_path, "flows/one.py", files)
    assert (found.lines, found.source) == (("pyyaml", "scikit-learn"), "the imports of flows/one.py")
    assert [(item.top, item.file, item.line) for item in found.imports] == [
        ("yaml", "helper.py", 5),
        ("sklearn", "one.py", 3),
    ]
    alone = write(tmp_path, {"flows/none.py": "import os"})
    assert imported_requirements(tmp_path, "flows/none.py", alone) == Requirements()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_wheel(tmp_path / "wheels")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    return tmp_path / "cache"


def test_what_was_installed_is_looked_at_and_told(tmp_path: Path, cache: Path) -> None:
    files = write(tmp_path, {"a.py": "import tinyword\n"})
    wanted = imported_requirements(tmp_path, "a.py", files)
    made = environment_for(wanted, cache)
    check_imports(wanted, made)
    assert told(wanted, made)[0].startswith("Windmill installs tinyword 1.2 for the steps, which the flow")
    other = imported_requirements(tmp_path, "b.py", write(tmp_path, {"b.py": "\nimport tiny_words\n"}))
    wrong = replace(wanted, imports=(*wanted.imports, *other.imports))
    with pytest.raises(DeployError, match=r"b\.py, line 2, imports tiny_words, and the package 'tiny-words'"):
        check_imports(wrong, made)


def test_a_name_that_no_package_has_is_told_as_what_it_is(tmp_path: Path, cache: Path) -> None:
    wanted = imported_requirements(tmp_path, "a.py", write(tmp_path, {"a.py": "import not_there_at_all\n"}))
    with pytest.raises(DeployError, match=r"(?s)imports of a\.py cannot.*requirements\.txt.*not-there-at"):
        environment_for(wanted, cache)
