"""Does everything over a way on which requests fail at random, and accounts for all that it did."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.flaky.flaky import Elsewhere, Plan, flaky
from tests.support.soak.accounts import table


def main() -> int:
    """Do it; return 1 if any account does not balance."""
    parser = argparse.ArgumentParser(prog="scripts/flaky", description=__doc__)
    parser.add_argument("runs", type=int)
    parser.add_argument("--rate", type=float, default=0.15, help="the share of requests that go wrong")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--at-once", type=int, default=4, help="runs at a time")
    parser.add_argument("--minutes", type=float, default=600, help="begin nothing more after these")
    parser.add_argument("--server", help="another Windmill")
    parser.add_argument("--token")
    parser.add_argument("--jobs", default="", help="TAG:PORT=URL: those of its workers that ask badly, too")
    asked = parser.parse_args()
    if (asked.server is None) != (asked.token is None) or (asked.jobs and not asked.server):
        parser.error("give both --server URL and --token T")
    elsewhere = _elsewhere(asked.server, asked.token, asked.jobs) if asked.server else None
    root = Path(tempfile.mkdtemp(prefix="flaky-"))
    said = f"scripts/flaky {asked.runs} --rate {asked.rate:g} --seed {asked.seed}"
    print(f"{said} (files under {root})", flush=True)
    plan = Plan(asked.runs, asked.rate, asked.seed, asked.at_once, minutes=asked.minutes)
    result = flaky(plan, root, elsewhere)
    print(", ".join(f"{count} {what}" for what, count in result.counts.items()))
    print(
        f"{result.requests} requests, {result.of_jobs} of them by jobs;",
        ", ".join(f"{n} {what}" for what, n in result.faults.items()),
    )
    print(table(result.accounts))
    return 1 if any(account.wrong for account in result.accounts) else 0


def _elsewhere(server: str, token: str, jobs: str) -> Elsewhere:
    place, _, really = jobs.partition("=")
    tag, _, port = place.partition(":")
    return Elsewhere(server, token, tag, int(port or 0), really)


if __name__ == "__main__":
    sys.exit(main())
