"""What a Windmill server lets its token do: who it is, where it may deploy, and which scripts are there."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote

from metaflow_windmill import __version__
from metaflow_windmill.client.answers import checked, words
from metaflow_windmill.client.models import User, moment
from metaflow_windmill.client.server_version import read_version
from metaflow_windmill.client.site import TOOL, sign_in
from metaflow_windmill.client.transport import Request
from metaflow_windmill.client.windmill import Windmill
from metaflow_windmill.deployment.placed.server_support import check_server
from metaflow_windmill.errors import DeployError, NotFound, Unauthorized, WindmillError
from metaflow_windmill.workspace.doctor.findings import Finding
from metaflow_windmill.workspace.doctor.machine import clock_finding
from metaflow_windmill.workspace.installing.library import without_archive
from metaflow_windmill.workspace.installing.shipped import shipment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from metaflow_windmill.client.transport import Transport
    from metaflow_windmill.types import Json

SCRIPT = "f/metaflow/doctor"
_EDITION = re.compile(r"(CE|EE) ")
_REQUIREMENT = re.compile(r"^# ?(metaflow-windmill@\S*)$", re.MULTILINE)
_PREFIX = 10
"""Windmill shows a token by so many characters."""
_SOON = timedelta(days=7)
_INSTALL = "Run `metaflow-windmill install`."


@dataclass(frozen=True)
class InspectedSite:
    """A workspace of a server, and where flows are deployed there.

    Parameters
    ----------
    transport : Transport
    host : str
    workspace : str
    folder : str
        Such as ``f/flows``.
    """

    transport: Transport
    host: str
    workspace: str
    folder: str

    @property
    def windmill(self) -> Windmill:
        """The calls of the workspace."""
        return Windmill(self.transport, self.workspace)

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Return the JSON at a path below ``/api``."""
        request = Request("GET", path, query or {})
        return checked(request, self.transport.send(request)).json(request)

    def find_script(self, path: str) -> str | None:
        """Return the text of a script of the workspace, None where there is none."""
        try:
            found = self.get(f"/w/{quote(self.workspace)}/scripts/get/p/{quote(path)}")
        except NotFound:
            return None
        return None if found.get("archived") else str(found["content"])


def host_findings(transport: Transport, host: str) -> list[Finding]:
    """Return whether a Windmill answers, which one, and how far its clock is from ours."""
    request, before = Request("GET", "/version"), time.time()
    try:
        response = checked(request, transport.send(request))
    except Unauthorized:  # as newer servers answer the token of a job, since the route names no workspace
        return [Finding("host", "ok", f"{host} does not tell a job its version, so it was not compared.")]
    except WindmillError as why:
        return [Finding("host", "bad", sentence(why), f"Look whether {host} opens in a browser.")]
    date = response.headers.get("date", "")
    return [version_finding(host, words(response)), clock_finding(date, before, time.time())]


def version_finding(host: str, said: str) -> Finding:
    """Return whether what a host says is the version of a Windmill that is new enough."""
    version = read_version(said) if _EDITION.match(said) else None
    if version is None:
        return Finding(
            "host",
            "bad",
            f"{host} answers, but not as Windmill does: {said[:80]!r}.",
            "Set WINDMILL_HOST to the address of the server, without a path behind it.",
        )
    try:
        remark = check_server(host, version)
    except DeployError as why:
        return Finding("host", "bad", sentence(why), "Upgrade the server.")
    if remark:
        advice = "What is known of versions stands in docs/compatibility.md."
        return Finding("host", "warn", f"{remark}.", advice)
    return Finding("host", "ok", f"{host} is Windmill {said}")


def site_findings(site: InspectedSite, token_prefix: str = "") -> Iterator[Finding]:
    """Yield what is to be said of the token, the workspace, the folder and the scripts.

    Parameters
    ----------
    site : InspectedSite
    token_prefix : str
        The beginning of the token, which finds it among the user's tokens; empty for a job's.
    """
    try:
        user = sign_in(site.windmill, site.host, TOOL)
    except NotFound as why:
        yield Finding("token", "ok", "The server knows it.")
        yield Finding("workspace", "bad", sentence(why), "Look for its id in Windmill's workspace settings.")
        return
    except WindmillError as why:
        yield from _turned_away(site, why)
        return
    yield token_finding(user, _entry(site, token_prefix[:_PREFIX]))
    yield rights_finding(user)
    yield Finding("workspace", "ok", site.workspace)
    yield safely("folder", lambda: folder_finding(site.folder, user, there=_has_folder(site)))
    yield safely("scripts", lambda: _scripts(site))


def token_finding(user: User, entry: Json, now: datetime | None = None) -> Finding:
    """Return whose a token is, until when and for what.

    Parameters
    ----------
    user : User
    entry : JSON value
        What ``users/tokens/list`` has of it; None where it is not there.
    now : datetime, optional
    """
    said = f"of {user.username} ({user.email})"
    expiration = moment(entry.get("expiration")) if entry else None
    if expiration is not None:
        said += f", until {expiration:%Y-%m-%d}"
    if entry and entry.get("scopes") is not None:
        scopes = ", ".join(entry["scopes"]) or "nothing"
        advice = "Whatever Windmill refuses may be due to this; a token without scopes may do all you may."
        return Finding("token", "warn", f"{said}, for {scopes} only.", advice)
    if expiration is not None and expiration - (now or datetime.now(timezone.utc)) < _SOON:
        return Finding("token", "warn", f"{said}.", "Make a new one in Windmill's account settings soon.")
    return Finding("token", "ok", said)


