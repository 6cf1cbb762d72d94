"""What a script requires, as a real server reads it."""

from __future__ import annotations

import pytest

from metaflow_windmill.devserver.model import Demand, ScriptCode
from metaflow_windmill.devserver.requirements.demand import demand_of
from metaflow_windmill.errors import ServerError

BLOCK = '# /// script\n# requires-python = ">=3.11"\n# dependencies = ["a>1", "b"]\n# ///\nimport c\n'
OTHERS = {
    "f/lib/sums": "import numpy\nfrom . import parts\nfrom f.lib.deep import x\n",
    "f/lib/deep": "import pandas\nfrom f.lib.sums import total\n",
    "f/lib/pinned": "# requirements:\n# tinyword==1\nimport numpy\n",
}


@pytest.mark.parametrize(
    ("content", "lock", "expected"),
    [
        ("def main(): pass", None, Demand()),
        ("# requirements:\n#a==1\n# b\n\n#c\n", None, Demand(("a==1", "b"))),
        ("# requirements:\n#a\nimport numpy\n", None, Demand(("a",))),
        ("# extra_requirements:\n#a\nimport b", None, Demand(("a", "b"))),
        ("import os, yaml\nfrom sklearn.svm import SVC", None, Demand(("pyyaml", "scikit-learn"))),
        ("import x_y.z", None, Demand(("x-y",))),
        ("import a # pin: a==1\ndef main():\n    import never\n", None, Demand(("a==1",))),
        ("def helper():\n    import never\n@deco\ndef main():\n    bad syntax", None, Demand()),
        ("try:\n    import never\nexcept ImportError:\n    pass\n", None, Demand()),
        (BLOCK, None, Demand(("a>1", "b"), ">=3.11")),
        ("# py: ==3.11\n# py312\n# requirements:\n#a b\n", None, Demand((), "==3.11,==3.12.*")),
        ("from f.lib.sums import total\n", None, Demand(("numpy", "pandas"))),
        ("from f.lib.pinned import total\n", None, Demand(("tinyword==1",))),
        ("from f.lib.absent import total\n", None, Demand()),
        ("# requirements:\n#a", "# py: 3.12\nx==1\n--flag\ny\n", Demand(("x==1", "y"), "3.12", locked=True)),
        ("import numpy", "# py: 3.12\n", Demand((), "3.12", locked=True)),
        ("import numpy", "", Demand((), "", locked=True)),
    ],
)  # fmt: skip
def test_a_lock_counts_before_what_is_declared_and_that_before_what_is_imported(
    content: str, lock: str | None, expected: Demand
) -> None:
    assert demand_of(ScriptCode(content, lock=lock, path="f/tests/script"), OTHERS.get) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("# requirements: default, base\n", "which the embedded server does not have"),
        ("# /// script\n# dependencies = [\n# ///\n", "is not TOML"),
        ("import (\ndef main(): pass", "The imports of f/tests/script cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(content: str, words: str) -> None:
    with pytest.raises(ServerError, match=words):
        demand_of(ScriptCode(content, path="f/tests/script"), OTHERS.get)
