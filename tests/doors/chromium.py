"""Chromium without a screen, driven over its debugging pipe: no driver program and no client library is needed."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import needs
from tests.patience import PATIENCE

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--remote-debugging-pipe", "--disable-extensions",
    "--disable-dev-shm-usage", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip


@dataclass
class Tab:
    """One page. `problems` collects console errors, exceptions, failed requests and violated policies."""

    _browser: Browser
    _session: str
    context: str
    problems: list[str] = field(default_factory=list)
    _loading: int = 0
    _statuses_allowed: set[int] = field(default_factory=set)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command of the debugging protocol and return its result."""
        return self._browser.call(method, params, self._session)

    def shape(self, width: int, height: int, theme: str) -> None:
        """Set size and colour scheme; below 720 px it is a phone with a touch screen."""
        phone = width < 720
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=phone,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def open(self, url: str) -> None:
        """Open an address and wait until it has loaded."""
        self.call("Page.navigate", url=url)
        self.settle()

    def settle(self) -> None:
        """Wait until the page is loaded and no htmx request is under way."""
        ready = (
            "document.readyState === 'complete' && !document.querySelector('.htmx-request') "
            "&& typeof htmx !== 'undefined'"
        )
        self.until(ready)
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise AssertionError(
                found["exceptionDetails"].get("exception", {}).get("description", str(found))
            )
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.run(f"Boolean({script})"):
                    return
            except AssertionError:
                pass
            time.sleep(0.03)
        raise AssertionError(f"never true: {script}\n{self.run('document.body.innerText.slice(0, 600)')}")

    def text(self, selector: str = "body") -> str:
        """Return the text that a person sees in an element; a page that has only begun to come in is waited for."""
        self.until(f"document.querySelector({json.dumps(selector)})")
        return str(self.run(f"document.querySelector({json.dumps(selector)}).innerText"))

    def fill(self, selector: str, value: str) -> None:
        """Type into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).focus()")
        self.run(f"document.querySelector({json.dumps(selector)}).select?.()")
        self.call("Input.insertText", text=value)

    def click(self, selector: str) -> None:
        """Press what the selector finds first, with the pointer, where it stands."""
        spot = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView({{block: 'center'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=spot[0], y=spot[1], button="left", clickCount=1
            )

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file in a field for files."""
        found = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=[str(path)], objectId=found["result"]["objectId"])

    def pick(self, selector: str, value: str) -> None:
        """Choose an option, as a person does: the page hears of it."""
        self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change', {bubbles: true})) })()"
        )

    def press(self, key: str, ctrl: bool = False) -> None:
        """Press a key."""
        code = {"k": 75, "Enter": 13, "ArrowDown": 40, "Tab": 9, "Escape": 27, "d": 68, "z": 90}[key]
        names = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **names, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **names)

    def too_wide(self) -> list[str]:
        """Return what sticks out of the page to the right; empty when nothing scrolls sideways."""
        return list(
            self.run(
                "(() => { const w = document.documentElement.clientWidth;"
                " if (document.documentElement.scrollWidth <= w) return [];"
                " return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > w + 1"
                " && !e.closest('.table, pre, .rail')).slice(0, 8).map(e => e.tagName + '.' + e.getAttribute('class')) })()"
            )
        )

    def shot(self, path: Path, whole: bool = True) -> None:
        """Keep a picture of the page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def hear(self, event: dict[str, Any]) -> None:
        """Take note of what the browser says."""
        method, params = event["method"], event.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.problems.append(
                f"exception: {details.get('exception', {}).get('description', details['text'])}"
            )
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(
                "console: " + " ".join(str(a.get("value", a.get("description"))) for a in params["args"])
            )
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            entry = params["entry"]
            slow = (
                "GPU stall due to ReadPixels" in entry["text"]
            )  # of a graphics driver in software, while somebody takes a picture
            if entry.get("source") != "network" and not slow:
                self.problems.append(f"{entry.get('source')}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.loadingFailed" and not params.get("canceled"):
            self.problems.append(
                f"failed request: {params.get('errorText')} {params.get('blockedReason', '')}"
            )
        elif method == "Network.responseReceived" and params["response"]["status"] >= 400:
            if params["response"]["status"] not in self._statuses_allowed:
                self.problems.append(f"{params['response']['status']} {params['response']['url']}")
        elif method == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith((self._browser.origin, "data:", "about:")):
                self.problems.append(f"request to elsewhere: {url}")

    @contextmanager
    def allowing(self, *statuses: int) -> Iterator[None]:
        """Expect answers with these statuses inside the block."""
        self._statuses_allowed = set(statuses)
        yield
        self._statuses_allowed = set()


class Browser:
    """A Chromium with a profile of its own.

    Parameters
    ----------
    origin
        The only place that its pages may ask, `http://127.0.0.1:8420`.
    """

    def __init__(self, profile: Path, origin: str) -> None:
        path = needs.chromium()
        assert path is not None
        self.origin = origin
        (ours_read, theirs_write), (theirs_read, ours_write) = os.pipe(), os.pipe()

        def take_places() -> None:
            read, write = os.dup(theirs_read), os.dup(theirs_write)
            os.dup2(read, 3)
            os.dup2(write, 4)

        self._process = subprocess.Popen(
            [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(3, 4),
            preexec_fn=take_places,
        )
        os.close(theirs_read)
        os.close(theirs_write)
        os.set_blocking(ours_read, False)
        self._read, self._write = ours_read, ours_write
        self._number, self._held = 0, b""
        self._tabs: dict[str, Tab] = {}

    def call(
        self, method: str, params: dict[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """Send a command and wait for its result; events that come meanwhile go to their tabs."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for said in self._said():
                if said.get("id") == self._number:
                    if "error" in said:
                        raise AssertionError(f"{method}: {said['error']}")
                    return dict(said["result"])
                if "method" in said and said.get("sessionId") in self._tabs:
                    self._tabs[said["sessionId"]].hear(said)
        raise AssertionError(f"Chromium did not answer {method}")

    def _said(self) -> Iterator[dict[str, Any]]:
        try:
            got = os.read(self._read, 1 << 20)
            if not got:
                raise AssertionError("Chromium has ended")
            self._held += got
        except BlockingIOError:
            time.sleep(0.002)
        while b"\0" in self._held:
            one, self._held = self._held.split(b"\0", 1)
            yield json.loads(one)

    def tab(self) -> Tab:
        """Open a page with cookies of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", {"url": "about:blank", "browserContextId": context})[
            "targetId"
        ]
        session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session, context)
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        return tab

    def close_tabs(self) -> None:
        """Close every page, with its cookies."""
        tabs, self._tabs = self._tabs, {}
        for tab in tabs.values():
            self.call("Target.disposeBrowserContext", {"browserContextId": tab.context})

    def close(self) -> None:
        """End the browser."""
        try:
            self.call("Browser.close")
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(PATIENCE)
        os.close(self._read)
        os.close(self._write)