def rights_finding(user: User) -> Finding:
    """Return what the user may do."""
    if user.operator:
        return Finding(
            "rights",
            "bad",
            f"{user.username} is an operator, who may run flows and not deploy them.",
            "Ask an admin of the workspace to make you a developer.",
        )
    role = "superadmin" if user.is_super_admin else "admin" if user.is_admin else "developer"
    return Finding("rights", "ok", f"{user.username} is {'an' if role == 'admin' else 'a'} {role}")


def folder_finding(folder: str, user: User, *, there: bool) -> Finding:
    """Return whether the user may deploy into a folder such as ``f/flows`` or ``u/ada``."""
    kind, _, rest = folder.partition("/")
    name = rest.partition("/")[0]
    root = f"{kind}/{name}"
    advice = f"Ask one of its owners for write access, or set METAFLOW_WINDMILL_FOLDER (now {folder})."
    if kind == "u":
        mine = name == user.username or user.is_admin
        said = f"{user.username} may {'' if mine else 'not '}write to {root}"
        return Finding("folder", "ok", said) if mine else Finding("folder", "bad", f"{said}.", advice)
    if not there:
        said = f"{root} does not exist."
        if user.operator:
            return Finding("folder", "bad", said, "Ask an admin to make it.")
        return Finding("folder", "warn", said, "The first deployment makes it.")
    if user.may_write(name):
        return Finding("folder", "ok", f"{user.username} may write to {root}")
    return Finding("folder", "bad", f"{user.username} may not write to {root}.", advice)


def scripts_finding(shipped: Mapping[str, str], there: Mapping[str, str | None]) -> Finding:
    """Return whether the workspace's scripts are those that this version ships.

    Parameters
    ----------
    shipped, there : mapping of str to str
        Texts by path; None for what is not in the workspace. How well the library is compressed is left
        out of the comparison.
    """
    missing = sorted(path for path in shipped if there.get(path) is None)
    if len(missing) == len(shipped):
        said = "f/metaflow is not in the workspace. Without it flows are deployed from here only."
        return Finding("scripts", "warn", said, _INSTALL)
    changed = sorted(
        path
        for path, text in there.items()
        if text is not None and without_archive(text) != without_archive(shipped[path])
    )
    if missing or changed:
        said = "; ".join(
            f"{', '.join(paths)} {what}"
            for paths, what in ((missing, "missing"), (changed, "of another version"))
            if paths
        )
        return Finding("scripts", "warn", f"{said}.", _INSTALL)
    return Finding("scripts", "ok", f"{len(shipped)} in f/metaflow, {_brought(there) or __version__}")


def sentence(why: Exception) -> str:
    """Return an error's words as a sentence."""
    said = str(why).strip()
    return f"{said[:1].upper()}{said[1:]}" + ("" if said.endswith((".", "!", "?")) else ".")


def _turned_away(site: InspectedSite, why: WindmillError) -> Iterator[Finding]:
    """Yield why nobody was let in: for the token itself, or for the workspace."""
    known = safely("token", lambda: _known(site))
    if isinstance(why, Unauthorized) and known.state == "ok":
        yield known
        yield Finding("workspace", "bad", sentence(why), "Ask an admin of the workspace to add you.")
        return
    yield Finding("token", "bad", sentence(why), "Make a token in Windmill's account settings.")


def _known(site: InspectedSite) -> Finding:
    known = site.windmill.token_is_known()
    return Finding("token", "ok" if known else "bad", "The server knows it.")


def _has_folder(site: InspectedSite) -> bool:
    kind, _, rest = site.folder.partition("/")
    return kind == "u" or site.windmill.folder_exists(rest.partition("/")[0])


def _scripts(site: InspectedSite) -> Finding:
    there = {item.path: site.find_script(item.path) for item in shipment().scripts}
    shipped = {item.path: str(item.body["content"]) for item in shipment(_brought(there)).scripts}
    return scripts_finding(shipped, there)


def _entry(site: InspectedSite, prefix: str) -> Json:
    """Return what the server lists of a token; a token of few rights may not ask."""
    try:
        found = site.get("/users/tokens/list") if prefix else []
    except WindmillError:
        return None
    return next((item for item in found if item.get("token_prefix") == prefix), None)


def told(subject: str, look: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """Yield what a look finds, and why it ended where the server did not let it go on."""
    try:
        yield from look()
    except WindmillError as why:
        advice = "An admin's token without scopes may ask; see the line on rights."
        yield Finding(subject, "warn", f"It cannot be told: {sentence(why)}", advice)


def safely(subject: str, look: Callable[[], Finding]) -> Finding:
    """Return what a look found, or why the server does not let this token look."""
    try:
        return look()
    except WindmillError as why:
        return Finding(
            subject, "bad", sentence(why), "A token without scopes may ask; see the line on rights."
        )


def _brought(there: Mapping[str, str | None]) -> str:
    """Return the requirement by which scripts get this library; empty where it travels with them."""
    found = (_REQUIREMENT.search(text) for text in there.values() if text)
    return next((match[1] for match in found if match), "")
