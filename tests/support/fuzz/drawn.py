"""Random OpenFlow programs by number: the features of flows in combinations that nobody thought of."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

LEAF = """
import hashlib, json
def plain(value):
    if isinstance(value, dict):
        left_out = ("message", "stack") if "message" in value else ()
        return {key: plain(it) for key, it in value.items() if key not in left_out}
    return [plain(it) for it in value] if isinstance(value, list) else value
def main(**given):
    text = json.dumps(plain(given), sort_keys=True)
    return {"id": "%s", "k": int(hashlib.sha1(text.encode()).hexdigest()[:6], 16) %% 97, "given": len(text)}
"""
"""A number made of all that the step was given, but for the words of an error, which are the server's own.

A wrong argument shows in everything that follows.
"""

FAILS = "def main(why='boom'):\n    raise ValueError(why)\n"
GIVES = "def main(v=None):\n    return v\n"

ODD = [0, -1, 1.5, 1e21, 2**53, "", "{}", "ü☃", 'a"b', [], {}, [[]], None, False, {"a": {"b": [1, None]}}]
"""Values that a server may change on the way, or take for nothing."""

TEXT = "JSON.stringify(%s ?? null, (key, it) => ['stack', 'message'].includes(key) ? 0 : it)"
"""The text of a value, but for what depends on where a server keeps its jobs, and for its own words."""

OTHERS = [
    *("flow_input.odd", "flow_env.E", "flow_input['n']", "`${1}`", "({...flow_input.odd})"),
    *("let a = flow_input.n; return a + 1", "Object.keys(flow_input).sort().join()"),
]
"""Inputs besides the results of other steps; the keys of arguments have no order on a real server."""

WORDS = [
    *(TEXT % "results.%s", "Object.keys(results.%s ?? {}).join()", "typeof results.%s"),
    *("results.%s?.k ?? 'none'", "(results.%s || {}).given", "Array.isArray(results.%s)"),
]
"""Expressions over a result, which have the order of its keys and what it is in them."""


@dataclass(frozen=True)
class Place:
    """Where a module stands: what it may name, how deep it is, and whether anything runs beside it."""

    seen: tuple[str, ...] = ()
    depth: int = 0
    alone: bool = True
    turning: bool = False

    def inside(self, *, alone: bool = True, turning: bool = False) -> Place:
        """Return the place of a part of the module here."""
        return Place(self.seen, self.depth + 1, self.alone and alone, self.turning or turning)


@dataclass
class Drawn:
    """One program in the making."""

    seed: int
    number: int
    count: int = 0
    left: int = field(init=False)
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"{self.seed} {self.number}")
        self.left = self.dice.choice([3, 5, 8, 12])

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def program(self) -> dict[str, Any]:
        """Return the flow's value and its arguments."""
        value: dict[str, Any] = {"modules": self.row(Place(), self.dice.randint(2, 5))}
        if self.chance(0.3):
            value["failure_module"] = leaf("failure", LEAF % "failure", {"e": js("error.step_id ?? null")})
            if self.chance(0.3):
                value["failure_module"] = leaf("failure", GIVES, {"v": static({"recover": True})})
        if self.chance(0.2):
            value["flow_env"] = {"E": self.dice.choice(["x", "y"])}
        if self.chance(0.05):
            value["skip_expr"] = self.dice.choice(["flow_input.n > 2", "flow_input.n > 3"])
        return {"flow": value, "args": {"n": 3, "odd": self.dice.choice(ODD)}}

    def row(self, place: Place, size: int) -> list[dict[str, Any]]:
        """Return modules in a row."""
        modules: list[dict[str, Any]] = []
        for _ in range(size):
            module = self.module(place)
            if self.chance(0.2):
                module["skip_if"] = {"expr": self.condition(place)}
            if place.alone and self.chance(0.08):
                module["stop_after_if"] = self.stop(f"{TEXT % 'result'}.length")
            modules.append(module)
            place = Place((*place.seen, module["id"]), place.depth, place.alone, place.turning)
        return modules

    def stop(self, measure: str) -> dict[str, Any]:
        rule = {"expr": f"{measure} % 3 === {self.dice.randint(0, 2)}", "skip_if_stopped": self.chance(0.3)}
        if self.chance(0.3):
            rule["error_message"] = self.dice.choice(["", "enough"])
        return rule

    def condition(self, place: Place) -> str:
        parity = f".length % 2 === {self.dice.randint(0, 1)}"
        kinds = [f"{TEXT % 'previous_result'}{parity}", "flow_input.n > 3", "flow_input.odd"]
        if place.seen:
            kinds += [f"(results.{self.dice.choice(place.seen)}?.k ?? 0) % 2 === 0"] * 3
        if place.turning:
            kinds += ["flow_input.iter.index > 0", "flow_input.iter?.value"]
        if self.chance(0.03):
            return "nothing.such"
        return self.dice.choice(kinds)

    def module(self, place: Place) -> dict[str, Any]:
        self.left -= 1
        if place.depth > 2 or self.left < 0 or self.chance(0.4):
            return self.step(place)
        kind = self.dice.choice(["loop", "loop", "repeat", "arms", "arms", "choice", "choice"])
        made: dict[str, Any] = getattr(self, kind)(place)
        if place.alone and self.chance(0.1):
            made["continue_on_error"] = True
        if kind != "choice" and self.chance(0.12):
            made["stop_after_all_iters_if"] = self.stop("result.length")
        return made

    def step(self, place: Place) -> dict[str, Any]:
        name, more = self.name("s"), self.rules(place)
        lot = self.dice.random()
        if place.alone and lot < 0.1:
            return leaf(name, FAILS, {"why": static("boom")}, **more)
        if lot < 0.17:
            return {"id": name, "value": {"type": "identity"}}
        if lot < 0.27:
            return leaf(name, GIVES, {"v": static(self.dice.choice(ODD))}, **more)
        return leaf(name, LEAF % name, self.inputs(place), **more)

    def rules(self, place: Place) -> dict[str, Any]:
        more: dict[str, Any] = {}
        if self.chance(0.15):
            more["retry"] = {"constant": {"attempts": self.dice.randint(1, 2), "seconds": 0}}
            if self.chance(0.2):
                asked = ["error.message === 'boom'", "error?.name === 'TypeError'", "flow_input.n > 2"]
                more["retry"]["retry_if"] = {"expr": self.dice.choice(asked)}
        if place.alone and self.chance(0.2):
            more["continue_on_error"] = True
        return more

    def inputs(self, place: Place) -> dict[str, Any]:
        drawn = {"p": js("previous_result")}
        for seen in place.seen[-4:]:
            if self.chance(0.5):
                paths = ["", ".k", "[0]", ".given", "?.id"]
                drawn[f"r_{seen}"] = js(f"results.{seen}{self.dice.choice(paths)}")
        if place.turning:
            drawn["i"] = js(self.dice.choice(["flow_input.iter", "flow_input.iter.value"]))
        if self.chance(0.2):
            drawn["o"] = js(self.dice.choice(OTHERS))
        if place.seen and self.chance(0.15):
            drawn["w"] = js(self.dice.choice(WORDS) % self.dice.choice(place.seen))
        if place.alone and self.chance(0.02):
            drawn["x"] = js("nothing.such")
        return drawn

    def body(self, place: Place) -> list[dict[str, Any]]:
        return [] if self.chance(0.05) else self.row(place, self.dice.randint(1, 3))

    def loop(self, place: Place) -> dict[str, Any]:
        name, parallel = self.name("l"), self.chance(0.5)
        over = self.dice.choice(
            ["[0, 1, 2]", "['a', 'b']", "[{v: 1}]", "[]", "[null, false]", "[flow_input.odd]"]
        )
        body = self.body(place.inside(alone=not parallel, turning=True))
        value = {"type": "forloopflow", "iterator": js(over), "modules": body, "parallel": parallel}
        return {"id": name, "value": {**value, "skip_failures": self.chance(0.3)}}

    def repeat(self, place: Place) -> dict[str, Any]:
        name = self.name("w")
        body = self.row(place.inside(turning=True), self.dice.randint(1, 2))
        last = leaf(self.name("s"), "def main(i):\n    return {'i': i}\n", {"i": js("flow_input.iter.index")})
        until = {"expr": f"!(result && result.i < {self.dice.randint(0, 2)})", "skip_if_stopped": False}
        value = {"type": "whileloopflow", "modules": [*body, last], "skip_failures": False}
        return {"id": name, "value": value, "stop_after_if": until}

    def arms(self, place: Place) -> dict[str, Any]:
        name, parallel = self.name("a"), self.chance(0.5)
        inside = place.inside(alone=not parallel)
        branches = [
            {"summary": "", "skip_failure": self.chance(0.3), "modules": self.body(inside)}
            for _ in range(self.dice.randint(1, 3))
        ]
        return {"id": name, "value": {"type": "branchall", "parallel": parallel, "branches": branches}}

    def choice(self, place: Place) -> dict[str, Any]:
        name = self.name("c")
        branches = [
            {"summary": "", "expr": self.condition(place), "modules": self.body(place.inside())}
            for _ in range(self.dice.randint(1, 2))
        ]
        default = self.body(place.inside())
        return {"id": name, "value": {"type": "branchone", "default": default, "branches": branches}}


def js(expr: str) -> dict[str, Any]:
    """Return an input that is computed."""
    return {"type": "javascript", "expr": expr}


def static(value: Any) -> dict[str, Any]:
    """Return an input that is a constant."""
    return {"type": "static", "value": value}


def leaf(name: str, code: str, inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a module of Python code, locked so that it runs at once."""
    value = {"type": "rawscript", "language": "python3", "content": code, "lock": "# py: 3.11\n"}
    return {"id": name, "value": {**value, "input_transforms": inputs}, **more}


def program(seed: int, number: int) -> dict[str, Any]:
    """Return the program of a number: always the same one."""
    return Drawn(seed, number).program()
