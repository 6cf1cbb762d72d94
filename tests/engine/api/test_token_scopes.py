"""Which scopes open which route: as a real Windmill 1.788 was seen to answer, route by route."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.support.token_scopes import OF_A_WORKSPACE, OTHERS, RECORDED, SCOPES, asked

if TYPE_CHECKING:
    from tests.support.server import RunningServer

ENDS = (":read", ":run", ":write:f/scopes/*", ":read:f/other/*", ":run:flows", ":scripts:f/scopes/th*")
QUICK = tuple(scope for scope in SCOPES if scope.endswith(ENDS))
"""One scope of each kind; `python -m tests.support.token_scopes` asks all of them."""


def test_each_route_is_opened_by_the_scopes_that_open_it_on_a_real_server(server: RunningServer) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    here = asked(QUICK, server=server.url, token=server.token)
    assert here.keys() == recorded.keys()
    able = {*QUICK, *(scope + OF_A_WORKSPACE for scope in QUICK), *OTHERS}
    there = {route: set(scopes) & able for route, scopes in recorded.items()}
    different = {route: sorted({*scopes} ^ there[route]) for route, scopes in here.items()}
    assert {route: who for route, who in different.items() if who} == {}
