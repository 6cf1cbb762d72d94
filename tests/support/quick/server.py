"""The embedded server with workers that fork: ``python -m tests.support.quick.server --data DIR ...``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from metaflow_windmill.devserver.server import Settings, serve


def main() -> int:
    """Serve until told to end."""
    ask = argparse.ArgumentParser()
    ask.add_argument("--port", type=int, default=0)
    ask.add_argument("--data", type=Path, required=True)
    ask.add_argument("--workers", type=int, default=2)
    ask.add_argument("--token")
    said = ask.parse_args()
    return serve(Settings(**vars(said), worker="tests.support.quick.worker"))


if __name__ == "__main__":
    sys.exit(main())
