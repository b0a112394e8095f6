"""Following a run: what its stored record says whenever that changes, within a minute, and from where one has left."""

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from arcrun.errors import UpstreamError
from arcrun.limits import MAX_FOLLOW_MS, MAX_FOLLOWERS
from executor.durable import following
from executor.durable.following import LATER_POLL_MS, LEASE_MS, POLL_MS, SOON_MS, SPARE_POLL_MS, Followers
from fakes.components import echo
from fakes.executor import API_KEY, Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

WORKFLOW: dict[str, Any] = {
    "name": "w",
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b"],
    "config": {"a": {"component": "tell", "text": "{{input.text}}"}, "b": {"component": "tell", "take": "a"}},
}
EVENTS = {"x-arcrun-api-key": API_KEY, "accept": "text/event-stream"}
Event = tuple[str, Any, str | None]


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(instances: FakeInstances) -> Bench:
    return build_bench({"tell": echo}, instances)


async def start(bench: Bench, body: Any, **settings: Any) -> str:
    token = (await bench.service.push({**WORKFLOW, **settings}, ADA)).stored.token
    async with build_client(bench.service) as client:
        answer = await client.post(f"/webhooks/{token}/trigger?async=1", json=body)
    return str(answer.json()["run_id"])


async def ask(bench: Bench, run_id: str, last_id: str | None = None, **headers: str) -> Any:
    sent = {**EVENTS, **({} if last_id is None else {"last-event-id": last_id}), **headers}
    async with build_client(bench.service, headers=sent) as client:
        return await client.get(f"/runs/{run_id}/follow")


