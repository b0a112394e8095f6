"""Proves that runs that an earlier arcrun stored in KV are found and listed until they expire."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from arcrun.engine.record import NodeRecord, NodeStatus, RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, RunError, UpstreamError
from arcrun.limits import MAX_ACCEPTED_MS
from arcrun.ports import KeyEntry, KeyPage
from arcrun.run_log.filter import LOST_AFTER_MS, RunFilter
from arcrun.workflows.model import KEEPS_ALL, Keeping
from executor.account.runs import list_runs
from executor.records.earlier_runs import EMPTY_MS, EarlierRuns
from executor.records.runs import AcceptedRun, EndedRun, UnwrittenRecords
from fakes.earlier_runs import EarlierWriter
from fakes.ports.background import FakeBackground
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

STARTED = "2026-09-21T14:13:20.000Z"


class Store(EarlierWriter, EarlierRuns):
    """Writes like the earlier version, and reads like this one."""

    def __init__(
        self,
        records: InMemoryKV,
        verdicts: InMemoryKV,
        clock: FixedClock,
        random: SeededRandom,
        background: FakeBackground,
    ) -> None:
        EarlierWriter.__init__(self, records, verdicts, clock, random, background)
        EarlierRuns.__init__(self, records, verdicts, clock)


class Isolate:
    """One Worker isolate's store. Isolates share the namespaces and the time."""

    def __init__(self, seed: int = 0, other: "Isolate | None" = None) -> None:
        self.clock: FixedClock = other.clock if other else FixedClock()
        self.records: InMemoryKV = other.records if other else InMemoryKV(self.clock)
        self.verdicts: InMemoryKV = other.verdicts if other else InMemoryKV(self.clock)
        self.background = FakeBackground()
        self.store = Store(self.records, self.verdicts, self.clock, SeededRandom(seed), self.background)

    async def keep(self, *workflows: str) -> list[str]:
        """Store runs of these workflows that start and end together. Returns their ids once they are written."""
        ids = [self.store.new_run_id() for _ in workflows]
        for run_id, workflow in zip(ids, workflows, strict=True):
            self.store.add(ended(record_of(run_id, workflow)))
        await self.background.finish()
        return ids

    async def keep_apart(self, *workflows: str) -> list[str]:
        """Store runs of these workflows, each long after the previous one."""
        ids = []
        for workflow in workflows:
            self.clock.advance(1_000)
            ids += await self.keep(workflow)
        return ids

    async def listed(self, workflow: str | None = None, limit: int = 50) -> list[str]:
        runs, _ = await self.store.list(RunFilter(workflow), limit, None)
        return [run["id"] for run in runs]


async def test_where_there_are_none_kv_is_not_asked_each_time() -> None:
    """A list that is open asks every few seconds, and the free plan lists KV 1,000 times a day."""
    isolate = Isolate()
    assert await isolate.listed() == []
    late = await isolate.keep("w")  # an isolate of the version before, during the deploy
    assert await isolate.listed() == []
    isolate.clock.advance(EMPTY_MS)
    assert await isolate.listed() == late


def record_of(run_id: str, workflow: str = "w", error: ArcrunError | None = None) -> RunRecord:
    trace = (NodeRecord("a", "echo", NodeStatus.SUCCESS, attempts=1, sha256="5a"),)
    return RunRecord(run_id, workflow, 3, TriggerKind.WEBHOOK, FixedClock().now_ms(), 12.5, {"x": 1}, error, trace)


def ended(record: RunRecord, keeping: Keeping = KEEPS_ALL) -> EndedRun:
    return EndedRun(record, keeping, b"")


async def test_a_run_leaves_a_record_and_a_verdict() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("tell")
    verdict = {
        "id": run_id,
        "workflow": "tell",
        "version": 3,
        "trigger": "webhook",
        "status": "success",
        "started_at": STARTED,
        "duration_ms": 12.5,
    }
    assert await isolate.store.find(run_id) == {
        **verdict,
        "data": {"x": 1},
        "trace": [
            {
                "node": "a",
                "component": "echo",
                "status": "success",
                "attempts": 1,
                "start_ms": 0,
                "duration_ms": 0,
                "sha256": "5a",
            }
        ],
    }
    assert await isolate.store.list(RunFilter(), 50, None) == ([verdict], None)


async def test_a_failed_run_says_where_and_why() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    isolate.store.add(ended(record_of(run_id, error=RunError("m", code="BAD", details={"node": "a"}))))
    await isolate.background.finish()
    [listed] = (await isolate.store.list(RunFilter(), 50, None))[0]
    assert (listed["status"], listed["error"], listed["node"]) == ("failed", "BAD", "a")
    assert (await isolate.store.find(run_id))["error"]["message"] == "m"


