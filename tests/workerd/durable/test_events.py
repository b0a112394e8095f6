"""Events and decisions on the real runtime: two waits for one event with a restart between, and people's links."""

import html
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from workerd.durable.soak import platform_that_is_killed, until_ended
from workerd.local_platform import ROOT, running_platform

pytestmark = pytest.mark.workerd

TWICE = {
    "name": "twice",
    "durable": True,
    "flow": ["input >> PIPE >> first", "first >> PIPE >> second"],
    "config": {
        "first": {"component": "wait_for", "event": "paid", "timeout": "1h"},
        "second": {"component": "wait_for", "event": "paid", "timeout": "1h"},
    },
}
LINKS = {"ann": "{{run.approve.ask.ann}}", "late": "{{run.approve.late.ann}}", "run": "{{run.id}}"}
ASKING = {
    "name": "asking",
    "durable": True,
    "flow": [
        "input >> PIPE >> told",
        "told >> PIPE >> ask",
        "ask >> PIPE >> chosen",
        "told >> PIPE >> late",
        "late >> ON_FAIL >> gone",
    ],
    "config": {
        "told": {"component": "http_request", "method": "POST", "url": "{{input.url}}", "body_json": LINKS},
        "ask": {"component": "approve", "title": "Pay <b>120</b>?", "choices": ["pay", "not"], "approvers": ["ann"]},
        "late": {"component": "approve", "title": "Late", "approvers": ["ann"], "timeout": "100ms"},
        "chosen": {"component": "set", "values": {"choice": "{{ask.data.choice}}", "by": "{{ask.data.approver}}"}},
        "gone": {"component": "set", "values": {"code": "{{late.error.code}}"}},
    },
}


def push(client: httpx.Client, workflow: dict[str, Any]) -> None:
    answer = client.post("/webhooks", json={"workflow": workflow})
    assert answer.status_code == 201, answer.text


def start(client: httpx.Client, name: str, given: Any) -> str:
    answer = client.post(f"/webhooks/named/{name}/trigger", json=given)
    assert answer.status_code == 202, answer.text
    run_id: str = answer.json()["run_id"]
    return run_id


def until(found: Callable[[], Any], within_s: float = 20) -> Any:
    deadline_s = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    return value


def test_two_waits_for_one_event_get_one_each_with_a_restart_between(tmp_path: Path) -> None:
    with platform_that_is_killed(tmp_path) as platform, platform.executor as client:
        push(client, TWICE)
        run_id = start(client, "twice", {})
        sent = platform.acr("event", run_id, "paid", "--data", '{"amount": 1}', "--id", "first")
        assert sent.returncode == 0, sent.stderr
        again = client.post(f"/runs/{run_id}/events/paid", json={"amount": 9}, headers={"idempotency-key": "first"})
        assert again.json()["data"] == {"id": "first", "state": "known"}
        time.sleep(3)
    with running_platform(tmp_path) as platform, platform.executor as client:
        time.sleep(4)
        assert client.get(f"/runs/{run_id}").json()["data"]["status"] == "running"  # the second still waits
        unknown = client.post(f"/runs/{run_id}/events/other", json={})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "EVENT_NOT_AWAITED")
        client.post(f"/runs/{run_id}/events/paid", json={"amount": 2}).raise_for_status()
        [record] = until_ended(platform, [run_id], 20).values()
        late = client.post(f"/runs/{run_id}/events/paid", json={"amount": 3})
    payloads = [entry["output"]["data"]["payload"] for entry in record["trace"]]
    assert (record["status"], payloads) == ("success", [{"amount": 1}, {"amount": 2}])
    assert (late.status_code, late.json()["error"]["code"]) == (409, "RUN_ENDED")


class _Mail(BaseHTTPRequestHandler):
    received: list[Any]

    def do_POST(self) -> None:
        self.received.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def mail() -> Iterator[tuple[str, list[Any]]]:
    """The URL of a service, and what was sent to it."""
    received: list[Any] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Mail", (_Mail,), {"received": received}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", received
    server.shutdown()
    server.server_close()


