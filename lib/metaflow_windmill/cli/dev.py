"""``metaflow-windmill dev``: the embedded Windmill, in the foreground."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.site import data_home
from metaflow_windmill.devserver.release import TRIED, read_release
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import argparse

EXTRA = {name: name for name in ("cryptography", "dukpy", "httptools", "nh3", "starlette", "uvicorn")}
EXTRA["markdown_it"] = "markdown-it-py"
"""What the embedded server needs beyond the package's own requirements."""

STOCK_TAGS = ("python3", "flow", "dependency")
"""Of the tags that the workers of a stock Windmill have, those that jobs here can have."""


EXAMPLES = ("metaflow-windmill dev", "metaflow-windmill dev --port 8010 --workers 4 --tags gpu,large")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        default=data_home(),
        metavar="DIR",
        help=f"where everything is kept (default: {_short(data_home())})",
    )
    parser.add_argument(
        "--workers", type=_positive, default=2, metavar="N", help="jobs at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--tags",
        type=_tags,
        default=(),
        metavar="TAG[,TAG...]",
        help="take the jobs of a stock Windmill's workers and those with these tags; others stay queued, as "
        "there (default: take every job)",
    )
    parser.add_argument(
        "--token", metavar="T", help="the token to ask with (default: one is made and kept in DIR)"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=cache_home(),
        metavar="DIR",
        help=f"where uv keeps what jobs require, for all servers (default: {_short(cache_home())})",
    )
    parser.add_argument(
        "--jobs-url",
        metavar="URL",
        help="where jobs reach this server, if there is something between (default: its own address)",
    )
    parser.add_argument(
        "--shared-environment",
        action="store_true",
        help="for a laptop without a network: jobs see this environment's packages, as on no real Windmill "
        "(default: off)",
    )
    parser.add_argument(
        "--windmill",
        type=read_release,
        default=TRIED,
        metavar="RELEASE",
        help="behave as a later release, such as 1.850, in the few things that flows here have a use for "
        "(default: 1.788, which all else was compared with)",
    )


def run(said: argparse.Namespace) -> int:
    """Serve until the process is told to end.

    Raises
    ------
    ServerError
        If the server cannot start.
    """
    missing = [package for module, package in EXTRA.items() if find_spec(module) is None]
    if missing:
        raise ServerError(
            f"The embedded server needs {', '.join(missing)}. Install with: pip install {' '.join(missing)}"
        )
    from metaflow_windmill.devserver.server import Settings, serve

    return serve(
        Settings(
            host=said.host,
            port=said.port,
            data=said.data.expanduser().absolute(),
            workers=said.workers,
            token=said.token,
            tags=said.tags,
            keeper=(sys.executable, "-m", "metaflow_windmill.workspace.compiling.kept_data"),
            cache=None if said.shared_environment else said.cache.expanduser().absolute(),
            jobs_url=said.jobs_url,
            release=said.windmill,
        )
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _tags(text: str) -> tuple[str, ...]:
    named = [tag.strip() for tag in text.split(",") if tag.strip()]
    if not named:
        raise ValueError(text)
    return tuple(dict.fromkeys([*STOCK_TAGS, *named]))


def cache_home() -> Path:
    """Return where what jobs require is kept unless told otherwise."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "metaflow-windmill"


def _short(path: Path) -> str:
    """Return a path as the help shows it: that of everybody, where it is in the home directory."""
    home = Path.home()
    shown = f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
    return shown.replace("%", "%%")
