"""Compares the embedded server with another one by random programs: ``scripts/fuzz --programs N``.

A program that does not end the same way twice on the other server is left out. With ``--keep`` what became of
the others there is written down, for ``tests/conformance`` to replay.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.fuzz.drawn import program
from tests.support.fuzz.seen import Api, differences
from tests.support.server import quick_server

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Pair:
    """The two servers and the seed of the programs."""

    other: Api
    here: Api
    seed: int
    keep: Path | None = None

    def compared(self, number: int) -> list[str] | None:
        """Return where the servers differ over one program; None where it settles nothing."""
        drawn, path = program(self.seed, number), f"f/fuzz/program_{number}"
        here = self.here.ran(drawn, path)
        first = self.other.ran(drawn, path)
        settled = first is not None and (first == here or self.other.ran(drawn, path) == first)
        if not settled:
            return None
        if self.keep:
            kept = json.dumps({**drawn, "became": first}, sort_keys=True, ensure_ascii=False)
            (self.keep / f"program-{self.seed}-{number}.json").write_text(kept + "\n")
        return list(differences(first, here))


def compare(pair: Pair, numbers: Sequence[int], at_once: int) -> int:
    """Compare each program, print what differs, and return how many do."""
    same = left_out = 0
    with ThreadPoolExecutor(at_once) as pool:
        for number, found in zip(numbers, pool.map(pair.compared, numbers), strict=True):
            left_out += found is None
            same += found == []
            for line in (found or [])[:8]:
                print(f"program {number}{line}", flush=True)
    different = len(numbers) - same - left_out
    print(f"seed {pair.seed}: {same} the same, {different} different, {left_out} left out", flush=True)
    return different


def main() -> int:
    """Run the command."""
    ask = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    ask.add_argument("--programs", type=int, required=True, metavar="N")
    ask.add_argument("--seed", type=int, default=int(time.time()))
    ask.add_argument("--first", type=int, default=0, help="the number of the first program")
    ask.add_argument("--server", required=True, metavar="URL")
    ask.add_argument("--token", required=True, metavar="T")
    ask.add_argument("--workspace", default="admins")
    ask.add_argument("--tag", help="of the workers there that run the programs")
    ask.add_argument("--at-once", type=int, default=8)
    ask.add_argument("--keep", type=Path, metavar="DIRECTORY", help="write down what became of each")
    said = ask.parse_args()
    if said.keep:
        said.keep.mkdir(parents=True, exist_ok=True)
    other = Api(said.server, said.token, said.workspace, said.tag, pause=1.0)
    with tempfile.TemporaryDirectory() as directory, quick_server(Path(directory)) as server:
        pair = Pair(other, Api(server.url, server.token), said.seed, said.keep)
        return 1 if compare(pair, range(said.first, said.first + said.programs), said.at_once) else 0


if __name__ == "__main__":
    sys.exit(main())
