"""The cards of a run: where they are shown, and what small ones say.

A card is a page with a program of its own, which Windmill's page of a result does not run. What the
program would draw, the card's components, stands in the page as JSON.
"""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.runtime.report.markdown import fenced, harmless, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from metaflow_windmill.contract.record import Record
    from metaflow_windmill.internals.shapes import StorageKind
    from metaflow_windmill.types import Json

SCRIPT = "f/metaflow/show_card"
LARGEST = 3_000_000
"""Characters of a card that is read: a megabyte of it is the program that draws it."""
SMALL = 6_000
"""Characters of the Markdown of a card that is shown at once."""

_DATA = re.compile(r'__MF_DATA__\["[^"]*"\] = "([A-Za-z0-9+/=]+)"')
_IMAGE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,[A-Za-z0-9+/=]+")
_ROWS, _COLUMNS, _LOG = 20, 8, 2_000
_OF_METAFLOW = {"Task Info", "Vertices", "DAG", "Artifacts"}


def address(workspace: str, run: str, step: str, card: str) -> str:
    """Return where a browser that is logged in to Windmill is shown a card, without the server's name."""
    said = json.dumps({"run": run, "step": step, "card": card})
    payload = quote(base64.b64encode(said.encode()).decode(), safe="")
    return f"/api/w/{quote(workspace)}/jobs/run_wait_result/p/{SCRIPT}?payload={payload}"


def small_cards(record: Record, storage: StorageKind, pathspec: str) -> Iterator[tuple[str, str]]:
    """Yield what the small cards of a task say: the id or type of each, and its components as Markdown.

    Parameters
    ----------
    record : Record
    storage : StorageKind
        Metaflow's storage of the record's datastore.
    pathspec : str
        Of the task.
    """
    from metaflow.datastore import FlowDataStore
    from metaflow.plugins.cards.card_datastore import CardDatastore

    root = _root(record, CardDatastore)
    store = CardDatastore(FlowDataStore(record.flow, None, storage_impl=storage, ds_root=root), pathspec)
    for path in store.extract_card_paths():
        info, html = store.info_from_path(path), store.get_card_html(path)
        text = markdown_of(html) if html and len(html) <= LARGEST else ""
        if text and len(text) <= SMALL:
            yield str(info.id or info.type), text


def markdown_of(html: str) -> str:
    """Return what a card says, as far as it can be said in Markdown; nothing for a card of another make."""
    found = _DATA.search(html)
    if found is None:
        return ""
    with suppress(ValueError, TypeError, AttributeError, KeyError, RecursionError):
        content = json.loads(base64.b64decode(found[1]))
        return "\n\n".join(part for item in content["components"] for part in _parts(item) if part)
    return ""


def _root(record: Record, store: Json) -> str:
    from metaflow.metaflow_config import CARD_SUFFIX

    if record.datastore.type == "local":
        return str(PurePosixPath(record.datastore.root) / CARD_SUFFIX)
    return str(store.get_storage_root(record.datastore.type))


def _parts(item: Json) -> Iterator[str]:
    """Yield the Markdown of a component, and of those in it."""
    if not isinstance(item, dict) or item.get("title") in _OF_METAFLOW:
        return
    make = _MAKE.get(item.get("type", ""))
    if "contents" in item:
        inner = [part for inside in item["contents"] for part in _parts(inside) if part]
        yield from (*_titles(item), *inner) if inner else ()
    elif make is not None:
        made = make(item)
        yield from (*_titles(item), made) if made else ()
    elif item.get("type") in _DRAWN:
        yield "*(what is drawn here is seen on the card itself)*"


def _titles(item: Json) -> Iterator[str]:
    for key in ("title", "subtitle"):
        if item.get(key):
            yield f"**{plain(str(item[key]))}**"


def _image(item: Json) -> str:
    source = str(item.get("src") or "")
    if len(source) <= SMALL // 2 and _IMAGE.fullmatch(source):
        return f"![{plain(str(item.get('label') or 'image'))}]({source})"
    return "*(an image: see the card itself)*"


def _table(item: Json) -> str:
    heads = [str(head) for head in item.get("columns") or []]
    rows = [[_cell(cell) for cell in row[:_COLUMNS]] for row in (item.get("data") or [])[:_ROWS]]
    width = max([len(heads[:_COLUMNS]), *map(len, rows)])
    if not width:
        return ""
    even = [row + [""] * (width - len(row)) for row in [heads[:_COLUMNS], *rows]]
    more = len(item.get("data") or []) - _ROWS
    return table(even[0], even[1:]) + (f"\n\n... and {more} more rows" if more > 0 else "")


def _cell(cell: Json) -> str:
    """Return a cell's text: a component in it is JSON of its own."""
    if isinstance(cell, dict):
        return str(cell.get("text") or cell.get("source") or cell.get("label") or f"({cell.get('type')})")
    return str(cell)


def _code(item: Json) -> str:
    return fenced(str(item.get("data") or "")[:_LOG])


_MAKE = {
    "title": lambda item: f"**{plain(str(item.get('text') or ''))}**",
    "subtitle": lambda item: plain(str(item.get("text") or "")),
    "markdown": lambda item: harmless(str(item.get("source") or "").strip()),
    "text": lambda item: plain(str(item.get("text") or "")),
    "table": _table,
    "image": _image,
    "log": _code,
    "pythonCode": _code,
}
_DRAWN = {"vegaChart", "barChart", "lineChart", "progressBar", "html"}
