"""Proves the shapes of control flow on real workerd, against a server that counts: paging, polling, hedged calls, an
early end, the first hit of a loop, and undos, also of a run that no client waits for.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from workerd.engine.test_engine import eventually, execute, push, statuses
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd


class Server(ThreadingHTTPServer):
    """`asked` has the method and path of each request, in the order of arrival."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def count(self, asked: str) -> int:
        return self.asked.count(asked)


class Answering(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        asked = f"{self.command} {self.path}"
        with self.server.lock:
            self.server.asked.append(asked)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        what, _, rest = self.path[1:].partition("/")
        body: Any = {"id": rest, "method": self.command}
        if what == "page":
            body = {"items": [rest], **({"next": f"{int(rest) + 1}"} if int(rest) < 3 else {})}
        elif what == "job":
            body = {"status": "done" if self.server.count(asked) == 3 else "running"}
        elif what == "slow":
            time.sleep(int(rest) / 1000)
        content = json.dumps(body).encode()
        self.send_response(500 if what == "broken" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = answer  # noqa: N815

    def log_message(self, *_arguments: Any) -> None:
        """Print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def request(url: str, **more: Any) -> dict[str, Any]:
    return {"component": "http_request", "url": url, **more}


def test_pages_are_collected(platform: LocalPlatform, server: Server) -> None:
    repeat = {"until": "!(page.data.body.next)", "max": 9, "collect": "page.data.body.items"}
    page = request(server.url + '/page/{{previous.body.next | default("1")}}', repeat=repeat)
    all_pages = {"component": "set", "values": {"items": "{{page.collected}}", "rounds": "{{page.rounds}}"}}
    workflow = {"flow": ["input >> PIPE >> page", "page >> PIPE >> all"], "config": {"page": page, "all": all_pages}}
    assert execute(platform, workflow)["data"] == {"items": ["1", "2", "3"], "rounds": 3}


def test_a_job_is_polled(platform: LocalPlatform, server: Server) -> None:
    repeat = {"until": "job.data.body.status == 'done'", "max": 9, "wait_ms": 50, "backoff": "exponential"}
    workflow = {"flow": ["input >> PIPE >> job"], "config": {"job": request(f"{server.url}/job/1", repeat=repeat)}}
    answer = execute(platform, workflow)
    assert (answer["data"]["body"], server.count("GET /job/1")) == ({"status": "done"}, 3)
    assert answer["trace"][0]["rounds"]["count"] == 3
    assert answer["duration_ms"] >= 150


def test_the_slower_of_two_calls_is_cancelled(platform: LocalPlatform, server: Server) -> None:
    flow = ["input >> PIPE >> near", "input >> PIPE >> far", "near >> PIPE >> got", "far >> PIPE >> got"]
    got = {
        "component": "set",
        "values": {"id": '{{near.data.body.id | default("")}}{{far.data.body.id | default("")}}'},
        "join": "first",
    }
    config = {"near": request(f"{server.url}/slow/50"), "far": request(f"{server.url}/slow/9000")}
    started = time.monotonic()
    answer = execute(platform, {"flow": flow, "config": {**config, "got": {**got, "cancel_rest": True}}})
    assert time.monotonic() - started < 5
    assert answer["data"] == {"id": "50"}
    assert {e["node"]: e["error"]["code"] for e in answer["trace"] if "error" in e} == {"far": "CANCELLED"}


def test_a_line_to_stop_ends_the_run(platform: LocalPlatform, server: Server) -> None:
    flow = ["input >> PIPE >> a", "input >> PIPE >> slow", "a >> IF(a.data.status == `200`) >> stop"]
    config = {"a": request(f"{server.url}/a/1"), "slow": request(f"{server.url}/slow/9000")}
    started = time.monotonic()
    answer = execute(platform, {"flow": flow, "config": config})
    assert time.monotonic() - started < 5
    assert (answer["success"], answer["data"]["body"]["id"]) == (True, "1")


def test_a_loop_ends_with_its_first_hit(platform: LocalPlatform, server: Server) -> None:
    foreach = {"until": "ask.data.body.id == '3'"}
    workflow = {
        "flow": ["input >> FOREACH n IN input.numbers >> ask", "input >> CONTINUE >> states"],
        "config": {
            "input": {"foreach": foreach},
            "ask": request(server.url + "/try/{{n}}"),
            "states": {"component": "set", "values": {"states": "{{n.states}}"}},
        },
    }
    answer = execute(platform, workflow, {"numbers": [1, 2, 3, 4]})
    assert (answer["data"]["states"], len(server.asked)) == (["success"] * 3 + ["skipped"], 3)


def book(server: Server, what: str) -> dict[str, Any]:
    undo = request(f"{server.url}/{what}/{{{{{what}.data.body.id}}}}", method="DELETE")
    return request(f"{server.url}/{what}/7", method="POST", undo=undo)


def build_trip(server: Server) -> dict[str, Any]:
    flow = ["input >> PIPE >> flight", "flight >> PIPE >> hotel", "hotel >> PIPE >> charge"]
    charge = request(f"{server.url}/broken/1", method="POST")
    return {"flow": flow, "config": {**{it: book(server, it) for it in ("flight", "hotel")}, "charge": charge}}


BOOKED_AND_UNDONE = [
    *("POST /flight/7", "POST /hotel/7", "POST /broken/1"),
    *("DELETE /hotel/7", "DELETE /flight/7"),
]


def test_a_failed_run_is_undone(platform: LocalPlatform, server: Server) -> None:
    workflow = build_trip(server)
    answer = execute(platform, workflow)
    assert (answer["error"]["details"]["node"], answer["undone"]) == ("charge", "complete")
    assert server.asked == BOOKED_AND_UNDONE
    assert [entry["node"] for entry in answer["undos"]] == ["hotel", "flight"]
    assert statuses(answer) == {"flight": "success", "hotel": "success", "charge": "failed"}


def test_an_accepted_run_is_undone_and_its_record_says_so(platform: LocalPlatform, server: Server) -> None:
    push(platform, "trip", **build_trip(server))
    with platform.executor as client:
        run_id = client.post("/webhooks/named/trip/trigger?async=1", json={}).raise_for_status().json()["run_id"]
    record = eventually(platform, run_id)
    assert (record["status"], record["undone"], server.asked) == ("failed", "complete", BOOKED_AND_UNDONE)
    assert [entry["status"] for entry in record["undos"]] == ["success", "success"]
