"""A run with ``--memo`` makes what a run without it makes, whatever was edited in between."""

from __future__ import annotations

import os
import random
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from tests.support.deployed import run_on_windmill
from tests.support.flow_files import write_flow
from tests.support.oracle import Home, compare
from tests.support.recorded import known_local_run
from tests.support.strategies import drawn_graphs

from metaflow_windmill.package.memo import PackageCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.deployed import Target

    from metaflow_windmill.types import Json

pytestmark = pytest.mark.metaflow

USUAL = 8
"""The seed whose local runs are recorded."""
SEED = int(os.environ.get("FUZZ_SEED", USUAL))
PACKAGES = 40
GRAPHS = int(os.environ.get("MEMO_GRAPHS", "1"))
STEPS = ("start", "middle", "end")
NUMBERS = 10_000
"""Every number that can be edited in a drawn package is this one or more, and stands there once."""


@dataclass
class Drawn:
    """A package of three modules and a flow, whose functions call one another in all ways that Python has."""

    draw: random.Random
    number: int = NUMBERS
    functions: list[tuple[str, str]] = field(default_factory=list)

    def literal(self) -> str:
        self.number += 1
        return str(self.number)

    def package(self) -> dict[str, str]:
        files = {f"{name}.py": self._module(name) for name in ("deep", "near", "side")}
        return {**files, "flow.py": self._flow()}

    def _call(self, here: str) -> str:
        """Return an expression, and how it gets at a function of a module that was drawn before."""
        module, name = self.draw.choice(self.functions)
        if module == here:
            return self.draw.choice([f"{name}()", f"[{name}][0]()", f"(lambda: {name}())()"])
        plain = [f"{module}.{name}()", f"as_{module}.{name}()", f'getattr({module}, "{name}")()']
        hidden = [
            f'methodcaller("{name}")({module})',
            f'__import__("{module}").{name}()',
            f"(lambda module: module.{name}())({module})",
        ]
        return self.draw.choice(hidden if self.draw.random() < 0.05 else plain)

    def _body(self, here: str) -> str:
        value = self.literal()
        if self.functions and self.draw.random() < 0.7:
            value += f" + {self._call(here)}"
        return value

    def _module(self, name: str) -> str:
        known = sorted({module for module, _ in self.functions})
        lines = [line for module in known for line in (f"import {module}", f"import {module} as as_{module}")]
        lines += ["from operator import methodcaller", "KNOWN = []", f"CONSTANT = {self.literal()}"]
        lines += ["def registered(function):", "    KNOWN.append(function)", "    return function"]
        for number in range(self.draw.randint(2, 4)):
            lines += self._function(name, f"{name}_{number}")
            self.functions.append((name, f"{name}_{number}"))
        return "\n".join(lines) + "\n"

    def _function(self, module: str, name: str) -> list[str]:
        body = self._body(module)
        kind = self.draw.choice(["plain", "constant", "default", "class", "registered", "all", "late"])
        if kind == "class":
            return [f"class {name}_class:", "    def value(self):", f"        return {body}",
                    f"def {name}():", f"    return {name}_class().value()"]  # fmt: skip
        if kind == "registered":
            return ["@registered", f"def {name}_known():", f"    return {body}",
                    f"def {name}():", "    return KNOWN[0]()"]  # fmt: skip
        if kind == "all":
            return [f"def {name}_one():", f"    return {body}", f"{name}_TABLE = {{1: {name}_one}}",
                    f"def {name}():", f"    return {name}_TABLE[1]()"]  # fmt: skip
        if kind == "late":
            return [f"def {name}(plus={self.literal()}):", f"    def inner():\n        return {body}",
                    "    return inner() + plus"]  # fmt: skip
        arguments = f"plus={body}" if kind == "default" else f"plus={self.literal()}"
        return [
            f"def {name}({arguments}):",
            f"    return plus + {'CONSTANT' if kind == 'constant' else body}",
        ]

    def _flow(self) -> str:
        imports = [f"import {name}\nimport {name} as as_{name}" for name in ("deep", "near", "side")]
        steps = [
            f"    @step\n    def {name}(self):\n        return {self._body('flow')} + self.helper_{name}()\n"
            f"    def helper_{name}(self):\n        return {self._body('flow')}"
            for name in STEPS
        ]
        head = ["from metaflow import step", "from operator import methodcaller", *imports]
        return "\n".join([*head, "class Flow:", *steps]) + "\n"


def results(files: dict[str, str]) -> dict[str, Json]:
    """Run each step's function in modules of its own; return what each returns."""
    before = {name: sys.modules.get(name) for name in ("deep", "near", "side", "flow")}
    try:
        for name in before:
            module = sys.modules[name] = ModuleType(name)
            exec(compile(files[f"{name}.py"], f"{name}.py", "exec"), vars(module))
        flow = sys.modules["flow"].Flow()
        return {step: getattr(flow, step)() for step in STEPS}
    finally:
        for name, module_before in before.items():
            if module_before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module_before


def codes(files: dict[str, str]) -> dict[str, str]:
    code = PackageCode(files, "flow.py", STEPS)
    return {step: code.of(step, f"whole {sorted(files.items())}").digest for step in STEPS}


@pytest.mark.parametrize("seed", range(SEED, SEED + PACKAGES))
def test_a_step_that_does_something_else_has_other_code(seed: int) -> None:
    draw = random.Random(seed)
    drawn = Drawn(draw)
    files = drawn.package()
    told, before = codes(files), results(files)
    for number in draw.sample(range(NUMBERS + 1, drawn.number + 1), 5):
        edited = {name: text.replace(str(number), "7") for name, text in files.items()}
        after, now = results(edited), codes(edited)
        wrong = [step for step in STEPS if before[step] != after[step] and told[step] == now[step]]
        assert not wrong, f"{number} in {files}"


def test_most_edits_leave_some_step_as_it_was() -> None:
    """Else the test above would be passed by counting all of the package each time."""
    spared = 0
    for seed in range(SEED, SEED + 40):
        draw = random.Random(seed)
        drawn = Drawn(draw)
        files = drawn.package()
        number = draw.randint(NUMBERS + 1, drawn.number)
        now = codes({name: text.replace(str(number), "7") for name, text in files.items()})
        spared += any(code == now[step] for step, code in codes(files).items())
    assert spared > 10


def edited(text: str, draw: random.Random, number: int) -> str:
    """Change a random step, what all steps call, or only the look of the file."""
    steps = [line for line in text.splitlines() if line.startswith("        ARRIVE(self")]
    kind = draw.choice(["step", "all", "look"])
    if kind == "step":
        step = draw.choice(steps)
        return text.replace(step, f"{step}\n        self.EDITED = {number}", 1)
    return text.replace("10**30", f"{number}") if kind == "all" else f"# {number}\n{text}"


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(GRAPHS))
def test_random_flows_and_edits_make_what_they_make_locally(
    tmp_path: Path, windmill: Target, number: int
) -> None:
    draw = random.Random(SEED + number)
    graph = drawn_graphs(SEED, GRAPHS, most_tasks=8)[number]
    home, text = Home(tmp_path), write_flow(graph)
    for turn in range(3):
        flow = home.write("drawn", text)
        there = run_on_windmill(home, windmill, flow, graph.name, create=["--memo", "--pack=50"])
        local = known_local_run(home, flow, graph.name, keep=SEED == USUAL)
        told = [line for line in compare(local, there) if "parents" not in line]
        assert not told, f"turn {turn}\n{told}\n{text}"
        text = edited(text, draw, turn)
