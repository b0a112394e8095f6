"""Proves on real workerd that many concurrent requests with few keys run once for each key, and are all answered
rightly, also if the runtime is killed meanwhile; and that limits of a workflow are counted exactly.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from workerd.local_platform import LocalPlatform, running_platform
from workerd.soak import kill_runtime

pytestmark = pytest.mark.workerd

KEYS, REQUESTS, ANSWERED_BEFORE_THE_KILL = 100, 1_000, 10
TIMEOUT_MS = 4_000  # of a run, so that the lease of one that is killed is short
PATIENCE_S = 60
REPLAYED = "idempotent-replayed"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    with running_platform(tmp_path_factory.mktemp("idempotency") / "platform") as platform:
        yield platform


def push(platform: LocalPlatform, name: str, **idempotency: Any) -> str:
    workflow = {
        "name": name,
        "timeout_ms": TIMEOUT_MS,
        "triggers": {"webhook": {"idempotency": {"key": '{{request.headers["x-delivery"]}}', **idempotency}}},
        "flow": ["input >> PIPE >> keep", "keep >> PIPE >> output"],
        "config": {"keep": {"component": "set", "values": {"key": "{{input.key}}"}}},
    }
    with platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow}).raise_for_status().json()["data"]
    return f"{platform.urls['executor']}/webhooks/{pushed['token']}/trigger"


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    content: bytes


class Callers:
    """Callers that repeat their requests until they are answered with success, as services do."""

    def __init__(self, url: str) -> None:
        self._url, self.answers = url, defaultdict[str, list[Answer]](list)
        self.count = 0

    async def send_all(self, meanwhile: Callable[[], Awaitable[None]] | None = None) -> None:
        calls = [self._send_until_answered(f"k{number % KEYS}") for number in range(REQUESTS)]
        await asyncio.gather(*calls, *([meanwhile()] if meanwhile else []))

    async def _send_until_answered(self, key: str) -> None:
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s:
            try:
                answer = await self.send(key, {"key": key})
            except OSError:  # the runtime is gone
                await asyncio.sleep(0.2)
                continue
            if answer.status == 200:
                self.answers[key].append(answer)
                self.count += 1
                return
            await asyncio.sleep(float(answer.headers.get("retry-after", 1)))
        raise AssertionError(f"{key} was not answered")

    async def send(self, key: str, body: Any) -> Answer:
        """A POST over a connection of its own: a pool takes long for so many."""
        url, content = urlsplit(self._url), json.dumps(body).encode()
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        try:
            head = f"POST {url.path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nX-Delivery: {key}\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode())
            writer.write(content)
            received = await reader.read()
        finally:
            writer.close()
        lines, _, content = received.partition(b"\r\n\r\n")
        if not lines:
            raise ConnectionError("no answer")
        status, *headers = lines.decode("latin-1").split("\r\n")
        named = dict(line.lower().split(": ", 1) for line in headers)
        if len(content) != int(named.get("content-length", -1)):
            raise ConnectionError("half an answer")
        return Answer(int(status.split()[1]), named, content)


def check(platform: LocalPlatform, name: str, answers: dict[str, list[Answer]]) -> None:
    """Each key has one run and one answer, its own, which at most one caller got as the first."""
    runs = set()
    assert (len(answers), sum(map(len, answers.values()))) == (KEYS, REQUESTS)
    for key, got in answers.items():
        assert {answer.status for answer in got} == {200}
        [body] = {answer.content for answer in got}
        assert json.loads(body)["data"] == {"key": key}
        assert sum(REPLAYED not in answer.headers for answer in got) <= 1
        runs.add(json.loads(body)["run_id"])
    assert len(runs) == KEYS
    listed, cursor = set[str](), dict[str, str]()
    with platform.executor as client:
        while True:
            params = {"workflow": name, "status": "success", "limit": "100", **cursor}
            page = client.get("/runs", params=params).raise_for_status().json()["data"]
            listed |= {run["run_id"] for run in page["runs"]}
            if page["cursor"] is None:
                break
            cursor = {"cursor": page["cursor"]}
        failed = client.get("/runs", params={"workflow": name, "status": "failed"}).json()["data"]["runs"]
    assert {run["error"] for run in failed} <= {"RUN_TIMEOUT"}  # on a busy machine; such a run is tried again
    assert listed == runs


def test_a_thousand_requests_with_a_hundred_keys_are_a_hundred_runs(own: LocalPlatform) -> None:
    callers = Callers(push(own, "conflict", on_running="conflict"))
    asyncio.run(callers.send_all())
    check(own, "conflict", callers.answers)
    again = asyncio.run(callers.send("k7", {"key": "k7"}))
    assert (again.content, again.headers[REPLAYED]) == (callers.answers["k7"][0].content, "true")
    other = asyncio.run(callers.send("k7", {"key": "k8"}))
    assert (other.status, json.loads(other.content)["error"]["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_also_if_the_runtime_is_killed_and_callers_wait(own: LocalPlatform) -> None:
    callers = Callers(push(own, "killed", on_running="wait"))

    async def kill() -> None:
        while callers.count < ANSWERED_BEFORE_THE_KILL:
            await asyncio.sleep(0.001)
        kill_runtime(own)

    asyncio.run(callers.send_all(kill))
    check(own, "killed", callers.answers)


def test_a_hundred_requests_at_once_are_within_the_limits_of_their_workflow(own: LocalPlatform) -> None:
    """Counted in a real object, and again after it was killed."""
    workflow = {
        "name": "limited",
        "limits": [{"per_minute": 10, "key": "{{input.key}}"}],
        "flow": ["input >> PIPE >> keep", "keep >> PIPE >> output"],
        "config": {"keep": {"component": "set", "values": {"key": "{{input.key}}"}}},
    }
    with own.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow}).raise_for_status().json()["data"]
    callers = Callers(f"{own.urls['executor']}/webhooks/{pushed['token']}/trigger")

    async def send_some(count: int) -> list[int]:
        answers = await asyncio.gather(*(callers.send(f"k{n % 2}", {"key": f"k{n % 2}"}) for n in range(count)))
        return sorted(answer.status for answer in answers)

    assert asyncio.run(send_some(100)) == [200] * 20 + [429] * 80
    kill_runtime(own)
    assert asyncio.run(wait_for_the_runtime(callers)).status == 429
    assert asyncio.run(send_some(10)) == [429] * 10


async def wait_for_the_runtime(callers: Callers) -> Answer:
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        try:
            return await callers.send("k0", {"key": "k0"})
        except OSError:
            await asyncio.sleep(0.2)
    raise AssertionError("The runtime did not come back.")
