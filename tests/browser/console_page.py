"""The console in a real browser, and what must not happen there: an error in its log or in its scripts, something that
its Content-Security-Policy refuses, a request that leaves its origin.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)

from workerd.local_platform import API_KEY, ROOT, LocalPlatform

MAX_WAIT_MS = 20_000
WIDE, PHONE = (1280, 800), (360, 740)
# --no-sandbox: Chromium's own, which root cannot have. The rest: it asks nobody but the tests' own.
OPTIONS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
AXE = ROOT / "node_modules/axe-core/axe.min.js"
PASTE = """(element, text) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  element.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""
FAILED = ROOT / "build/browser-failed.png"  # what the last page that failed looked like
Scheme = Literal["light", "dark"]


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Debian's browser, which is installed if it is missing; that takes root."""
    found = subprocess.run([ROOT / "scripts/browser"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    expect.set_options(timeout=MAX_WAIT_MS)
    with sync_playwright() as playwright:
        browser = start_browser(playwright, found.stdout.strip())
        yield browser
        browser.close()


def start_browser(playwright: Playwright, path: str) -> Browser:
    return playwright.chromium.launch(executable_path=path, args=[*OPTIONS])


@dataclass
class Watch:
    """What went wrong in a browser's pages. What a test provokes it allows, as a pattern."""

    origin: str
    faults: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def follow(self, context: BrowserContext) -> None:
        context.on("console", self._told)
        context.on("weberror", lambda error: self.faults.append(f"page error: {error.error}"))
        context.on("request", self._asked)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:", "blob:", "about:")):
            self.faults.append(f"outside: {request.url}")

    def check(self) -> None:
        found = [fault for fault in self.faults if not any(re.search(pattern, fault) for pattern in self.allowed)]
        assert not found, "\n".join(found)


@dataclass
class Console:
    """A page of the console. `page` is the browser's own, for what has no name here."""

    page: Page
    platform: LocalPlatform
    watch: Watch

    @property
    def origin(self) -> str:
        return self.platform.urls["executor"]

    def sign_in(self, key: str = API_KEY) -> None:
        """The one place where a test signs in: a person pastes a key."""
        self.page.goto(f"{self.origin}/console/")
        self.enter_key(key)
        self.page.locator(".frame").wait_for()

    def enter_key(self, key: str) -> None:
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()

    def open(self, route: str) -> None:
        """Go to a view, as by a link, and wait until it shows what it loads."""
        self.page.evaluate("route => { location.hash = route }", f"#/{route}")
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is on its way, and nothing says that it is loading."""
        self.page.wait_for_load_state("networkidle")
        expect(self.page.locator("main .loading")).to_have_count(0)

    @property
    def editor(self) -> Any:
        """What one types a workflow into."""
        return self.page.locator(".cm-content")

    def write(self, text: str) -> None:
        """Paste over the workflow's whole text."""
        self.editor.click()
        self.page.keyboard.press("Control+a")
        self.editor.evaluate(PASTE, text)

    def read_text(self) -> str:
        """What stands in the editor, as far as it is shown: CodeMirror draws what can be seen."""
        return "\n".join(self.page.locator(".cm-line").all_inner_texts())

    def find_violations(self, *rules: str) -> list[str]:
        """What axe finds wrong with the page as it is; with `rules` those alone."""
        self.page.evaluate(f"{_axe()}; undefined")
        options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
        found = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]


@cache
def _axe() -> str:
    return AXE.read_text()


@contextmanager
def new_page(
    browser: Browser, platform: LocalPlatform, size: tuple[int, int] = WIDE, scheme: Scheme = "light"
) -> Iterator[Console]:
    """A page with a cookie jar of its own, not signed in. At its end nothing may have gone wrong."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB", timezone_id="Europe/Berlin"
    )
    context.set_default_timeout(MAX_WAIT_MS)
    watch = Watch(platform.urls["executor"])
    watch.follow(context)
    page = context.new_page()
    try:
        yield Console(page, platform, watch)
        watch.check()
    except BaseException:
        page.screenshot(path=FAILED, full_page=True)
        raise
    finally:
        context.close()


@contextmanager
def signed_in(
    browser: Browser, platform: LocalPlatform, size: tuple[int, int] = WIDE, scheme: Scheme = "light"
) -> Iterator[Console]:
    with new_page(browser, platform, size, scheme) as console:
        console.sign_in()
        yield console
