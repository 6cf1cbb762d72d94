from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from metaflow_windmill.runtime.output.failure import Failure
from metaflow_windmill.runtime.output.missing_module import advised

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ModuleNotFoundError", "No module named 'pandas.core'"),
        ("ImportError", "Missing optional dependency 'pandas'. Use pip or conda to install it."),
    ],
)
def test_a_missing_module_comes_with_the_options_that_bring_it(
    tmp_path: Path, name: str, message: str
) -> None:
    told = advised(Failure(name, message), tmp_path)
    assert told.message.startswith(f"{message}\nThe worker has no 'pandas'.")
    for option in ("PEP 723", "requirements.txt", "--requirements", "pyproject.toml", "uv.lock", "@pypi"):
        assert option in told.message


def test_a_file_that_is_not_in_the_package_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "team").mkdir()
    (tmp_path / "helper.py").touch()
    for module in ("team.gone", "helper.gone"):
        told = advised(Failure("ModuleNotFoundError", f"No module named '{module}'"), tmp_path)
        assert f"no file for '{module}'" in told.message
        assert "--package-suffixes" in told.message


@pytest.mark.parametrize(
    ("name", "message"), [("ValueError", "No module named 'x'"), ("ImportError", "cannot import name 'x'")]
)
def test_other_errors_are_left_as_they_are(tmp_path: Path, name: str, message: str) -> None:
    failure = Failure(name, message)
    assert advised(failure, tmp_path) is failure
