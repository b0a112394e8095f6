"""`watch` on the real runtime: a feed is polled, what is new starts a run each, and only one if everything is killed
after the runs were decided and before they have begun.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.serving import serving
from workerd.durable.soak import platform_that_is_killed
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

COUNTS = (130, 10, 10, 10)  # new items before each kill; of the first ones no more than 100 begin at once
WITHIN_S = 60


class FeedServer(ThreadingHTTPServer):
    """A JSON Feed of `ids`, the newest first. While it `fails` it answers 404. `asked` counts the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.ids: list[str] = []
        self.fails = False
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/feed.json"

    def add(self, *ids: str) -> None:
        self.ids = [*ids, *self.ids]

    def render(self) -> bytes:
        items = [{"id": each, "url": f"https://example.com/{each}", "title": f"about {each}"} for each in self.ids]
        return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "News", "items": items}).encode()


class _Handler(BaseHTTPRequestHandler):
    server: FeedServer

    def do_GET(self) -> None:
        self.server.asked += 1
        body = self.server.render()
        self.send_response(404 if self.server.fails else 200)
        self.send_header("content-type", "application/feed+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        with suppress(OSError):  # whoever has asked is gone
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_feed() -> Iterator[FeedServer]:
    with serving(FeedServer()) as server:
        yield server


def workflow(url: str, **watch: Any) -> dict[str, Any]:
    asked = {"component": "http_request", "url": url, "every": "1h", "items": "{{data.body.items}}", **watch}
    return {
        "name": "news",
        "triggers": {"watch": {"key": "{{item.id}}", **asked}},
        "flow": ["input >> PIPE >> told"],
        "config": {"told": {"component": "set", "values": {"title": "{{input.title}}", "by": "{{request.trigger}}"}}},
    }


def push(client: httpx.Client, source: dict[str, Any]) -> None:
    answer = client.post("/webhooks", json={"workflow": source})
    assert answer.is_success, answer.text


def show(client: httpx.Client) -> dict[str, Any]:
    [schedule] = client.get("/schedules/news").json()["data"]["schedules"]
    shown: dict[str, Any] = schedule["watch"]
    return shown


def poll(platform: LocalPlatform, client: httpx.Client) -> dict[str, Any]:
    """Poll now. Returns what the list of schedules says of the watch when the poll has ended."""
    polled, shown = platform.acr("schedule", "run", "news"), show(client)
    if shown["error"]:
        assert (polled.returncode, shown["error"] in polled.stderr) == (1, True), polled.stderr
    else:
        told = f"polled: {shown['listed']} listed, {shown['started']} new"
        assert (polled.returncode, told in polled.stdout) == (0, True), polled.stderr
    return shown


def list_titles(client: httpx.Client) -> Counter[str]:
    runs = list[dict[str, Any]]()
    cursor: str | None = ""
    while cursor is not None:
        data = client.get(f"/runs?trigger=watch&status=success&limit=100{cursor}").json()["data"]
        runs += data["runs"]
        cursor = None if data["cursor"] is None else f"&cursor={data['cursor']}"
    records = (client.get(f"/runs/{run['run_id']}").json()["data"] for run in runs)
    return Counter(record["data"]["title"] for record in records)


def until_started(client: httpx.Client, count: int) -> Counter[str]:
    deadline_s = time.monotonic() + WITHIN_S
    while (titles := list_titles(client)).total() < count:
        assert time.monotonic() < deadline_s, titles
        time.sleep(0.5)
    return titles


def test_what_is_new_starts_a_run_each_and_the_commands_show_it(tmp_path: Path) -> None:
    with running_feed() as feed, running_platform(tmp_path) as platform, platform.executor as client:
        feed.add("1", "2")
        file = tmp_path / "news.yaml"
        file.write_text(json.dumps(workflow(feed.url)))
        pushed = platform.acr("push", str(file))
        assert pushed.returncode == 0, pushed.stderr
        assert "watch every 1h" in pushed.stderr
        first = poll(platform, client)
        assert (first["listed"], first["started"], first["kept"], first["error"]) == (2, 0, 2, None)
        feed.add("3", "4", "5")
        assert poll(platform, client)["started"] == 3
        assert until_started(client, 3) == Counter(["about 3", "about 4", "about 5"])
        assert client.get("/runs?trigger=poll").json()["data"]["runs"] == []
        feed.fails = True
        assert poll(platform, client)["error"] == "HTTP_STATUS"
        [failed] = client.get("/runs?trigger=poll").json()["data"]["runs"]
        assert (failed["workflow"], failed["status"]) == ("news", "failed")
        feed.fails = False
        listed = platform.acr("schedule", "list", "news")
        assert "HTTP_STATUS" in listed.stdout, listed.stdout
        assert "news" in platform.acr("list").stdout
        poll(platform, client)
        time.sleep(2)  # for what would begin again
        assert list_titles(client).total() == 3


def test_the_alarm_polls(tmp_path: Path) -> None:
    with running_feed() as feed, running_platform(tmp_path) as platform, platform.executor as client:
        feed.add("1")
        push(client, workflow(feed.url, every="1m", first="all"))
        deadline_s = time.monotonic() + 90
        while not feed.asked:
            assert time.monotonic() < deadline_s
            time.sleep(0.5)
        assert until_started(client, 1) == Counter(["about 1"])


def test_every_item_starts_one_run_whatever_is_killed(tmp_path: Path) -> None:
    with running_feed() as feed:
        feed.add("0")
        with running_platform(tmp_path) as platform, platform.executor as client:
            push(client, workflow(feed.url))
            poll(platform, client)
        for kill, count in enumerate(COUNTS):
            with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
                feed.add(*(f"{kill}.{number}" for number in range(count)))
                if kill % 2:
                    client.post("/schedules/news/run", json={}).raise_for_status()
                    time.sleep(0.15 * kill)  # in the middle of the poll, or just after it
                else:
                    polled = poll(platform, client)  # they are decided, and begin at this moment
                    if kill == 0:
                        assert polled["started"] == count
        with running_platform(tmp_path) as platform, platform.executor as client:
            poll(platform, client)
            until_started(client, sum(COUNTS))
            time.sleep(3)  # for what would begin twice
            titles = list_titles(client)
    assert titles == Counter(f"about {kill}.{number}" for kill, count in enumerate(COUNTS) for number in range(count))
