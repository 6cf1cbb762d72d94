"""The page of resources and variables: what there is, with what is secret hidden."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from metaflow_windmill.devserver.catalog import resources, variables
from metaflow_windmill.devserver.catalog.scopes import Need
from metaflow_windmill.devserver.pages import layout
from metaflow_windmill.devserver.pages.markdown_html import rendered
from metaflow_windmill.devserver.pages.markup import Markup, tag, text
from metaflow_windmill.devserver.pages.viewer import html
from metaflow_windmill.secret_forms import forms_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from metaflow_windmill.devserver.pages.viewer import Viewer
    from metaflow_windmill.types import Json

HIDDEN = "••••••"
SHORTEST = 4
"""Characters of a secret that is hidden wherever it stands."""

REFERENCE = re.compile(r"\$(var|jsonvar|res):[\w/-]+", re.ASCII)
SECRET_NAME = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|credential|(^|_|-|[a-z])(api|access|private|account|signing|encryption)"
    r"[_-]?key|^key$|auth|pwd|signature|connection_?string|dsn|sas|pem|cookie|private",
    re.IGNORECASE,
)
"""Names of members that hold what nobody should read over a shoulder."""

PASSWORD_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]*@")


def every(viewer: Viewer) -> Response:
    """Show the resources and the variables of a workspace."""
    viewer.check(Need("resources", "read"))
    viewer.check(Need("variables", "read"))
    return html(
        viewer,
        "resources",
        layout.card("Resources", _resources(viewer)),
        layout.card("Variables", _variables(viewer)),
    )


def hidden(value: Json, secrets: Iterable[str], *, named: str = "") -> Json:
    """Return a value without what is secret in it.

    Parameters
    ----------
    value : JSON value
    secrets : iterable of str
        Texts that are hidden wherever they stand.
    named : str
        The name of the member that holds the value.
    """
    known = tuple(secrets)
    if isinstance(value, dict):
        return {
            str(hidden(name, known)): hidden(
                inner, known, named=name if not SECRET_NAME.search(named) else named
            )
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [hidden(inner, known, named=named) for inner in value]
    if isinstance(value, str) and REFERENCE.fullmatch(value):
        return value
    if SECRET_NAME.search(named) and value not in (None, "", True, False):
        return HIDDEN
    return _without(value, known) if isinstance(value, str) else value


def _without(text_: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        for form in forms_of(secret, SHORTEST):
            text_ = text_.replace(form, HIDDEN)
    return PASSWORD_IN_ADDRESS.sub(f"{HIDDEN}@", text_) if "://" in text_ else text_


def _resources(viewer: Viewer) -> Markup:
    services, workspace = viewer.services, viewer.workspace
    connection = services.database.read()
    secrets = services.catalog.secrets(workspace)
    types = {row["name"]: row["schema"] for row in resources.types(connection, workspace)}
    rows = []
    for row in resources.listed(connection, workspace):
        value = resources.value(connection, workspace, row["path"])
        shown = hidden(_by_type(value, types.get(row["resource_type"])), secrets)
        description = rendered(row["description"]) if row["description"] else text("")
        rows.append([row["path"], row["resource_type"], description, _folded(row["path"], shown)])
    nothing = "There are no resources."
    return layout.table(("Resource", "Type", "Description", "Value"), rows, nothing)


def _by_type(value: Json, schema: Json) -> Json:
    """Return the value of a resource without the members that its type calls passwords."""
    told = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(value, dict) or not isinstance(told, dict):
        return value
    return {
        name: HIDDEN if inner and _is_password(told.get(name)) and not _refers(inner) else inner
        for name, inner in value.items()
    }


def _is_password(said: Json) -> bool:
    return isinstance(said, dict) and bool(said.get("password") or said.get("format") == "password")


def _refers(value: Json) -> bool:
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def _folded(path: str, value: Json) -> Markup:
    written = json.dumps(value, indent=2, ensure_ascii=False)
    return tag("details", tag("summary", "Value"), tag("pre", written), id_=f"value-{path}")


def _variables(viewer: Viewer) -> Markup:
    found = variables.listed(viewer.services.database.read(), viewer.workspace, "")
    rows = [
        [
            row["path"],
            rendered(row["description"]) if row["description"] else text(""),
            tag("span", HIDDEN, title="a secret") if row["is_secret"] else _short(row["value"]),
        ]
        for row in found
    ]
    return layout.table(("Variable", "Description", "Value"), rows, "There are no variables.")


def _short(value: str) -> Markup:
    return tag("pre", value if len(value) <= 2000 else value[:2000] + "\n…")  # noqa: PLR2004
