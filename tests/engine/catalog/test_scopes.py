"""What scopes cover."""

from __future__ import annotations

import pytest

from metaflow_windmill.devserver.catalog.scopes import Need, allows, opens

RUN = Need("jobs", "run", "flows", "f/a/one")


@pytest.mark.parametrize(
    ("scope", "need"),
    [
        ("jobs:run", RUN),
        ("jobs:run:flows", RUN),
        ("jobs:run:flows:f/a/one", RUN),
        ("jobs:run:flows:f/b/x,f/a/one", RUN),
        ("jobs:run:flows:f/a/*", RUN),
        ("flows:write:f/a/*", Need("flows", "write", path="f/a/one")),
        ("flows:write", Need("flows", "write", path="f/a/one")),
        ("flows:write", Need("flows", "read")),
        ("scripts:read", Need("scripts", "read", path="f/a/one")),
    ],
)
def test_a_scope_covers(scope: str, need: Need) -> None:
    assert allows([scope], need)
    assert allows(["variables:read", scope], need)


@pytest.mark.parametrize(
    ("scope", "need"),
    [
        ("jobs:run:flows:f/a/one", Need("jobs", "run", "flows", "f/a/one2")),
        ("jobs:run:flows:f/a/one", Need("jobs", "run", "scripts", "f/a/one")),
        ("jobs:run:flows:f/a/one", Need("jobs", "run", "preview")),
        ("jobs:run:scripts:f/a/*", RUN),
        ("jobs:run:flows:f/a/one", Need("jobs", "read")),
        ("jobs:read", RUN),
        ("flows:read", Need("flows", "write", path="f/a/one")),
        ("flows:write:f/a/*", Need("flows", "write", path="f/b/one")),
        ("flows:write:f/a/*", Need("flows", "read")),
        ("flows:write:f/a/*", Need("scripts", "write", path="f/a/one")),
        ("flows:write:f/a/o*", Need("flows", "write", path="f/a/one")),
        ("nonsense", RUN),
        ("*", RUN),
        ("jobs:*", RUN),
        ("", RUN),
    ],
)
def test_a_scope_does_not_cover(scope: str, need: Need) -> None:
    assert not allows([scope], need)


@pytest.mark.parametrize("none", [None, []])
def test_no_scopes_cover_everything_and_an_empty_list_is_none(none: list[str] | None) -> None:
    assert allows(none, RUN)
    assert opens(none, "DELETE", "flows/delete/{path:path}")