async def follow(bench: Bench, run_id: str, last_id: str | None = None) -> list[Event]:
    answer = await ask(bench, run_id, last_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert "content-length" not in answer.headers
    return read_events(answer.text)


def read_events(text: str) -> list[Event]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"]), fields.get("id")))
    return events


def at_look(bench: Bench, number: int, act: Callable[[], Any]) -> list[float]:
    """Let `act` happen before the record is read for the time `number`. Returns when it is read, as that happens."""
    looks: list[float] = []
    find = bench.service.runs.find

    async def look(run_id: str) -> Any:
        looks.append(bench.clock.now_ms())
        if len(looks) == number and asyncio.iscoroutine(acting := act()):
            await acting
        return await find(run_id)

    bench.service.runs.find = look  # type: ignore[method-assign]
    return looks


async def test_a_run_is_followed_to_its_end(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {"text": "hi"})
    looks = at_look(bench, 3, lambda: instances.run(bench.service, run_id))
    began, first, second, end = await follow(bench, run_id)
    assert (began[0], began[1]["run_id"], began[1]["status"], "input" in began[1]) == (
        "status",
        run_id,
        "running",
        False,
    )
    assert [(each[0], each[1]["node"], each[1]["status"]) for each in (first, second)] == [
        ("node", "a", "success"),
        ("node", "b", "success"),
    ]
    assert (end[0], end[1]["status"], end[1]["data"], "trace" in end[1]) == ("end", "success", {"text": "hi"}, False)
    assert [second - first for first, second in pairwise(looks)] == [POLL_MS, POLL_MS]
    assert (await ask(bench, run_id, end[2])).status_code == 204


async def test_of_one_that_has_ended_all_is_told_at_once(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {})
    await instances.run(bench.service, run_id)
    began_ms = bench.clock.now_ms()
    *nodes, end = await follow(bench, run_id)
    assert ([each[1]["status"] for each in nodes], bench.clock.now_ms()) == (["failed", "skipped"], began_ms)
    assert (end[0], end[1]["error"]["code"]) == ("end", "UNRESOLVED_REFERENCE")


async def test_after_a_minute_it_goes_on_where_it_was(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {"text": "hi"})
    began_ms = bench.clock.now_ms()
    looks = at_look(bench, 0, lambda: None)
    [began] = await follow(bench, run_id)
    assert MAX_FOLLOW_MS - LATER_POLL_MS <= bench.clock.now_ms() - began_ms <= MAX_FOLLOW_MS
    assert len(looks) <= 1 + SOON_MS / POLL_MS + (MAX_FOLLOW_MS - SOON_MS) / LATER_POLL_MS
    await instances.run(bench.service, run_id)
    names = [name for name, _, _ in await follow(bench, run_id, began[2])]
    assert names == ["node", "node", "end"]
    assert [name for name, _, _ in await follow(bench, run_id, "what.ever")] == names


async def test_a_record_that_is_written_in_between_is_told(bench: Bench) -> None:
    """A run that waits has a record of what it has done so far; an entry may change, and another come before it."""
    run_id = await start(bench, {"text": "hi"})
    find, entry = bench.service.runs.find, {"node": "a", "status": "success"}
    traces = [[], [entry], [{"node": "z", "status": "success"}, entry], [{**entry, "attempts": 2}]]

    async def look(run_id: str) -> Any:
        return {**await find(run_id), "trace": traces.pop(0) if traces else [], "status": "running"}

    bench.service.runs.find = look  # type: ignore[method-assign]
    events = [(name, data.get("node"), data.get("attempts")) for name, data, _ in await follow(bench, run_id)]
    assert events == [("status", None, None), ("node", "a", None), ("node", "z", None), ("node", "a", 2)]


async def test_a_run_that_leaves_no_record_is_gone(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {"text": "hi"}, record="none")
    at_look(bench, 2, lambda: instances.run(bench.service, run_id))
    began, gone = await follow(bench, run_id)
    assert (began[0], gone[0], gone[1]) == ("status", "gone", {"run_id": run_id})


async def test_a_failure_to_read_the_record_passes(bench: Bench, instances: FakeInstances) -> None:
    run_id = await start(bench, {"text": "hi"})
    await instances.run(bench.service, run_id)
    find, faults = bench.service.runs.find, [False, True, True]

    async def look(run_id: str) -> Any:
        if faults and faults.pop(0):
            raise UpstreamError("down")
        found = await find(run_id)
        return {**found, "status": "running"} if len(faults) == 2 else found

    bench.service.runs.find = look  # type: ignore[method-assign]
    assert [name for name, _, _ in await follow(bench, run_id)][-1] == "end"


async def test_where_looks_are_counted_they_are_fewer() -> None:
    bench = build_bench({"tell": echo})
    run_id = await start(bench, {"text": "hi"})
    looks = at_look(bench, 0, lambda: None)
    await follow(bench, run_id)
    await bench.background.finish()
    assert min(second - first for first, second in pairwise(looks)) >= SPARE_POLL_MS


@pytest.mark.parametrize(
    ("run_id", "accept", "status", "code"),
    [("0" * 26, "text/event-stream", 404, "RUN_NOT_FOUND"), (None, "*/*", 400, "INVALID_REQUEST")],
)
async def test_a_refusal_is_json(bench: Bench, run_id: str | None, accept: str, status: int, code: str) -> None:
    begun = await start(bench, {"text": "hi"})
    answer = await ask(bench, run_id or begun, accept=accept)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


async def test_only_so_many_follow_at_once(bench: Bench) -> None:
    run_id = await start(bench, {"text": "hi"})
    followers = following._followers.setdefault(bench.service.runs, Followers())
    others = [followers.enter(bench.clock.now_ms()) for _ in range(MAX_FOLLOWERS)]
    refused = await ask(bench, run_id)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TOO_MANY_FOLLOWERS")
    assert refused.headers["retry-after"] == "10"
    followers.leave(others[0])
    assert len(await follow(bench, run_id)) == 1
    assert len(followers.leases_ms) == MAX_FOLLOWERS - 1
    bench.clock.advance(LEASE_MS)  # of requests that the platform has ended nothing was heard
    assert len(await follow(bench, run_id)) == 1
    assert followers.leases_ms == {}
