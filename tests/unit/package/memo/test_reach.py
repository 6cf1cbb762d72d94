"""Which edits of a flow's files change the code of which step; what cannot be decided counts for all."""

from __future__ import annotations

import textwrap

import pytest

from metaflow_windmill.package.memo import PackageCode

STEPS = ("start", "train", "end")
FLOW = """
import math
import helpers
from metaflow import FlowSpec, Parameter, retry, step
from helpers import clean as tidy, score

LIMIT = 5
OTHER = [1, 2]


def own(number):
    return number + LIMIT


class Plain:
    def value(self):
        return math.pi


class Flow(FlowSpec):
    size = Parameter("size", default=3)

    def note(self):
        print("note")

    @step
    def start(self):
        self.data = tidy([1])
        self.next(self.train)

    @retry(times=2)
    @step
    def train(self):
        self.note()
        self.model = score(self.data, Plain().value()) + own(1)
        self.next(self.end)

    @step
    def end(self):
        import late

        print(helpers.CONSTANT, late.told())


if __name__ == "__main__":
    Flow()
"""
HELPERS = """
from deep import root

CONSTANT = 7


def clean(data):
    return [root(item) for item in data]


def score(data, value):
    return sum(data) * value


def unused():
    return score
"""
FILES = {
    "flow.py": FLOW,
    "helpers.py": HELPERS,
    "deep.py": "def root(item):\n    return item ** 0.5\n\n\ndef other():\n    return 1\n",
    "late.py": "def told():\n    return 'told'\n",
    "elsewhere.py": "print('no step loads this')\n",
}


def codes(files: dict[str, str], told: str = "") -> dict[str, str]:
    code = PackageCode(files, "flow.py", STEPS, called_by_metaflow=("next", "merge_artifacts"), told=told)
    return {step: code.of(step, "WHOLE").digest for step in STEPS}


def changed(file: str, old: str, new: str, files: dict[str, str] = FILES) -> set[str]:
    """Return the steps whose code is another after an edit; none of them may be undecided before."""
    before = codes(files)
    assert "WHOLE" not in before.values()
    assert old in files[file]
    after = codes({**files, file: files[file].replace(old, new, 1)})
    return {step for step in STEPS if before[step] != after[step]}


@pytest.mark.parametrize(
    ("file", "old", "new", "steps"),
    [
        ("flow.py", "tidy([1])", "tidy([2])", {"start"}),
        ("flow.py", 'print("note")', 'print("else")', {"train"}),
        ("flow.py", "LIMIT = 5", "LIMIT = 6", {"train"}),
        ("flow.py", "OTHER = [1, 2]", "OTHER = [1]", set()),
        ("flow.py", "return number + LIMIT", "return number - LIMIT", {"train"}),
        ("flow.py", "return math.pi", "return math.e", {"train"}),
        ("flow.py", "@retry(times=2)", "@retry(times=3)", {"train"}),
        ("flow.py", "print(helpers.CONSTANT,", "print(helpers.CONSTANT, 1,", {"end"}),
        ("flow.py", "import math", "import math  # said", set()),
        ("flow.py", "class Plain:", 'print("loaded")\n\n\nclass Plain:', set(STEPS)),
        ("flow.py", "default=3", "default=4", set(STEPS)),
        ("helpers.py", "CONSTANT = 7", "CONSTANT = 8", {"end"}),
        ("helpers.py", "sum(data) * value", "sum(data)", {"train"}),
        ("helpers.py", "[root(item) for item in data]", "data", {"start"}),
        ("helpers.py", "return score", "return 1", set()),
        ("helpers.py", "def unused", "@print\ndef unused", set(STEPS)),
        ("helpers.py", "def unused()", "def unused(given=print())", set(STEPS)),
        ("helpers.py", "\nCONSTANT", "\nprint(1)\nCONSTANT", set(STEPS)),
        ("deep.py", "item ** 0.5", "item", {"start"}),
        ("deep.py", "return 1", "return 2", set()),
        ("late.py", "'told'", "'else'", {"end"}),
        ("elsewhere.py", "print", "repr", set()),
    ],
)
def test_an_edit_changes_the_code_of_what_may_call_it(file: str, old: str, new: str, steps: set[str]) -> None:
    assert changed(file, old, new) == steps


