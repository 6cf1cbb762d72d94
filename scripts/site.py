"""What `scripts/docs` adds to docs/: the reference, made from the code, and what lies beside docs/."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from scripts.reference import PAGES  # noqa: E402 - a hook is loaded by its file, from anywhere

BESIDE = ("ARCHITECTURE.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md", "CHANGELOG.md")
SHOWN = ("examples", "tests", "lib", "scripts")
"""Folders whose files are copied to the site where a page links to them."""

_OUTSIDE = re.compile(r"\]\(\.\./(?=[\w.-]+)")
_LINK = re.compile(r"\]\(([^)#:]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference, the pages beside docs/ and the files that pages link to."""
    for name, make in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=make()))
    for name in BESIDE:
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    for name in sorted(_linked()):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Lead the links as they are here: in the site, docs/ and what lies beside it are one folder."""
    if page.file.src_uri in BESIDE:
        return re.sub(r"\]\(docs/", "](", markdown)
    return _OUTSIDE.sub("](", markdown)


def _linked() -> set[str]:
    """Return the files outside of docs/ that its pages, and those beside it, link to."""
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in BESIDE)]
    found = {
        (page.parent / link).resolve().relative_to(ROOT)
        for page in pages
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
    }
    return {str(file) for file in found if file.parts[0] in SHOWN and (ROOT / file).is_file()}
