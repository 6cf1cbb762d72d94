"""``metaflow-windmill dev``: the embedded Windmill, in the foreground."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from metaflow_windmill.client.site import data_home
from metaflow_windmill.errors import ServerError

if TYPE_CHECKING:
    import argparse

EXTRA = ("cryptography", "dukpy", "httptools", "starlette", "uvicorn")
"""What the embedded server needs beyond the package's own requirements."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes a free one (default: %(default)s)")
    parser.add_argument(
        "--data",
        type=Path,
        default=data_home(),
        metavar="DIR",
        help="where everything is kept (default: %(default)s)",
    )
    parser.add_argument(
        "--workers", type=_positive, default=2, metavar="N", help="jobs at a time (default: %(default)s)"
    )
    parser.add_argument(
        "--token", metavar="T", help="the token to ask with (default: one is made and kept in DIR)"
    )
    parser.add_argument(
        "--isolated",
        action="store_true",
        help="give each script the packages that it requires, by uv; else scripts run in this environment",
    )


def run(said: argparse.Namespace) -> int:
    """Serve until the process is told to end.

    Raises
    ------
    ServerError
        If the server cannot start.
    """
    missing = [name for name in EXTRA if find_spec(name) is None]
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
            isolated=said.isolated,
        )
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
