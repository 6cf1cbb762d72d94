"""Whether a page of HTML can do anything but be looked at: read as a browser reads it."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import SplitResult, urlsplit

LOADS = {"src", "srcset", "poster", "background", "data", "codebase", "manifest", "ping", "xlink:href"}
"""Attributes by which a browser asks for something by itself."""
LEADS = {"href", "action", "formaction"}
ALLOWED = {"/static/live.js"}
DANGEROUS = {"object", "embed", "applet", "base", "style", "template", "math", "audio", "video", "frame"}


class Reader(HTMLParser):
    """Collects what is wrong with a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.frames: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag in DANGEROUS or (tag == "script" and said.get("src") not in ALLOWED):
            self.faults.append(f"<{tag}>")
        if tag == "meta" and "http-equiv" in said:
            self.faults.append("<meta http-equiv>")
        if tag == "iframe":
            self.frames.append(said.get("src", ""))
            if "sandbox" not in said or "allow-same-origin" in said["sandbox"] or "srcdoc" in said:
                self.faults.append("a frame without a sandbox")
        for name, value in said.items():
            self._attribute(tag, name, value)

    def _attribute(self, tag: str, name: str, value: str) -> None:
        address = urlsplit(value.strip())
        if name.startswith("on") or name == "style":
            self.faults.append(f"{tag} {name}")
        elif self._leads(name, address):
            self.faults.append(f"{tag} {name} {value[:80]}")
        elif name == "href" and tag == "link" and value not in ("/static/style.css", "data:,"):
            self.faults.append(f"link {value[:80]}")

    @staticmethod
    def _leads(name: str, address: SplitResult) -> bool:
        """Tell whether an attribute has the browser ask another place, or run an address."""
        if name in LOADS:
            return bool(address.netloc) or address.scheme not in ("", "data")
        return name in LEADS and address.scheme not in ("", "http", "https", "data", "mailto")


def faults(page: str) -> list[str]:
    """Return what in a page runs, loads from elsewhere or leads to code; nothing in one that is harmless."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader.faults
