"""Lets a script import other scripts of its workspace, such as ``from f.reports.sums import total``.

Each module is fetched from the server with the job's own token and kept in the job's directory. What
cannot be fetched becomes an empty package, as on a real Windmill: only using a missing name fails.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

TOP = ("f", "u")
DEEPEST_FOLDER = 2
SECONDS = 30


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
        from urllib.error import HTTPError, URLError
        from urllib.request import Request, urlopen

        address = "{}/api/w/{}/scripts/raw/p/{}.py?cache_folders=true".format(
            os.environ["BASE_INTERNAL_URL"], os.environ["WM_WORKSPACE"], "/".join(parts)
        )
        ask = Request(address, headers={"Authorization": "Bearer " + os.environ.get("WM_TOKEN", "")})  # noqa: S310
        try:
            with urlopen(ask, timeout=SECONDS) as answer:  # noqa: S310 - the address is the server's own
                text = answer.read()
        except HTTPError:
            return False
        except URLError as fault:
            print(f"The script {'/'.join(parts)} could not be fetched: {fault.reason}")
            return False
        if text == b"WINDMILL_IS_FOLDER":
            return False
        os.makedirs(os.path.dirname(file), exist_ok=True)  # noqa: PTH103, PTH120
        with open(file, "wb") as kept:  # noqa: PTH123
            kept.write(text)
        return True


sys.meta_path.append(Workspace())
