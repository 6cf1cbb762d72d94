"""Runs a mix of flows under random kills for some minutes, and accounts for all that it did."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.support.soak.accounts import table
from tests.support.soak.soak import Plan, soak


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--server", help="another Windmill, of which nothing is killed")
    parser.add_argument("--token")
    parser.add_argument("--workspace", help="one that is there, with --server; else one is made and removed")
    parser.add_argument("--at-once", type=int, default=4, help="runs at a time")
    asked = parser.parse_args()
    if (asked.server is None) != (asked.token is None):
        parser.error("give both --server URL and --token T")
    return asked


def main() -> int:
    """Soak; return 1 if any account does not balance."""
    asked, root = arguments(), Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"scripts/soak {asked.minutes:g} --seed {asked.seed} (files under {root})", flush=True)
    plan = Plan(asked.minutes * 60, asked.seed, asked.at_once)
    result = soak(plan, root, asked.server, asked.token, asked.workspace)
    print(", ".join(f"{count} {what}" for what, count in result.counts.items()))
    print(table(result.accounts))
    return 1 if any(account.wrong for account in result.accounts) else 0


if __name__ == "__main__":
    sys.exit(main())
