"""Writes ``f/metaflow/library.py`` where it is not what ``lib/`` is; without ``--fix`` only says so."""

from __future__ import annotations

import sys
from pathlib import Path

from metaflow_windmill.workspace.installing.library import (
    library_files,
    library_script,
    library_sha,
    without_archive,
)

FILE = Path(__file__).parents[1] / "f" / "metaflow" / "library.py"


def main(words: list[str]) -> int:
    """Look, write if asked, and return the exit status."""
    files, there = library_files(), FILE.read_text(encoding="utf-8") if FILE.is_file() else ""
    wanted = library_script(files)
    if without_archive(there) == without_archive(wanted):
        return 0
    if "--fix" in words:
        FILE.write_text(wanted, encoding="utf-8")
        print(f"Wrote {FILE.name} anew: {len(wanted) // 1000} kB, sha {library_sha(files)[:12]}.")
        return 0
    print("f/metaflow/library.py is not what lib/ is. Run scripts/check --fix.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
