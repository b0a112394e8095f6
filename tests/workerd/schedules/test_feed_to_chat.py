"""`acr new feed_to_chat`, on the real runtime, between an RSS feed and a chat, both on this machine.

Proves: what is new is told once each, through a kill -9 in the middle of a send and one in the middle of a poll. Sends
are at least once: the one that the chat had not answered at the kill, and no other, comes again.
"""

import json
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from xml.sax.saxutils import escape

import httpx
import pytest

from fixtures.serving import serving
from workerd.durable.soak import kill
from workerd.local_platform import running_platform

pytestmark = pytest.mark.workerd

WITHIN_S = 60
TELL = """\
  tell:
    component: http_request
    method: POST
    url: "{chat}/chat"
    body_json: {{text: '{{{{input.title}}}} {{{{input.url}}}}'}}
"""


class FeedAndChat(ThreadingHTTPServer):
    """GET answers the feed of `articles`, the newest first; POST is a message, noted in `told`.

    While `holds` it answers neither the message of the article `held` nor, where that is "", the feed.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.articles = ["one"]
        self.told = Counter[str]()
        self.held: str | None = None
        self.is_holding, self.goes_on = Event(), Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def hold(self, article: str) -> None:
        self.held = article
        self.is_holding.clear()
        self.goes_on.clear()

    def release(self) -> None:
        self.held = None
        self.goes_on.set()

    def render(self) -> bytes:
        items = (
            f"<item><title><![CDATA[{each} & more]]></title><link>https://example.com/{each}?a&amp;b</link>"
            f"<guid>urn:{escape(each)}</guid></item>"
            for each in self.articles
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{"".join(items)}</channel></rss>'.encode()


class _Handler(BaseHTTPRequestHandler):
    server: FeedAndChat

    def do_GET(self) -> None:
        self._wait_if("")
        self._answer("application/rss+xml", self.server.render())

    def do_POST(self) -> None:
        text: str = json.loads(self.rfile.read(int(self.headers["content-length"])))["text"]
        self.server.told[text] += 1
        self._wait_if(text.partition(" ")[0])
        self._answer("application/json", b'{"ok": true}')

    def _wait_if(self, article: str) -> None:
        if self.server.held == article:
            self.server.is_holding.set()
            self.server.goes_on.wait(WITHIN_S)

    def _answer(self, content_type: str, body: bytes) -> None:
        with suppress(OSError):  # whoever has asked is gone
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def point(file: Path, url: str) -> None:
    """Write the feed and the chat into the new file: the chat is one that takes messages over HTTP."""
    text = file.read_text()
    text = text.replace("https://example.com/feed.xml", f"{url}/feed.xml").replace("example.com]", f'"{url[7:]}"]')
    begin, end = text.index("  tell:\n"), text.index("    retry: {max_attempts: 5}")
    file.write_text(text[:begin] + TELL.format(chat=url) + text[end:])


def told_of(*articles: str) -> Counter[str]:
    return Counter(f"{each} & more https://example.com/{each}?a&b" for each in articles)


def until(holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.1)


def count_ended(client: httpx.Client) -> int:
    runs = client.get("/runs?workflow=feed_to_chat&trigger=watch&status=success").json()["data"]["runs"]
    return len(runs)


def test_a_feed_is_told_to_a_chat_once_each_through_kills(tmp_path: Path) -> None:
    with serving(FeedAndChat()) as outside:
        with running_platform(tmp_path) as platform, platform.executor as client:
            file = tmp_path / "feed_to_chat.yaml"
            made = platform.acr("new", "feed_to_chat", str(file))
            assert made.returncode == 0, made.stderr
            point(file, outside.url)
            pushed = platform.acr("push", str(file))
            assert pushed.returncode == 0, pushed.stderr
            first = platform.acr("schedule", "run", "feed_to_chat")
            assert "1 listed, 0 new" in first.stdout, first.stderr
            outside.articles = ["four", "three", "two", *outside.articles]
            outside.hold("three")
            assert "4 listed, 3 new" in platform.acr("schedule", "run", "feed_to_chat").stdout
            until(lambda: outside.is_holding.is_set() and count_ended(client) == 2)
            kill(platform)
        assert outside.told == told_of("two", "three", "four")
        outside.articles = ["five", *outside.articles]
        with running_platform(tmp_path) as platform, platform.executor as client:
            until(lambda: outside.told.total() == 4)
            outside.release()
            until(lambda: count_ended(client) == 3)
            outside.hold("")
            client.post("/schedules/feed_to_chat/run", json={}).raise_for_status()
            assert outside.is_holding.wait(WITHIN_S)
            kill(platform)
        outside.release()
        with running_platform(tmp_path) as platform, platform.executor as client:
            until(lambda: platform.acr("schedule", "run", "feed_to_chat").returncode == 0)
            until(lambda: count_ended(client) == 4)
            assert "5 listed, 0 new" in platform.acr("schedule", "run", "feed_to_chat").stdout
            time.sleep(2)  # for what would be told again
            assert count_ended(client) == 4
        assert outside.told == told_of("two", "three", "three", "four", "five")
