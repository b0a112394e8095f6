"""A real browser for tests: a headless Chromium, driven over its DevTools protocol.

The protocol runs over two pipes (--remote-debugging-pipe), a JSON message and a NUL after each other, so that no port
and no client library is needed. https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workerd.local_platform import ROOT

MAX_WAIT_S = 20
# --no-sandbox: Chromium's own sandbox, which root cannot have. The rest: no request to anything but the tests' own.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)


class BrowserError(Exception):
    """The browser refused a command, or the page's script failed."""


@dataclass
class Browser:
    """A running browser. `events` are those that nothing has waited for yet."""

    _to: int
    _from: int
    _number: int = 0
    _rest: bytes = b""
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Give a command. Raises BrowserError, TimeoutError."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + MAX_WAIT_S
        while number not in self._answers:
            self._read(deadline, method)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def wait_for(self, method: str, session: str) -> dict[str, Any]:
        """The parameters of the next event of this kind. Raises TimeoutError."""
        deadline = time.monotonic() + MAX_WAIT_S
        while True:
            for i, event in enumerate(self.events):
                if (event["method"], event.get("sessionId")) == (method, session):
                    params: dict[str, Any] = self.events.pop(i)["params"]
                    return params
            self._read(deadline, method)

    def _read(self, deadline: float, awaited: str) -> None:
        if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError(f"The browser did not answer: {awaited}")
        *messages, self._rest = (self._rest + os.read(self._from, 1 << 20)).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self.events.append(message)

    @contextmanager
    def new_page(self) -> Iterator["Page"]:
        """A page with a cookie jar of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable", session)
        try:
            yield Page(self, session, context)
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)
            self.events.clear()


@dataclass(frozen=True)
class Page:
    browser: Browser
    session: str
    context: str

    def open(self, url: str) -> None:
        """Load a URL, as if it had been typed, and wait until it has loaded."""
        self.browser.events.clear()
        self.browser.call("Page.navigate", self.session, url=url)
        self.wait_until_loaded()

    def wait_until_loaded(self) -> None:
        self.browser.wait_for("Page.loadEventFired", self.session)

    def run(self, script: str) -> Any:
        """The JSON value of an expression in the page, awaited if it is a promise."""
        options = {"expression": script, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        answer = self.browser.call("Runtime.evaluate", self.session, **options)
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def set_cookie(self, url: str, name: str, value: str, **attributes: Any) -> None:
        cookie = {"url": url, "name": name, "value": value, **attributes}
        self.browser.call("Storage.setCookies", browserContextId=self.context, cookies=[cookie])

    def list_cookies(self) -> dict[tuple[str, str], str]:
        """The values of all cookies by their names and paths."""
        cookies = self.browser.call("Storage.getCookies", browserContextId=self.context)["cookies"]
        return {(cookie["name"], cookie["path"]): cookie["value"] for cookie in cookies}


@contextmanager
def running_browser(folder: Path) -> Iterator[Browser]:
    """Run a browser whose profile is in `folder`. It is installed if it is missing, which takes root."""
    found = subprocess.run([ROOT / "scripts/browser"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    command = [found.stdout.strip(), *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
    piped = ["bash", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out}', "browser", *command]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(piped, pass_fds=(their_in, their_out), stdin=nothing, stdout=nothing, stderr=nothing)
    os.close(their_in)
    os.close(their_out)
    browser = Browser(our_out, our_in)
    try:
        yield browser
        browser.call("Browser.close")
        process.wait(MAX_WAIT_S)
    finally:
        process.kill()
        process.wait()
        os.close(our_out)
        os.close(our_in)
