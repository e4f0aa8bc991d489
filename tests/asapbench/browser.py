"""Headless Chromium over the DevTools protocol: what a page says, asks for and looks like."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
LEFT_OUT = "no Chromium on this machine: apt-get install chromium"
_LISTENING = re.compile(r"DevTools listening on (ws://\S+)")
_PATIENCE = 60.0


class Page:
    """A page that is open: its messages, its requests, what its script gives."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._calls = 0
        self._session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Any:
        """Ask the browser; raises RuntimeError where it refuses."""
        self._calls += 1
        asked = {"id": self._calls, "method": method, "params": params, **self._session}
        self._socket.send(json.dumps(asked))
        while True:
            message = json.loads(self._socket.recv(_PATIENCE))
            if message.get("id") != self._calls:
                self.events.append(message)
            elif "error" in message:
                raise RuntimeError(f"{method}: {message['error']}")
            else:
                return message["result"]

    def resize(self, width: int, height: int, *, phone: bool = False, dark: bool = False) -> Self:
        """The window, as it is from now on."""
        size: dict[str, Any] = {"width": width, "height": height, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", deviceScaleFactor=1, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def open(self, place: Path | str) -> Self:
        """Load a file or an address and wait until it has drawn."""
        self.events.clear()
        url = place if isinstance(place, str) else place.resolve().as_uri()
        self.call("Page.navigate", url=url)
        self.value(
            "new Promise((done) => { const look = () => document.readyState === 'complete' &&"
            " (!document.getElementById('figures') || document.documentElement.dataset.drawn)"
            " ? done(true) : setTimeout(look, 20); look(); })"
        )
        return self

    def value(self, script: str) -> Any:
        """What an expression gives, or the promise that it is."""
        asked = {"expression": script, "awaitPromise": True, "returnByValue": True}
        found = self.call("Runtime.evaluate", **asked)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def complaints(self) -> list[str]:
        """Errors and warnings that the console shows, exceptions that nothing caught."""
        return [
            json.dumps(event["params"])
            for event in self.events
            if event["method"] == "Runtime.exceptionThrown"
            or (
                event["method"] == "Runtime.consoleAPICalled"
                and event["params"]["type"] in {"error", "warning", "assert"}
            )
            or (
                event["method"] == "Log.entryAdded"
                and event["params"]["entry"]["level"] in {"error", "warning"}
            )
        ]

    def requests(self) -> list[str]:
        """Every address that the page asked for; the content of data: is left out."""
        found = [e["params"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [asked["request"]["url"].partition(",")[0] for asked in found]

    def screenshot(self, file: Path, *, whole: bool = False) -> None:
        """Draw the window, or the whole page, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"] if whole else None
        clip = {"clip": {**size, "scale": 1}} if size else {}
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole, **clip)
        file.write_bytes(base64.b64decode(shot["data"]))

    def print(self, file: Path) -> None:
        """Print the page as PDF."""
        printed = self.call("Page.printToPDF", preferCSSPageSize=True)
        file.write_bytes(base64.b64decode(printed["data"]))


@contextmanager
def browser() -> Iterator[Page]:
    """A page of a browser of its own, which ends with the block."""
    assert CHROMIUM, "no chromium here"
    with tempfile.TemporaryDirectory(prefix="asapbench-", ignore_cleanup_errors=True) as home:
        command = [CHROMIUM, "--headless=new", "--remote-debugging-port=0"]
        # in a container there is often no user but root, and hardly any shared memory
        command += ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run"]
        command += ["--disable-background-networking", "--hide-scrollbars"]
        command += [f"--user-data-dir={home}", "about:blank"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                with connect(_address(process), max_size=None) as socket:
                    yield Page(socket)
            finally:
                process.terminate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr
    said = []
    for line in process.stderr:
        said.append(line)
        if found := _LISTENING.search(line):
            return found[1]
    raise RuntimeError(f"chromium ended: {''.join(said)}")
