"""Following a run on the real runtime: its events come as they happen, and end with it or with whoever listens."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_FOLLOWERS
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

RUN_MS = 12_000
SLOW: dict[str, Any] = {
    "name": "followed",
    "flow": ["input >> PIPE >> pause", "pause >> PIPE >> told"],
    "config": {
        "pause": {"component": "wait", "ms": RUN_MS},
        "told": {"component": "set", "values": {"text": "é\u2028"}},
    },
}
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(scope="module", autouse=True)
def stored(platform: LocalPlatform) -> None:
    with platform.executor as client:
        client.post("/webhooks", json={"workflow": SLOW}).raise_for_status()


def start(client: httpx.Client) -> str:
    return str(client.post("/webhooks/named/followed/trigger?async=1", json={}).json()["run_id"])


def read(response: httpx.Response) -> Iterator[tuple[float, str, Any, str]]:
    """The events, with when they came."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif "event" in fields:
            yield time.monotonic(), fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}


def test_events_come_as_they_happen(platform: LocalPlatform) -> None:
    with platform.executor as client:
        run_id = start(client)
        with client.stream("GET", f"/runs/{run_id}/follow", headers=EVENTS) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            events = [*read(response)]
        again = client.get(f"/runs/{run_id}/follow", headers={**EVENTS, "Last-Event-ID": events[-1][3]})
        nodes = client.get(f"/runs/{run_id}/follow", headers={**EVENTS, "Last-Event-ID": events[0][3]})
    assert [event[1] for event in events] == ["status", "node", "node", "end"]
    assert events[3][0] - events[0][0] > RUN_MS / 2_000
    assert events[0][2]["status"] == "running"
    assert [event[2]["node"] for event in events[1:3]] == ["pause", "told"]
    assert (events[3][2]["status"], events[3][2]["data"]) == ("success", {"text": "é\u2028"})
    assert (again.status_code, again.text) == (204, "")
    assert nodes.text.count("event: ") == 3


def test_who_leaves_takes_no_place(platform: LocalPlatform) -> None:
    with platform.executor as client:
        run_id = start(client)
        for _ in range(MAX_FOLLOWERS):
            with client.stream("GET", f"/runs/{run_id}/follow", headers=EVENTS) as response:
                assert response.status_code == 200
                next(response.iter_bytes())  # and leave
        refused = client.get(f"/runs/{run_id}/follow", headers=EVENTS)
        assert refused.json()["error"]["code"] == "TOO_MANY_FOLLOWERS"
        time.sleep(8)  # the next look, and the lease that it renews
        with client.stream("GET", f"/runs/{run_id}/follow", headers=EVENTS) as response:
            assert [event[1] for event in read(response)][-1] == "end"


def test_a_durable_run_tells_what_it_waits_for(platform: LocalPlatform) -> None:
    config = {
        "first": {"component": "set", "values": {"a": 1}},
        "ask": {"component": "wait_for", "event": "paid", "timeout": "1d"},
    }
    source = {"name": "asks", "durable": True, "flow": ["input >> PIPE >> first", "first >> PIPE >> ask"]}
    with platform.executor as client:
        client.post("/webhooks", json={"workflow": {**source, "config": config}}).raise_for_status()
        run_id = client.post("/webhooks/named/asks/trigger", json={}).json()["run_id"]
        events = []
        with client.stream("GET", f"/runs/{run_id}/follow", headers=EVENTS) as response:
            for event in read(response):
                events.append((event[1], event[2].get("node"), event[2]["status"]))
                if events[-1] == ("node", "ask", "waiting"):
                    with platform.executor as other:
                        other.post(f"/runs/{run_id}/events/paid", json={"amount": 1}).raise_for_status()
    assert events == [
        ("status", None, "running"),
        ("node", "first", "success"),
        ("node", "ask", "waiting"),
        ("node", "ask", "success"),
        ("end", None, "success"),
    ]


def test_refusals_are_json(platform: LocalPlatform) -> None:
    with platform.executor as client:
        run_id = start(client)
        answers = [
            client.get(f"/runs/{'0' * 26}/follow", headers=EVENTS),
            client.get(f"/runs/{run_id}/follow"),
            client.get(f"/runs/{run_id}/follow", headers={**EVENTS, "X-Arcrun-API-Key": "wrong"}),
        ]
    codes = [(answer.status_code, answer.json()["error"]["code"]) for answer in answers]
    assert codes == [(404, "RUN_NOT_FOUND"), (400, "INVALID_REQUEST"), (401, "UNAUTHORIZED")]


def test_the_command_follows_to_the_end(platform: LocalPlatform) -> None:
    run_id = platform.acr("run", "followed", "--async").stdout.strip()
    followed = platform.acr("logs", run_id, "--follow")
    assert (followed.returncode, followed.stderr.strip()) == (0, f"{run_id} is running.")
    assert followed.stdout.splitlines()[0].split()[:3] == ["run", run_id, "followed"]
    shown = json.loads(platform.acr("logs", run_id, "--follow", "--json").stdout)["data"]
    assert (shown["run_id"], shown["status"]) == (run_id, "success")
