"""Replays and retries on the real runtime: a quick run from what has failed, a durable one with its steps taken over,
and the request that templates read.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from workerd.durable.test_at_rest import find
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd


class Service(ThreadingHTTPServer):
    """A service that refuses requests while it `is_down`, and what it has been asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.is_down, self.asked = True, list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        refuses = self.server.is_down and self.path.startswith("/charge")
        self.send_response(422 if refuses else 200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"path": self.path}).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: the test says what it has seen."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def workflow_of(service: Service, name: str, **more: Any) -> dict[str, Any]:
    fetch = {"component": "http_request", "retry": {"max_attempts": 1}}
    return {
        "name": name,
        "flow": ["input >> PIPE >> book", "book >> PIPE >> charge", "charge >> PIPE >> told"],
        "config": {
            "book": {**fetch, "url": f"{service.url}/book/{name}/{{{{input.order}}}}"},
            "charge": {**fetch, "url": f"{service.url}/charge/{name}/{{{{input.order}}}}"},
            "told": {
                "component": "set",
                "values": {"booked": "{{book.data.body.path}}", "who": "{{request.query.who}}"},
            },
        },
        **more,
    }


def wait_for_end(platform: LocalPlatform, run_id: str, within_s: float = 30) -> dict[str, Any]:
    deadline_s = time.monotonic() + within_s
    with platform.executor as client:
        while time.monotonic() < deadline_s:
            found = client.get(f"/runs/{run_id}")
            if found.status_code == 200 and found.json()["data"]["status"] != "running":
                record: dict[str, Any] = found.json()["data"]
                return record
            time.sleep(0.1)
    raise AssertionError(found.text)


SECRET = "s3cr3t-canary-of-the-store"


def test_a_retry_goes_on_with_values_that_the_record_has_not(tmp_path: Path, service: Service) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        credentials = tmp_path / "credentials.yaml"
        credentials.write_text(json.dumps({"canary": SECRET}))
        credentials.chmod(0o600)
        assert platform.acr("creds", "push", "--file", str(credentials)).returncode == 0
        workflow = workflow_of(service, "secretive", durable=True)
        workflow["config"]["book"]["url"] += "/{{credential.canary}}"
        workflow["config"]["charge"]["url"] = f"{service.url}/charge{{{{book.data.body.path}}}}"
        pushed = client.post("/webhooks", json={"workflow": workflow}).json()["data"]
        origin = client.post(f"/webhooks/{pushed['token']}/trigger?who=ada", json={"order": 7}).json()["run_id"]
        assert wait_for_end(platform, origin)["status"] == "failed"
        assert {text: find(platform, text) for text in (SECRET,)} == {SECRET: set()}
        service.is_down, service.asked = False, []
        retried = platform.acr("retry", origin, "--json")
        assert retried.returncode == 0, retried
        record = wait_for_end(platform, json.loads(retried.stdout)["run_id"])
        assert find(platform, SECRET) == set()
    assert (record["status"], record["data"]["booked"]) == ("success", "/book/secretive/7/[REDACTED]")
    assert service.asked == [f"/charge/book/secretive/7/{SECRET}"]


def test_runs_are_replayed_and_retried(tmp_path: Path, service: Service) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        origins = {}
        for workflow in (workflow_of(service, "quick"), workflow_of(service, "lasting", durable=True)):
            pushed = client.post("/webhooks", json={"workflow": workflow}).json()["data"]
            answer = client.post(f"/webhooks/{pushed['token']}/trigger?who=ada", json={"order": 7}).json()
            origins[workflow["name"]] = answer["run_id"]
        ended = {name: wait_for_end(platform, run_id) for name, run_id in origins.items()}
        assert {record["status"] for record in ended.values()} == {"failed"}, ended
        service.is_down, service.asked = False, []

        quick = platform.acr("retry", origins["quick"], "--json")
        assert quick.returncode == 0, quick
        assert json.loads(quick.stdout)["data"] == {"booked": "/book/quick/7", "who": "ada"}
        again = platform.acr("retry", origins["quick"], "--json")
        assert (again.returncode, json.loads(again.stdout)["error"]["code"]) == (1, "RUN_RETRIED")

        planned = platform.acr("retry", "--workflow", "lasting", "--dry-run", "--json")
        assert [run["runs"] for run in json.loads(planned.stdout)["data"]["runs"]] == [["charge", "told"]]
        many = platform.acr("retry", "--workflow", "lasting", "--json")
        [retried] = json.loads(many.stdout)["data"]["runs"]
        assert (many.returncode, retried["status"]) == (0, "accepted"), many
        lasting = wait_for_end(platform, retried["retry"])
        assert (lasting["data"], lasting["replay_of"]) == (
            {"booked": "/book/lasting/7", "who": "ada"},
            origins["lasting"],
        )
        assert [entry.get("taken_over", False) for entry in lasting["trace"]] == [True, False, False]
        assert service.asked == ["/charge/quick/7", "/charge/lasting/7"]

        whole = platform.acr("replay", retried["retry"], "--input", '{"order": 8}', "--json")
        replayed = wait_for_end(platform, json.loads(whole.stdout)["run_id"])
        assert replayed["data"] == {"booked": "/book/lasting/8", "who": "ada"}
        assert service.asked[2:] == ["/book/lasting/8", "/charge/lasting/8"]
