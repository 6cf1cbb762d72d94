"""Where packages come from: uv gets its own settings of this machine, and pip's where it has none."""

from __future__ import annotations

import configparser
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_FOR_UV = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH")
"""Variables of the server's own environment, which nothing is to be installed into or read from."""

SAME = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
}
"""pip's options and the variables that tell uv the same."""


def uv_environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that uv runs in.

    Parameters
    ----------
    own : mapping of str to str
        The server's.
    """
    kept = {name: value for name, value in own.items() if name not in NOT_FOR_UV}
    told = {} if _has_uv_file(own) else as_uv(pip_options(own))
    return {**told, "UV_NO_PROGRESS": "1", **kept}


def as_uv(options: Mapping[str, str]) -> dict[str, str]:
    """Return pip's options as uv's variables; several values stand with blanks between them in both."""
    found = {SAME[name]: " ".join(value.split()) for name, value in options.items() if name in SAME}
    return {
        name: value.replace(" ", ",") if name == "UV_FIND_LINKS" else value for name, value in found.items()
    }


def pip_options(own: Mapping[str, str]) -> dict[str, str]:
    """Return what pip's files and variables say, the last word of each: as pip itself reads them."""
    options: dict[str, str] = {}
    for file in _pip_files(own):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue  # pip says what is wrong with its own file.
        for section in ("global", "install"):
            if parser.has_section(section):
                options.update(parser.items(section))
    prefix = "PIP_"
    variables = {name: value for name, value in own.items() if name.startswith(prefix) and value}
    options.update(
        {name[len(prefix) :].lower().replace("_", "-"): value for name, value in variables.items()}
    )
    return options


def _pip_files(own: Mapping[str, str]) -> list[Path]:
    """Return pip's files, the most general one first."""
    said = own.get("PIP_CONFIG_FILE")
    if said == os.devnull:
        return []
    home = Path(own.get("HOME") or "/nonexistent")
    config = Path(own.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
    personal = [home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    return [*system, *personal, Path(sys.prefix) / "pip.conf", *([Path(said)] if said else [])]


def _has_uv_file(own: Mapping[str, str]) -> bool:
    home = Path(own.get("HOME") or "/nonexistent")
    config = Path(own.get("XDG_CONFIG_HOME") or home / ".config")
    said = own.get("UV_CONFIG_FILE")
    files = (config / "uv" / "uv.toml", Path("/etc/uv/uv.toml"), *([Path(said)] if said else []))
    return any(file.is_file() for file in files)
