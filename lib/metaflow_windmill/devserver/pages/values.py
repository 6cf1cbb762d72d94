"""What jobs take and give, as a Windmill shows it: tables, Markdown, pictures, errors, and else JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill.devserver.pages.layout import table
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from metaflow_windmill.types import Json

SHOWN_ERRORS = 20
SHOWN_ROWS = 200
SHOWN_PARTS = 50
LONGEST_VALUE = 20_000
"""Characters of a value that a page shows."""

PICTURES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "gif": "image/gif",
    "svg": "image/svg+xml",
}
BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


@dataclass(frozen=True)
class ValueOrigin:
    """Where a value stands: in the result of a job, at a path of keys and indices."""

    job: str
    path: tuple[str, ...] = ()

    def at(self, *more: str | int) -> ValueOrigin:
        """Return the place of a part of the value."""
        return ValueOrigin(self.job, (*self.path, *map(str, more)))

    @property
    def address(self) -> str:
        """The address of the HTML that stands here, for a frame."""
        return f"/run/{quote(self.job)}/html?at={quote('.'.join(self.path), safe='')}"


def value(told: Json) -> Markup:
    """Return a JSON value, cut where it is very long."""
    written = told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False)
    return tag("pre", written if len(written) <= LONGEST_VALUE else written[:LONGEST_VALUE] + "\n…")


def result(told: Json, source: ValueOrigin) -> Markup:
    """Return the result of a job as a Windmill shows it.

    Which members ask for what is that of its own page: ``render_all`` alone, ``wm_renderer`` beside others,
    or one member named by what it is.
    """
    if isinstance(told, list):
        return _rows(told) if _are_rows(told) else value(told)
    if not isinstance(told, dict) or not told:
        return value(told)
    if set(told) == {"render_all"} and isinstance(told["render_all"], list):
        return _all(told["render_all"], source.at("render_all"))
    kind = told.get("wm_renderer") if "wm_renderer" in told else next(iter(told)) if len(told) == 1 else ""
    shown = _of_kind(kind, told, source) if isinstance(kind, str) else None
    if shown is not None:
        rest = {name: each for name, each in told.items() if name not in ("wm_renderer", kind, "md")}
        return join([shown, _folded(rest)]) if rest else shown
    is_file = set(told) == {"file", "filename"} and isinstance(told["file"], str)
    return _file(told["file"], str(told["filename"])) if is_file else value(told)


def error(told: Json) -> Markup:
    """Return what a failed job's result says; a failed loop's is a list, with errors among the results."""
    if isinstance(told, list):
        errors = [each for each in told if _error_in(each)]
        rest = len(errors) - SHOWN_ERRORS
        more = tag("p", f"… and {rest} more.", class_="soft") if rest > 0 else text("")
        return join([*(error(each) for each in errors[:SHOWN_ERRORS]), more]) if errors else value(told)
    said = _error_in(told)
    if not said:
        return value(told)
    first, _, rest_of = f"{said.get('name') or 'Error'}: {said.get('message') or ''}".partition("\n")
    step = tag("div", f"in step {said['step_id']}", class_="soft") if said.get("step_id") else text("")
    message = tag("pre", rest_of, class_="message") if rest_of.strip() else text("")
    stack = tag("pre", said["stack"]) if said.get("stack") else text("")
    return tag("div", tag("strong", first), step, message, stack, class_="error")


def html_frame(source: ValueOrigin, html: str) -> Markup:
    """Return HTML that somebody else wrote in a frame where no script runs, and how to let them run there."""
    made = [tag("iframe", src=source.address, sandbox="", title="HTML of a result")]
    if "<script" in html.lower():
        where = f"{source.address}&scripts=yes&page=yes"
        made.append(
            tag("p", tag("a", "Show it with its scripts", href=where), " in a sandbox without network.")
        )
    return join(made)


def _of_kind(kind: str, told: dict[str, Json], source: ValueOrigin) -> Markup | None:
    if kind in ("markdown", "md"):
        written = told.get("md") or told.get("markdown")
        return rendered(written) if isinstance(written, str) else None
    said = told.get(kind)
    if kind == "html" and isinstance(said, str):
        return html_frame(source.at("html"), said)
    if kind in PICTURES:
        return _picture(kind, said)
    if kind == "error" and isinstance(said, dict):
        return error(told)
    if kind == "plain" and isinstance(said, str):
        return value(said)
    if kind in ("table-row-object", "table-row") and isinstance(said, list):
        return _rows(said) if _are_rows(said) else None
    return None


def _all(parts: list[Json], source: ValueOrigin) -> Markup:
    shown = [tag("div", result(each, source.at(at))) for at, each in enumerate(parts[:SHOWN_PARTS])]
    rest = len(parts) - SHOWN_PARTS
    more = tag("p", f"… and {rest} more parts.", class_="soft") if rest > 0 else text("")
    return tag("div", *shown, more, class_="parts")


def _are_rows(told: list[Json]) -> bool:
    """Tell whether a list is a table: rows that are all objects, or all lists of the same length."""
    if not told:
        return False
    if all(isinstance(row, dict) and row for row in told):
        return not any(_error_in(row) for row in told)
    return all(isinstance(row, list) and row for row in told) and len({len(row) for row in told}) == 1


def _rows(told: list[Json]) -> Markup:
    if isinstance(told[0], dict):
        names = list(dict.fromkeys(name for row in told[:SHOWN_ROWS] for name in row))
        rows = [[_cell(row.get(name)) for name in names] for row in told[:SHOWN_ROWS]]
    else:
        names = [str(name) if isinstance(name, str) else json.dumps(name) for name in told[0]]
        rows = [[_cell(each) for each in row] for row in told[1 : SHOWN_ROWS + 1]]
    rest = len(told) - SHOWN_ROWS
    more = tag("p", f"… and {rest} more rows.", class_="soft") if rest > 0 else text("")
    return join([table(names, rows, "No rows."), more])


def _cell(told: Json) -> str:
    return told if isinstance(told, str) else "" if told is None else json.dumps(told, ensure_ascii=False)


def _picture(kind: str, said: Json) -> Markup | None:
    """Return a picture as one: what is in it, a script in an SVG too, does nothing there."""
    data = said.get("content") if isinstance(said, dict) else said
    if not isinstance(data, str):
        return None
    if kind == "svg" and data.lstrip().startswith("<"):
        return tag("img", src=f"data:image/svg+xml,{quote(data)}", alt="a picture", class_="picture")
    data = data.partition("base64,")[2] or data
    if not BASE64.issuperset(data):
        return None
    return tag("img", src=f"data:{PICTURES[kind]};base64,{data}", alt="a picture", class_="picture")


def _file(content: str, name: str) -> Markup:
    if not BASE64.issuperset(content):
        return value({"file": content, "filename": name})
    return tag("a", f"Download {name}", href=f"data:application/octet-stream;base64,{content}", download=name)


def _folded(rest: Json) -> Markup:
    return tag("details", tag("summary", "The rest of the result"), value(rest), id_="rest")


def _error_in(told: Json) -> Json:
    said = told.get("error") if isinstance(told, dict) else None
    return said if isinstance(said, dict) else None