async def test_runs_are_listed_newest_first() -> None:
    isolate = Isolate()
    ids = await isolate.keep_apart("a", "b", "c")
    assert await isolate.listed() == ids[::-1]


async def test_runs_of_one_batch_are_listed_newest_first() -> None:
    isolate = Isolate()
    ids = []
    for _ in range(3):
        ids.append(isolate.store.new_run_id())
        isolate.clock.advance(10)
    for run_id in (ids[1], ids[2], ids[0]):
        isolate.store.add(ended(record_of(run_id)))
    await isolate.background.finish()
    assert await isolate.listed() == ids[::-1]


async def test_a_long_list_has_pages() -> None:
    isolate = Isolate()
    ids = await isolate.keep_apart(*"abcde")
    pages, cursor = [], None
    while True:
        runs, cursor = await isolate.store.list(RunFilter(), 2, cursor)
        pages.append([run["id"] for run in runs])
        if cursor is None:
            break
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]


async def test_a_list_may_be_of_one_workflow() -> None:
    isolate = Isolate()
    ids = await isolate.keep_apart("a", "b", "a")
    assert await isolate.listed("a") == [ids[2], ids[0]]
    assert await isolate.listed("nobody") == []


async def test_a_list_of_a_rare_workflow_goes_on_at_its_cursor() -> None:
    isolate = Isolate()
    ids = await isolate.keep_apart("rare", *["often"] * 12)
    found, cursor = await isolate.store.list(RunFilter("rare"), 1, None)
    assert (found, cursor is None) == ([], False)
    pages = 1
    while cursor is not None:
        runs, cursor = await isolate.store.list(RunFilter("rare"), 1, cursor)
        found, pages = found + runs, pages + 1
    assert ([run["id"] for run in found], pages <= 4) == ([ids[0]], True)


async def code_of(isolate: Isolate, run_id: str) -> str:
    with pytest.raises(ArcrunError) as caught:
        await isolate.store.find(run_id)
    return caught.value.code


@pytest.mark.parametrize("run_id", ["", "0" * 25, "x" * 26, "0" * 5_000, "../runs", "節" * 26])
async def test_what_is_no_run_id_is_not_looked_up(run_id: str) -> None:
    isolate = Isolate()
    assert (await code_of(isolate, run_id), isolate.records.reads) == ("RUN_NOT_FOUND", [])


async def test_a_run_that_nobody_knows() -> None:
    isolate = Isolate()
    await isolate.keep("w")
    assert await code_of(isolate, "0" * 26) == "RUN_NOT_FOUND"


async def test_another_run_of_a_known_batch_is_not_found() -> None:
    isolate = Isolate()
    [run_id] = await isolate.keep("w")
    assert await code_of(isolate, run_id[:-1] + ("0" if run_id[-1] != "0" else "1")) == "RUN_NOT_FOUND"


ACCEPTED = {"workflow": "tell", "version": 3, "trigger": "webhook", "started_at": STARTED}


async def accept(isolate: Isolate, limit_ms: float = MAX_ACCEPTED_MS, workflow: str = "tell") -> str:
    run_id = isolate.store.new_run_id()
    await isolate.store.accept(
        AcceptedRun(run_id, workflow, 3, TriggerKind.WEBHOOK, limit_ms, {"n": 1}, b"", KEEPS_ALL)
    )
    return run_id


async def test_an_accepted_run_is_running_until_its_record_is_there() -> None:
    isolate = Isolate()
    run_id = await accept(isolate)
    listed = {"id": run_id, "status": "running", **ACCEPTED}
    assert await isolate.store.list(RunFilter(), 50, None) == ([listed], None)
    assert await isolate.store.find(run_id) == {**listed, "input": {"n": 1}}
    await isolate.store.add_accepted(ended(record_of(run_id, "tell")))
    [verdict] = (await isolate.store.list(RunFilter(), 50, None))[0]
    assert (verdict["status"], verdict["id"], "deadline_ms" in verdict) == ("success", run_id, False)
    found = await isolate.store.find(run_id)
    assert (found["status"], "input" in found) == ("success", False)


