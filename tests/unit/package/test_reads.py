"""Which files count as read by a flow while it is loaded; each program is a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.support.oracle import Home

from metaflow_windmill.package.reads import Read, left_out

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import json, sys, metaflow
from pathlib import Path
from metaflow_windmill.package.reads import seen, watch
watch(sys.argv[0])
CODE
print(json.dumps([[Path(read.path).name, read.file, read.line] for read in seen()]))
open("config.txt").close()
assert not seen()[1:]
"""


def reads(folder: Path, code: str) -> list[list[str | int]]:
    folder.joinpath("config.txt").write_text("alpha")
    helper = "from pathlib import Path\nWORD = Path('config.txt').read_text()\n"
    folder.joinpath("helper.py").write_text(helper)
    program = folder / "flow.py"
    program.write_text(PROGRAM.replace("CODE", code))
    line = [sys.executable, str(program)]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=True)
    found: list[list[str | int]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("open('config.txt').read()", [["config.txt", "flow.py", 6]]),
        ("Path(__file__).with_name('config.txt').read_text()", [["config.txt", "flow.py", 6]]),
        ("import helper", [["config.txt", "helper.py", 2]]),
        ("open('config.txt', 'a').write('x')", []),
        ("import yaml, importlib.metadata; importlib.metadata.version('PyYAML')", []),
        ("Path('gone.txt').exists() and open('gone.txt')", []),
        ("open('/etc/hostname').read() if Path('/etc/hostname').exists() else 0", []),
        ("import helper; open('config.txt')", [["config.txt", "helper.py", 2]]),
    ],
)
def test_what_the_flows_own_code_reads_is_kept(
    tmp_path: Path, code: str, found: list[list[str | int]]
) -> None:
    assert reads(tmp_path, code) == found


def test_what_the_package_holds_is_not_told(tmp_path: Path) -> None:
    held, missing = tmp_path / "held.txt", tmp_path / "config.txt"
    told = left_out([Read(str(held), "flow.py", 3), Read(str(missing), "a.py", 4)], [held])
    assert [sentence.partition(" when")[0] for sentence in told] == [f"a.py, line 4, reads {missing}"]
    assert "--package-suffixes .txt" in told[0]


FLOW = """
from pathlib import Path
from metaflow import Config, FlowSpec, IncludeFile, Parameter, step


class ReadingFlow(FlowSpec):
    settings = Config("settings", default="settings.json")
    table = IncludeFile("table", default="table.csv")
    value = Parameter(Path(__file__).with_name("names.txt").read_text(), default=1)

    @step(start=True, end=True)
    def only(self):
        pass


if __name__ == "__main__":
    ReadingFlow()
"""


@pytest.mark.metaflow
def test_it_is_told_at_create_and_configs_and_included_files_are_not(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name, text in {"settings.json": "{}", "table.csv": "1", "names.txt": "alpha"}.items():
        (tmp_path / name).write_text(text)
    line = ("--quiet", "--no-pylint", "--datastore=local", "--metadata=local")
    flow = home.write("reading", FLOW)
    told = home.python(flow, *line, "windmill", "create", "--only-json")
    assert told.returncode == 0, told.stderr
    (note,) = [text for text in told.stderr.splitlines() if text.startswith("Note: ")]
    assert f"reading.py, line 9, reads {tmp_path}/names.txt when the flow is loaded" in note
    held = home.python(flow, *line, "--package-suffixes", ".txt", "windmill", "create", "--only-json")
    assert "Note: " not in held.stderr
