"""The form that runs a flow or a script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.pages.fields import PREFIX, WHOLE
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.markup import Markup, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from metaflow_windmill.devserver.pages.fields import Field, Filled


def run_form(
    action: str,
    fields: Sequence[Field],
    filled: Filled,
    resources: Callable[[str], Sequence[str]],
    *,
    buttons: Sequence[Markup] = (),
    whole: bool = True,
) -> Markup:
    """Return the form.

    Parameters
    ----------
    action : str
        Where it is sent.
    fields : sequence of Field
    filled : Filled
        What stands in it at first.
    resources : callable
        Returns the paths of the resources of a type.
    buttons : sequence of Markup
        Instead of the one that runs.
    whole : bool
        Whether there is a field for all arguments where nothing says which there are.
    """
    made = [_row(each, filled, resources) for each in fields] or ([_whole(filled)] if whole else [])
    wrong = tag("p", "Nothing was done: see below.", class_="wrong") if filled.wrong else text("")
    ends = buttons or [tag("button", "Run", type="submit", class_="primary")]
    return tag("form", wrong, *made, *ends, method="post", action=action, class_="run")


def _row(each: Field, filled: Filled, resources: Callable[[str], Sequence[str]]) -> Markup:
    told = [tag("span", each.title, class_="title")]
    if each.required:
        told.append(tag("span", "required", class_="soft"))
    wrong = filled.wrong.get(each.name)
    return tag(
        "div",
        tag("label", *told, for_=PREFIX + each.name),
        rendered(each.description) if each.description else text(""),
        _input(each, filled.typed.get(each.name, ""), resources),
        tag("p", wrong, class_="wrong") if wrong else text(""),
        class_="field",
    )


def _input(each: Field, typed: str, resources: Callable[[str], Sequence[str]]) -> Markup:
    name = {"name_": PREFIX + each.name, "id_": PREFIX + each.name}
    if each.kind == "boolean":
        return _select(name, [("true", "yes"), ("false", "no")], typed or "false")
    if each.options and each.kind != "texts":
        options = [(_text(option), _text(option)) for option in each.options]
        nothing = [] if each.required or "" in each.options else [("", "")]
        return _select(name, [*nothing, *options], typed)
    if each.kind == "resource":
        found = [(f"$res:{path}", path) for path in resources(each.resource_type)]
        none = f"no resource of type {each.resource_type}" if not found else ""
        return _select(name, [("", none), *found], typed)
    if each.kind in ("long", "bytes", "texts", "json"):
        hint = {"texts": "one a line", "json": "JSON"}.get(each.kind)
        return tag("textarea", typed, **name, rows=max(2, min(12, typed.count("\n") + 2)), placeholder=hint)
    kind = {"secret": "password"}.get(each.kind, "text")
    mode = {"integer": "numeric", "number": "decimal"}.get(each.kind)
    return tag(
        "input",
        **name,
        type=kind,
        value=typed,
        inputmode=mode,
        placeholder=each.placeholder or None,
        required=each.required,
        autocomplete="off",
    )


def _select(name: dict[str, str], options: Sequence[tuple[str, str]], typed: str) -> Markup:
    known = [*options] if typed in [value for value, _ in options] else [*options, (typed, typed)]
    made = [tag("option", words, value=value, selected=value == typed) for value, words in known]
    return tag("select", *made, **name)


def _whole(filled: Filled) -> Markup:
    typed = filled.typed.get(WHOLE, "")
    wrong = filled.wrong.get(WHOLE)
    return join(
        [
            tag("p", "It says nothing of its arguments; without any, leave this empty.", class_="soft"),
            tag("textarea", typed, name_=WHOLE, rows=3, placeholder='{"name": "value"}'),
            tag("p", wrong, class_="wrong") if wrong else text(""),
        ]
    )


def _text(option: object) -> str:
    return option if isinstance(option, str) else json.dumps(option, ensure_ascii=False)
