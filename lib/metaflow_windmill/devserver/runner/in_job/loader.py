"""Lets a script import other scripts of its workspace, such as ``from f.reports.sums import total``.

Each module is fetched from the server with the job's own token and kept in the job's directory. What
cannot be fetched becomes an empty package, as on a real Windmill: only using a missing name fails. As there,
only a connection that was reset in the middle of an answer is tried again.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from importlib.machinery import ModuleSpec, SourceFileLoader

TOP = ("f", "u")
DEEPEST_FOLDER = 2
SECONDS = 30
TRIES = 4
PAUSE = 3  # seconds


class Workspace:
    """Finds the modules of a workspace."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002
        """Return how a module is loaded; None for modules that are not of the workspace."""
        parts = name.split(".")
        if parts[0] not in TOP:
            return None
        if len(parts) > DEEPEST_FOLDER:
            file = os.path.join(os.getcwd(), "tmp", *parts) + ".py"  # noqa: PTH109, PTH118
            if os.path.exists(file) or self.fetched(parts, file):  # noqa: PTH110
                return ModuleSpec(name, SourceFileLoader(name, file), origin=file)
        return ModuleSpec(name, None, is_package=True)

    def fetched(self, parts: list[str], file: str) -> bool:
        """Fetch a script into a file; return False where there is none or it may not be read."""
        from urllib.error import HTTPError

        for tries_left in reversed(range(TRIES)):
            try:
                text = self.text("/".join(parts))
                break
            except HTTPError:
                return False
            except Exception as fault:  # noqa: BLE001 - whatever it is, an empty package comes of it
                if getattr(fault, "errno", 0) != errno.ECONNRESET or not tries_left:
                    print(f"The script {'/'.join(parts)} could not be fetched: {fault}")
                    return False
                time.sleep(PAUSE)
        if text == b"WINDMILL_IS_FOLDER":
            return False
        os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120
        with open(file, "wb") as kept:  # noqa: PTH123
            kept.write(text)
        return True

    def text(self, path: str) -> bytes:
        """Ask the server for a script."""
        from urllib.request import Request, urlopen

        address = "{}/api/w/{}/scripts/raw/p/{}.py?cache_folders=true".format(
            os.environ["BASE_INTERNAL_URL"], os.environ["WM_WORKSPACE"], path
        )
        ask = Request(address, headers={"Authorization": "Bearer " + os.environ.get("WM_TOKEN", "")})  # noqa: S310
        with urlopen(ask, timeout=SECONDS) as answer:  # noqa: S310 - the address is the server's own
            content: bytes = answer.read()
            return content


sys.meta_path.append(Workspace())
