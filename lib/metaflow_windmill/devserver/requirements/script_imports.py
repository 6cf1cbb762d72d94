"""What a script imports, where it declares nothing: the packages, and the scripts of its workspace."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass

from metaflow_windmill.errors import ServerError

_MAIN = re.compile(r"^(?:@.*\n)?(?:async\s+)?def\s+main\s*\(", re.MULTILINE)
_PIN = re.compile(r"#\s*(?:re)?pin:\s*(\S+)")
_WORKSPACE = ("f", "u")

DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "magic": "python-magic",
    "nacl": "pynacl",
    "OpenSSL": "pyopenssl",
    "PIL": "pillow",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "snowflake": "snowflake-connector-python",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Packages that are imported by another name than they are installed by."""


@dataclass(frozen=True)
class Imported:
    """What the top level of a script imports.

    Parameters
    ----------
    packages : tuple of str
        Requirements: a name each, or what a comment ``# pin:`` behind the import says.
    scripts : tuple of str
        Paths of other scripts of the workspace, whose imports count too.
    """

    packages: tuple[str, ...]
    scripts: tuple[str, ...]


def imported(content: str, path: str) -> Imported:
    """Return what a script imports above its ``main``, outside of functions, as a real server looks for it.

    Parameters
    ----------
    content : str
    path : str
        Where the script stands; relative imports follow from it.

    Raises
    ------
    ServerError
        If it is not Python.
    """
    before = _MAIN.split(content, maxsplit=1)[0]
    try:
        tree = ast.parse(before)
    except SyntaxError as why:
        raise ServerError(
            f"The imports of {path or 'the script'} cannot be read: {why}. Correct it."
        ) from None
    lines = before.splitlines()
    names = [pair for node in tree.body for pair in _modules(node, path, lines)]
    packages = dict.fromkeys(name for name, is_script in names if not is_script)
    scripts = dict.fromkeys(name for name, is_script in names if is_script)
    return Imported(tuple(packages), tuple(scripts))


def _modules(node: ast.stmt, path: str, lines: list[str]) -> list[tuple[str, bool]]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.level:
        folder = path.split("/")[: -node.level]
        return [("/".join([*folder, *(node.module or "").split(".")]).rstrip("/"), True)]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        return []
    pin = _PIN.search(lines[(node.end_lineno or node.lineno) - 1])
    return [_of_name(name, pin[1] if pin else None) for name in names if _is_foreign(name)]


def _is_foreign(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] not in sys.stdlib_module_names


def _of_name(name: str, pin: str | None) -> tuple[str, bool]:
    top = name.split(".", maxsplit=1)[0]
    if top in _WORKSPACE:
        return name.replace(".", "/"), True
    return pin or DISTRIBUTIONS.get(top, top.replace("_", "-")), False