def test_the_order_of_what_runs_counts() -> None:
    files = {**FILES, "helpers.py": "print(1)\nprint(2)\n" + HELPERS}
    assert changed("helpers.py", "print(1)\nprint(2)", "print(2)\nprint(1)", files) == set(STEPS)


def test_a_file_that_hides_a_module_counts_where_that_is_imported() -> None:
    before, after = codes(FILES), codes({**FILES, "math.py": "pi = 3\n"})
    assert [step for step in STEPS if before[step] != after[step]] == ["train"]


def test_another_step_counts_where_it_is_called_as_a_function() -> None:
    files = {**FILES, "flow.py": FLOW.replace("tidy([1])", "tidy([1]) or self.train()", 1)}
    assert changed("flow.py", "self.note()", "print(2)", files) == {"start", "train"}
    files = {**FILES, "flow.py": FLOW.replace("tidy([1])", 'tidy([1]) or getattr(self, "train")()', 1)}
    assert changed("flow.py", "self.note()", "print(2)", files) == {"start", "train"}
    files = {**FILES, "flow.py": FLOW.replace("tidy([1])", '{"a": self.train}["a"]()', 1)}
    assert changed("flow.py", "self.note()", "print(2)", files) == {"start", "train"}


def test_where_a_step_leads_names_no_function() -> None:
    helpers = HELPERS + "\n\ndef train():\n    return 1\n"
    assert changed("helpers.py", "    return 1", "    return 2", {**FILES, "helpers.py": helpers}) == set()


def test_what_a_join_reads_of_a_step_is_not_its_code() -> None:
    join = FLOW.replace("def end(self):", "def end(self, inputs):").replace(
        "print(", "print(inputs.train.x, "
    )
    assert changed("flow.py", "self.note()", "print(2)", {**FILES, "flow.py": join}) == {"train"}


def test_a_class_that_may_be_known_by_its_base_always_counts() -> None:
    text = HELPERS + "\n\nclass Known(Base):\n    def said(self):\n        return 1\n"
    assert changed(
        "helpers.py", "        return 1", "        return 2", {**FILES, "helpers.py": text}
    ) == set(STEPS)


@pytest.mark.parametrize(
    "line",
    [
        'getattr(helpers, "un" + "used")()',
        "getattr(self, self.name)()",
        'exec("import elsewhere")',
        'eval("1")',
        'importlib.import_module("elsewhere")',
        '__import__("elsewhere")',
        "print(helpers)",
        "globals()",
        'open("helpers.py")',
        "import pickle",
        "from subprocess import run",
        "helpers.score.__code__",
        "import torch, os; os.system('x')",
        "(lambda find: find(helpers, self.name))(getattr)",
    ],
)
def test_where_nobody_can_say_what_is_called_all_of_the_package_counts(line: str) -> None:
    code = PackageCode({**FILES, "flow.py": FLOW.replace("self.note()", line, 1)}, "flow.py", STEPS)
    found = code.of("train", "WHOLE")
    assert found.digest == "WHOLE"
    assert found.why_whole.startswith("flow.py, line ")
    assert code.of("start", "WHOLE").digest != "WHOLE"


def test_what_data_and_texts_name_counts() -> None:
    assert codes(FILES, told="run: elsewhere.main") != codes(FILES)
    before = codes(FILES, told="call: [unused]")
    after = codes({**FILES, "helpers.py": HELPERS.replace("return score", "return 1")}, told="call: [unused]")
    assert all(before[step] != after[step] for step in STEPS)


def test_a_step_that_is_nowhere_to_be_found_is_undecided() -> None:
    made = textwrap.dedent("""
        from metaflow import FlowSpec
        Flow = type("Flow", (FlowSpec,), make())
    """)
    assert (
        "none of the package's files"
        in PackageCode({"flow.py": made}, "flow.py", STEPS).of("start", "W").why_whole
    )
    assert "no Python" in PackageCode({"flow.py": "def"}, "flow.py", STEPS).of("start", "W").why_whole