def test_a_person_decides_by_a_link(tmp_path: Path, mail: tuple[str, list[Any]]) -> None:
    url, received = mail
    with running_platform(tmp_path) as platform, platform.executor as client, httpx.Client() as person:
        push(client, ASKING)
        run_id = start(client, "asking", {"url": url})
        links = until(lambda: received and received[0])
        assert links["run"] == run_id
        page = until(lambda: (it := person.get(links["ann"])).status_code == 200 and it)
        assert "Pay &lt;b&gt;120&lt;/b&gt;?" in page.text
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        until(lambda: person.get(links["late"]).status_code == 404)  # its time is over
        forged = links["ann"][:-1] + ("A" if links["ann"][-1] != "A" else "B")
        assert person.get(forged).status_code == 404
        assert person.post(links["ann"], data={"choice": "other"}).status_code == 422
        decided = person.post(links["ann"], data={"choice": "pay", "comment": "fine"})
        assert decided.status_code == 200, decided.text
        assert person.post(links["ann"], data={"choice": "not"}).status_code in (404, 410)
        [record] = until_ended(platform, [run_id], 20).values()
        assert person.get(links["ann"]).status_code == 404
    entries = {entry["node"]: entry for entry in record["trace"]}
    assert entries["chosen"]["output"]["data"] == {"choice": "pay", "by": "ann"}
    assert entries["gone"]["output"]["data"] == {"code": "WAIT_TIMED_OUT"}
    seal = re.split(r"[./]", links["ann"])[-1]
    assert seal not in html.unescape(str(record))


def test_the_owner_decides_from_the_command_line(tmp_path: Path, mail: tuple[str, list[Any]]) -> None:
    url, received = mail
    with running_platform(tmp_path) as platform, platform.executor as client, httpx.Client() as person:
        push(client, ASKING)
        run_id = start(client, "asking", {"url": url})
        until(lambda: "ask waits" in platform.acr("logs", run_id).stdout)
        assert f"acr approve {run_id})" in platform.acr("logs", run_id).stdout
        asked = platform.acr("approve", run_id)
        assert (asked.returncode, "choices: pay, not; asked: ann" in asked.stdout) == (0, True), asked
        until(lambda: len(json.loads(platform.acr("approve", run_id, "--json").stdout)["data"]["approvals"]) == 1)
        wrong = platform.acr("approve", run_id, "--choice", "maybe", "--json")
        assert (wrong.returncode, json.loads(wrong.stdout)["error"]["code"]) == (1, "INVALID_REQUEST"), wrong
        decided = platform.acr("approve", run_id, "--choice", "not", "--comment", "Too dear.")
        assert (decided.returncode, "ask of" in decided.stderr) == (0, True), decided
        [record] = until_ended(platform, [run_id], 20).values()
        assert person.get(received[0]["ann"]).status_code == 404
        late = platform.acr("approve", run_id, "--choice", "pay", "--json")
        assert json.loads(late.stdout)["error"]["code"] == "DECISION_NOT_ASKED"
    [ask] = [entry for entry in record["trace"] if entry["node"] == "ask"]
    told = {name: ask["output"]["data"][name] for name in ("choice", "approver", "comment", "decided_by")}
    assert told == {"choice": "not", "approver": "owner", "comment": "Too dear.", "decided_by": "owner"}


def test_a_wait_ends_by_the_clocks_of_a_zone(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        due = datetime.now(ZoneInfo("Asia/Kolkata")).replace(microsecond=0) + timedelta(seconds=5)
        node = {"component": "wait", "until": due.strftime("%Y-%m-%d %H:%M:%S"), "zone": "Asia/Kolkata"}
        flow = {"name": "timed", "durable": True, "flow": ["input >> PIPE >> a"], "config": {"a": node}}
        push(client, flow)
        run_id = start(client, "timed", {})
        [record] = until_ended(platform, [run_id], 20).values()
    assert record["status"] == "success", record
    began = datetime.fromisoformat(record["started_at"])
    assert timedelta(0) <= began + timedelta(milliseconds=record["duration_ms"]) - due < timedelta(seconds=3)


def test_reminders_end_with_the_decision(tmp_path: Path, mail: tuple[str, list[Any]]) -> None:
    url, received = mail
    [text] = re.findall(r"```yaml\n(name: expense\n.*?)```", (ROOT / "docs/language.md").read_text("utf-8"), re.DOTALL)
    workflow = text.replace("https://mail.example.com/send", url).replace("[1d, 1d, 2d]", "[1s, 1s, 60s]")
    with running_platform(tmp_path) as platform, platform.executor as client, httpx.Client() as person:
        assert client.post("/webhooks", json={"workflow": workflow}).status_code == 201
        run_id = start(client, "expense", {"amount": 120, "name": "Ada"})
        until(lambda: len(received) == 3)
        links = {each["text"].rpartition(" ")[2] for each in received}
        [link] = links
        assert person.post(link, data={"choice": "reject"}).status_code == 200
        [record] = until_ended(platform, [run_id], 20).values()
    assert (record["status"], record["data"]) == ("success", {"choice": "reject", "by": "boss"})
    assert {entry["node"]: entry["status"] for entry in record["trace"]}["remind"] == "success"
