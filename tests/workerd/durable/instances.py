"""The Worker `player` on the local runtime, and the service that its instances ask."""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from workerd.chosen_workers import running_workers
from workerd.local_platform import ROOT, find_descendants

sys.path.insert(0, str(ROOT / "scripts"))
from stage import stage

ENDED = ("complete", "errored", "terminated")
TIMEOUT_S = 30


@dataclass
class Service:
    """Answers `POST /{name}` with its number, from 1. `failing` are the requests that it still refuses, by name, and
    `held` are names that it does not answer until they are released.
    """

    url: str = ""
    asked: list[tuple[str, float]] = field(default_factory=list)  # (name, the time by the monotonic clock)
    failing: Counter[str] = field(default_factory=Counter)
    held: dict[str, threading.Event] = field(default_factory=dict)

    def count(self, name: str) -> int:
        return sum(asked == name for asked, _ in list(self.asked))

    def times(self, name: str) -> list[float]:
        return [at_s for asked, at_s in list(self.asked) if asked == name]

    def hold(self, name: str) -> None:
        self.held[name] = threading.Event()

    def release(self, name: str) -> None:
        self.held.pop(name).set()

    def wait_until_asked(self, name: str, count: int = 1) -> None:
        wait_until(lambda: self.count(name) >= count)

    def answer(self, name: str) -> tuple[int, str]:
        self.asked.append((name, time.monotonic()))
        if hold := self.held.get(name):
            hold.wait(TIMEOUT_S)
        if self.failing[name] > 0:
            self.failing[name] -= 1
            return 500, f"{name} fails"
        return 200, str(self.count(name))


@contextmanager
def serving() -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, text = service.answer(self.path.strip("/"))
            try:
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
            except ConnectionError:
                pass  # the runtime has been killed

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    service.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        for hold in service.held.values():
            hold.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Player:
    client: httpx.Client
    service: Service
    node_pid: int

    def call(self, method: str, *arguments: Any) -> Any:
        """A method of CloudflareWorkflows."""
        answer = self.client.post(f"/{method}", json=arguments)
        return answer.json() if answer.is_success else answer.json()["code"]

    def create(self, instance_id: str, *script: Any) -> bool:
        return bool(self.call("create", instance_id, {"service": self.service.url, "script": script}))

    def status(self, instance_id: str) -> str:
        found = self.call("status", instance_id)
        return found["status"] if found else "missing"

    def wait(self, instance_id: str) -> list[Any]:
        """The results of an instance once it is complete."""
        wait_until(lambda: self.status(instance_id) in ENDED)
        found = self.call("status", instance_id)
        assert found["status"] == "complete", found
        return list(json.loads(found["output"]))

    def kill(self) -> None:
        """kill -9 the runtime, and wait until it has been started again."""
        [workerd] = [pid for pid, name in find_descendants(self.node_pid).items() if "workerd" in name]
        os.kill(workerd, signal.SIGKILL)
        wait_until(lambda: find_descendants(self.node_pid).keys() - {workerd} != set() and self._answers())

    def wake(self, instance_id: str) -> None:
        """What `acr dev` does at its start: an event of a type for which no instance waits."""
        self.call("send_event", instance_id, "wake", None)

    def _answers(self) -> bool:
        try:
            return self.client.get("/health").is_success
        except httpx.HTTPError:
            return False


@contextmanager
def playing(folder: Path, variables: Mapping[str, str] | None = None) -> Iterator[Player]:
    stage(ROOT / "tests/workerd/durable/player", [], folder / "player")
    with (
        serving() as service,
        running_workers(folder, ["player"], {}, variables) as workers,
        httpx.Client(base_url=workers.urls["player"], timeout=TIMEOUT_S) as client,
    ):
        yield Player(client, service, workers.node_pid)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + TIMEOUT_S
    while not is_so():
        assert time.monotonic() < deadline_s, "It did not happen."
        time.sleep(0.02)