@pytest.mark.parametrize(
    ("after_ms", "status"),
    [
        pytest.param(0, "running", id="at once"),
        pytest.param(MAX_ACCEPTED_MS + LOST_AFTER_MS, "running", id="while it may still be written"),
        pytest.param(MAX_ACCEPTED_MS + LOST_AFTER_MS + 1, "lost", id="later"),
    ],
)
async def test_an_accepted_run_that_leaves_no_record_is_lost(after_ms: int, status: str) -> None:
    isolate = Isolate()
    run_id = await accept(isolate)
    isolate.clock.advance(after_ms)
    listed = {"id": run_id, "status": status, **ACCEPTED}
    assert await isolate.store.list(RunFilter("tell"), 50, None) == ([listed], None)
    assert await isolate.store.find(run_id) == {**listed, "input": {"n": 1}}


def test_a_lost_run_is_known_as_one_within_a_minute() -> None:
    assert MAX_ACCEPTED_MS + LOST_AFTER_MS < 60_000


async def test_lost_runs_are_listed_among_the_others() -> None:
    isolate = Isolate()
    before = await isolate.keep_apart("a")
    lost = await accept(isolate, workflow="w" * 64)
    after = await isolate.keep_apart("b", "c")
    assert await isolate.listed() == [*after[::-1], lost, *before]


async def test_a_run_that_ends_while_it_is_looked_for_is_found() -> None:
    isolate = Isolate()
    run_id = await accept(isolate)
    read = isolate.records.get

    async def read_and_end(key: str) -> str | None:
        text = await read(key)
        if key.startswith("run:") and text is None:
            await isolate.store.add_accepted(ended(record_of(run_id)))
        return text

    isolate.records.get = read_and_end  # type: ignore[method-assign]
    assert (await isolate.store.find(run_id))["status"] == "success"


def large_record(run_id: str, key: str) -> RunRecord:
    large = {"x": "x" * 100_000}
    node = NodeRecord("a", "echo", NodeStatus.SUCCESS)
    error = RunError("m", details=large) if key == "error" else None
    return RunRecord(run_id, "w", 1, TriggerKind.WEBHOOK, 0, 0, large, error, (node,))


@pytest.mark.parametrize(
    "changed",
    [
        *({"error": {"a": 1}}, {"error": None}, {"node": ["n"]}, {"node": 5}, {"status": {}}, {"status": "well"}),
        *({"duration_ms": 1e308}, {"duration_ms": -1}, {"duration_ms": True}, {"duration_ms": "1"}),
        *({"duration_ms": float("nan")}, {"deadline_ms": 1e308}, {"deadline_ms": None}),
        *({"version": True}, {"version": -1}, {"version": 10**400}, {"version": 1.5}, {"workflow": 5}, {"trigger": []}),
        *({"id": "x"}, {"id": 5}, {"started_at": "soon"}, {"started_at": "2026-11-01"}, {"started_at": 5}),
    ],
    ids=str,
)
async def test_a_verdict_of_other_types_is_in_no_list(changed: dict[str, Any]) -> None:
    """Anyone with write access to the namespace can write one."""
    isolate = Isolate()
    [run_id] = await isolate.keep("a")
    [entry] = (await isolate.verdicts.list("verdict:")).entries
    [verdict] = (entry.metadata or {})["verdicts"]
    other = {**verdict, "error": "BAD", "node": "n", "id": f"{run_id[:-1]}0"}
    metadata = {"verdicts": [{**other, **changed}, verdict, {**other, "unknown": {}}]}
    isolate.verdicts.list = AsyncPage(metadata)  # type: ignore[method-assign]
    assert await isolate.store.list(RunFilter(), 50, None) == ([verdict, other], None)


class AsyncPage:
    """Answers a list with one key, with metadata of any size."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self._page = KeyPage((KeyEntry("verdict:x", metadata),), None)

    async def __call__(self, *_: Any, **__: Any) -> KeyPage:
        return self._page


class UnlistableRuns:
    """A store whose list fails, with `count` records that it could not write."""

    def __init__(self, count: int) -> None:
        self.unwritten = UnwrittenRecords(FixedClock())
        for _ in range(count):
            with self.unwritten.counting(1):
                raise UpstreamError("Workers KV failed.", code="STORAGE_FAILED")

    async def list(self, *_: Any) -> Any:
        raise UpstreamError("The list failed.", code="OBJECT_UNAVAILABLE")


@pytest.mark.parametrize("count", [0, 5])
async def test_a_list_that_fails_counts_unwritten_records_too(count: int) -> None:
    service: Any = SimpleNamespace(runs=UnlistableRuns(count))
    with pytest.raises(UpstreamError) as refused:
        await list_runs(service, Request({"type": "http", "query_string": b"", "headers": []}))
    told = refused.value.to_json()["details"].get("unwritten", {"count": 0})
    assert (refused.value.code, told["count"]) == ("OBJECT_UNAVAILABLE", count)
