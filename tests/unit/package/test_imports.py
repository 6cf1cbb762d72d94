"""What counts as an import of a file."""

from __future__ import annotations

import pytest

from metaflow_windmill.package.imports import Import, imports_in, parsed


def found(source: str) -> dict[str, bool]:
    """The modules that a source imports, and whether it goes on without them."""
    tree = parsed(source)
    assert tree is not None
    return {item.module: item.optional for item in imports_in(tree)}


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import pandas as pd, numpy.linalg", {"pandas", "numpy.linalg"}),
        ("from google.cloud import storage, bigquery", {"google.cloud.storage", "google.cloud.bigquery"}),
        ("from yaml import *", {"yaml"}),
        ("class F:\n    def s(self):\n        async def g():\n            import torch", {"torch"}),
        ("import importlib\nimportlib.import_module('xgboost')", {"importlib", "xgboost"}),
        ("__import__('x.y')", {"x.y"}),
        ("importlib.import_module(name); importlib.import_module('.own')", set()),
        ("from metaflow import FlowSpec, S3", {"metaflow.FlowSpec", "metaflow.S3", "boto3"}),
        ("match x:\n    case 1:\n        import a", {"a"}),
    ],
)
def test_imports_are_found_wherever_they_stand(source: str, modules: set[str]) -> None:
    assert found(source) == dict.fromkeys(modules, False)


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
        ("if not TYPE_CHECKING:\n    import a\nelse:\n    import b", {"a"}),
        ("if False:\n    import a", set()),
    ],
)
def test_what_only_a_type_checker_sees_is_no_import(source: str, modules: set[str]) -> None:
    assert set(found(source)) == modules


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a": True, "b": True}),
        ("try:\n    import a\nexcept (ModuleNotFoundError, OSError):\n    pass\nelse:\n    import b",
         {"a": True, "b": False}),
        ("try:\n    import a\nexcept:\n    pass", {"a": True}),
        ("try:\n    import a\nexcept OSError:\n    pass\nfinally:\n    import b", {"a": False, "b": False}),
        ("with contextlib.suppress(ImportError):\n    import a", {"a": True}),
        ("with open(__import__('a').b):\n    import c", {"a": False, "c": False}),
        ("if sys.version_info < (3, 11):\n    import tomli\nelse:\n    import tomllib",
         {"tomli": True, "tomllib": True}),
        ("try:\n    def f():\n        import a\nexcept ImportError:\n    pass", {"a": True}),
    ],
)  # fmt: skip
def test_what_a_file_goes_on_without_is_optional(source: str, modules: dict[str, bool]) -> None:
    assert found(source) == modules


def test_an_import_tells_where_it_stands() -> None:
    tree = parsed("\nfrom ..up import x\n")
    assert tree is not None
    assert imports_in(tree, "a/b.py") == (Import("up.x", "a/b.py", 2, level=2),)


@pytest.mark.parametrize("source", ["print 'two'", "\0", "(" * 5000])
def test_what_is_no_python_has_no_tree(source: str) -> None:
    assert parsed(source) is None
