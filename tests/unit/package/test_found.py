"""Which packages the imports of a flow's files come to: from real metadata in a folder of its own."""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.package.found import find_packages, lock_with, remarks, told
from metaflow_windmill.package.installed import InstalledPackages, Known, Local
from metaflow_windmill.package.lock import installed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FLOW = """from metaflow import FlowSpec, step
class F(FlowSpec):
    @step
    def start(self):
        {}
F()
"""


class Site:
    """A folder of installed packages."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def install(self, name: str, version: str, *files: str, requires: str = "", **metadata: str) -> None:
        """Write what an installer writes of a package."""
        place = self.root / f"{name}-{version}.dist-info"
        place.mkdir(parents=True)
        needs = "".join(f"Requires-Dist: {item}\n" for item in requires.split("|") if item)
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        (place / "RECORD").write_text("".join(f"{file},sha256=x,1\n" for file in files))
        for file, text in metadata.items():
            (place / file.replace("_json", ".json").replace("_txt", ".txt")).write_text(text)

    @property
    def packages(self) -> InstalledPackages:
        """What is there."""
        return InstalledPackages(installed(distributions(path=[str(self.root)])))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path / "site-packages")
    made.install("Pandas", "2.3.1", "pandas/__init__.py", requires="numpy>=1|colorama; sys_platform=='win32'")
    made.install("numpy", "2.0+cpu", "numpy/__init__.py")
    made.install("scikit_learn", "1.7", "sklearn/__init__.py", requires="numpy")
    made.install("google-auth", "2.1", "google/auth/__init__.py")
    made.install("google-cloud-storage", "3.0", "google/cloud/storage/__init__.py", requires="google-auth")
    made.install("protobuf", "5.1", "google/protobuf/__init__.py")
    made.install("six", "1.16", "six.py")
    made.install("fast", "0.1", "fast.cpython-311-x86_64-linux-gnu.so")
    made.install("both-a", "1", "both/__init__.py")
    made.install("both-b", "2", "both/__init__.py")
    return made


def lines(site: Site, texts: Mapping[str, str], flow: str = "flow.py") -> list[str]:
    return list(find_packages(texts, flow, site.packages).lines)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("import pandas.core, os, metaflow_windmill", ["pandas==2.3.1"]),
        ("import sklearn, numpy as np", ["numpy==2.0", "scikit-learn==1.7"]),
        ("from google.cloud import storage", ["google-cloud-storage==3.0"]),
        ("import google.cloud.storage.blob", ["google-cloud-storage==3.0"]),
        ("from google.protobuf import message", ["protobuf==5.1"]),
        ("import google.auth\nimport google.protobuf", ["google-auth==2.1", "protobuf==5.1"]),
        ("import google", []),
        ("import six\nimport fast", ["fast==0.1", "six==1.16"]),
        ("import both", ["both-a==1", "both-b==2"]),
        ("try:\n    import nowhere, six\nexcept ImportError:\n    pass", ["six==1.16"]),
    ],
)
def test_a_module_is_that_of_an_installed_package(site: Site, source: str, wanted: list[str]) -> None:
    found = find_packages({"flow.py": source}, "flow.py", site.packages)
    assert list(found.lines) == wanted
    assert not remarks(found)


def test_own_modules_are_none_of_a_package(site: Site) -> None:
    texts = {
        "flow.py": "import six, helper, lib.deep, loose\nfrom . import numpy\n",
        "six.py": "",
        "helper/__init__.py": "from .pandas import x\nfrom numpy import y",
        "lib/deep.py": "",
        "lib/loose.py": "",
    }
    assert lines(site, texts) == ["numpy==2.0"]


def test_other_flows_and_tests_of_the_folder_count_only_where_they_are_reached(site: Site) -> None:
    texts = {
        "flow.py": FLOW.format("import shared"),
        "other.py": FLOW.format("import pandas, theirs, shared"),
        "theirs.py": "import fast",
        "shared.py": "import numpy",
        "started.py": "import six",
        "test_flow.py": "import sklearn",
        "tests/conftest.py": "import sklearn",
        "venv/lib/site-packages/x.py": "import sklearn",
    }
    assert lines(site, texts) == ["numpy==2.0", "six==1.16"]
    assert lines(site, texts, "other.py") == ["fast==0.1", "numpy==2.0", "pandas==2.3.1", "six==1.16"]
    texts["flow.py"] = FLOW.format("from other import F as G")
    assert "fast==0.1" in lines(site, texts)


def test_of_a_folder_with_a_whole_environment_in_it_only_what_is_imported_counts(site: Site) -> None:
    texts = {"flow.py": "import numpy, helper", "helper.py": "import six"}
    texts["big/x.py"] = "import fast\n" * 500_000
    found = find_packages(texts, "flow.py", site.packages)
    assert found.lines == ("numpy==2.0", "six==1.16")
    assert "so many Python files" in remarks(found)[0]


def test_the_files_come_in_any_order_and_say_the_same(site: Site) -> None:
    texts = {"flow.py": "import nowhere, numpy, six", "a.py": "import nowhere", "z.py": "import nowhere"}
    forward, back = (
        find_packages(dict(items), "flow.py", site.packages)
        for items in (texts.items(), reversed(texts.items()))
    )
    assert forward == back


def test_what_is_installed_nowhere_is_told_with_file_and_line(site: Site) -> None:
    optional = "try:\n    import nowhere\nexcept ImportError: ..."
    texts = {"flow.py": "import os\nimport nowhere.deep\n", "a.py": optional}
    (remark,) = remarks(find_packages(texts, "flow.py", site.packages))
    assert remark.startswith("flow.py, line 2, imports nowhere, which is not installed here")
    assert "--requirements" in remark


def test_a_package_of_a_folder_is_told_and_not_pinned(site: Site, tmp_path: Path) -> None:
    folder = f'{{"url": "file://{tmp_path}/mine", "dir_info": {{"editable": true}}}}'
    site.install("mine", "1.0", "__editable__.mine.pth", direct_url_json=folder, top_level_txt="mine\n")
    site.install("copied", "1.0", "copied/__init__.py", direct_url_json=folder.replace("mine", "copied"))
    found = find_packages({"flow.py": "import mine\nimport copied"}, "flow.py", site.packages)
    assert not found.packages
    first, second = remarks(found)
    assert first.startswith(f"flow.py, line 1, imports mine from {tmp_path}/mine, a folder of this machine")
    assert f"imports copied from {tmp_path}/copied" in second
    assert "beside the flow, take it in by @package_sources, or publish it" in first


def test_what_came_from_an_address_is_taken_from_there(site: Site) -> None:
    git = '{"url": "https://x.org/r.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}'
    site.install("fromgit", "1", "fromgit.py", direct_url_json=git)
    wheel = '{"url": "https://x.org/w.whl", "archive_info": {}}'
    site.install("wheel", "1", "wheel.py", direct_url_json=wheel)
    found = find_packages({"flow.py": "import fromgit, wheel"}, "flow.py", site.packages)
    assert found.lines == ("fromgit@git+https://x.org/r.git@c0ffee", "wheel@https://x.org/w.whl")
    assert lock_with(found, "local", site.packages) is None


def test_the_lock_has_all_that_the_packages_require(site: Site) -> None:
    for name in ("requests", "certifi"):
        site.install(name, "9", f"{name}.py", requires="certifi" if name == "requests" else "")
    found = find_packages({"flow.py": "import pandas"}, "flow.py", site.packages)
    header = "# py: {}.{}".format(*sys.version_info)
    assert lock_with(found, "local", site.packages) == "\n".join(
        [header, "certifi==9", "numpy==2.0", "pandas==2.3.1", "requests==9"]
    )
    site.install("broken", "1", "broken.py", requires="not-here")
    broken = find_packages({"flow.py": "import broken"}, "flow.py", site.packages)
    assert lock_with(broken, "local", site.packages) is None


def test_what_is_installed_is_told_in_one_line() -> None:
    assert told([Known("pandas", "2.3.1"), Known("scikit-learn", "1.7")]) == (
        "Windmill installs pandas 2.3.1 and scikit-learn 1.7 for the steps; "
        "--requirements none turns that off."
    )
    assert told([Known("a", "1")]).startswith("Windmill installs a 1 for the steps;")
    assert "x7 1 and 4 more for" in told([Known(f"x{number}", "1") for number in range(12)])


def test_a_module_of_the_path_that_no_package_has_is_local() -> None:
    (found,) = InstalledPackages({}).of("tests") or ()
    assert isinstance(found, Local)
    assert InstalledPackages({}).of("surely_nowhere") is None
