"""A headless browser for tests: started once, told what to do by a pipe, watched for what it asks for."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from select import select
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WITHIN = 60.0

MOVE = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
"""Puts the pipes where a browser looks for them: it reads commands from descriptor 3 and answers on 4."""


@dataclass
class Browser:
    """A browser with one tab.

    Parameters
    ----------
    to, back : int
        The ends of the pipe.
    asked : list of str
        The addresses that pages asked for, so far.
    said : list of str
        What the pages' consoles and dialogues said.
    """

    to: int
    back: int
    session: str = ""
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    last: int = 0
    rest: bytes = b""

    def command(self, method: str, **parameters: Any) -> Any:
        """Send a command of the DevTools protocol, and return its answer."""
        self.last += 1
        message = {"id": self.last, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def open(self, address: str, width: int = 1200, *, dark: bool = False) -> None:
        """Open an address in a window of a width, and wait until it is loaded."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", features=[scheme, still])
        self.events.clear()
        self.command("Page.navigate", url=address)
        while "Page.loadEventFired" not in self.events:
            self._next()

    def value(self, expression: str) -> Any:
        """Return what an expression is on the page; a promise is waited for."""
        answer = self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def go(self, expression: str) -> None:
        """Do something on the page that leads to another one, and wait until that is loaded."""
        self.events.clear()
        self.value(f"void ({expression})")
        while "Page.loadEventFired" not in self.events:
            self._next()

    def until(self, condition: str) -> None:
        """Wait until an expression holds on the page, which looks whenever it changes."""
        self.value(
            "new Promise((done) => { const look = () => { if ("
            + condition
            + ") { watch.disconnect(); done(); } };"
            " const watch = new MutationObserver(look);"
            " watch.observe(document, {subtree: true, childList: true, attributes: true}); look(); })"
        )

    def text(self) -> str:
        """Return what a person reads on the page."""
        return str(self.value("document.body.innerText"))

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        return int(self.value("document.documentElement.scrollWidth - document.documentElement.clientWidth"))

    def picture(self, path: Path) -> None:
        """Keep the whole page as a picture."""
        size = self.command("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 4000), "scale": 1}
        taken = self.command("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + WITHIN
        while b"\0" not in self.rest:
            ready, _, _ = select([self.back], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"the browser said nothing for {WITHIN} seconds"
            found = os.read(self.back, 1 << 20)
            assert found, "the browser has ended"
            self.rest += found
        line, _, self.rest = self.rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        self.events.append(method)
        if method == "Network.requestWillBeSent":
            self.asked.append(told["request"]["url"])
        elif method == "Runtime.consoleAPICalled":
            self.said += [str(each.get("value")) for each in told["args"]]
        elif method == "Page.javascriptDialogOpening":
            self.said.append(told["message"])


@contextmanager
def running_browser(directory: Path) -> Iterator[Browser]:
    """Start a browser, and end it."""
    inside, to = os.pipe()
    back, outside = os.pipe()
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
    command += [f"--user-data-dir={directory}", "--no-first-run", "--disable-background-networking"]
    moved = [sys.executable, "-c", MOVE, str(inside), str(outside), *command]
    process = subprocess.Popen(
        moved,
        pass_fds=(inside, outside),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(inside)
    os.close(outside)
    try:
        browser = Browser(to, back)
        tab = browser.command("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.command("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            browser.command(f"{domain}.enable")
        browser.command("Emulation.setScrollbarsHidden", hidden=True)
        yield browser
    finally:
        process.terminate()
        process.wait(30)
        os.close(to)
        os.close(back)
