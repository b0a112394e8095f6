"""Proves how a tenant's runs are stored in its own KV: one write in two seconds, found by their ids, and listed."""

import random
from typing import Any

import pytest

from arcrun.engine.record import NodeRecord, NodeStatus, RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, NotFoundError, RecordError, RunError, UpstreamError
from arcrun.limits import MAX_ACCEPTED_MS, MAX_ROW_BYTES
from arcrun.run_log.filter import LOST_AFTER_MS, RunFilter
from arcrun.workflows.model import KEEPS_ALL, Keeping, Recording
from arcrun.workspace.sealing import Unsealed
from executor.records.runs import AcceptedRun, EndedRun
from executor.records.tenant_runs import KEY_INTERVAL_MS, SLOT_MS, TTL_S, TenantRuns
from fakes.earlier_runs import EarlierWriter
from fakes.ports.background import FakeBackground
from fakes.ports.objects import FakeWorkspace
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio


class FullDisk(InMemoryKV):
    """A KV that refuses writes while it is full."""

    is_full = False

    async def put(self, *arguments: Any, **options: Any) -> None:
        if self.is_full:
            raise UpstreamError("Workers KV failed: the disk is full.", code="STORAGE_FAILED")
        await super().put(*arguments, **options)


class Isolate:
    """One isolate's store. Isolates share the namespace and the time."""

    def __init__(self, seed: int = 0, other: "Isolate | None" = None) -> None:
        self.clock: FixedClock = other.clock if other else FixedClock()
        self.kv: FullDisk = other.kv if other else FullDisk(self.clock)
        self.background = FakeBackground()
        self.store = TenantRuns(
            *(self.kv, self.clock, SeededRandom(seed), self.background),
            workspace=FakeWorkspace(self.clock),
            sealing=Unsealed(),
        )

    def record_of(self, run_id: str, workflow: str = "w", error: ArcrunError | None = None, size: int = 1) -> RunRecord:
        value = {"x": "x" * size}
        trace = (NodeRecord("a", "echo", NodeStatus.SUCCESS, attempts=1, input=value, bytes=300 + size),)
        return RunRecord(run_id, workflow, 3, TriggerKind.WEBHOOK, self.clock.now_ms(), 12.5, 7, error, trace)

    def end(self, *, workflow: str = "w", keeping: Keeping = KEEPS_ALL, **fields: Any) -> str:
        run_id = self.store.new_run_id()
        self.store.add(EndedRun(self.record_of(run_id, workflow, **fields), keeping, b"{}"))
        return run_id

    async def keep(self, *workflows: str, **fields: Any) -> list[str]:
        ids = [self.end(workflow=workflow, **fields) for workflow in workflows]
        await self.background.finish()
        return ids

    async def listed(self, limit: int = 50, **asked: Any) -> list[str]:
        found: list[str] = []
        cursor: str | None = None
        while True:
            runs, cursor = await self.store.list(RunFilter(**asked), limit, cursor)
            found += [run["id"] for run in runs]
            if cursor is None:
                return found


async def test_runs_of_two_seconds_are_one_write() -> None:
    isolate = Isolate()
    ids = []
    for name in "abcdefgh":
        ids.append(isolate.end(workflow=name))
        isolate.clock.advance(200)
    assert isolate.kv.writes == []
    await isolate.background.finish()
    assert len(isolate.kv.writes) == 1
    assert [(await isolate.store.find(run_id))["workflow"] for run_id in ids] == list("abcdefgh")
    assert sorted(await isolate.listed()) == sorted(ids)
    assert await isolate.listed(workflow="c") == [ids[2]]


async def test_a_busy_tenant_writes_once_in_two_seconds() -> None:
    isolate = Isolate()
    began_ms = isolate.clock.now_ms()
    ids = []
    for _ in range(40):
        ids += await isolate.keep("a", "b", "c")
    slots = (isolate.clock.now_ms() - began_ms) / SLOT_MS
    assert len(isolate.kv.writes) <= slots + 1
    assert sorted(await isolate.listed(limit=100)) == sorted(ids)


async def test_lists_are_newest_first_over_pages_and_isolates() -> None:
    first = Isolate()
    isolates = [first, Isolate(1, first), Isolate(2, first)]
    ids = []
    for number in range(45):
        first.clock.advance(SLOT_MS)
        ids += await isolates[number % 3].keep(*["w"] * (number % 7 + 1))
    for limit in (1, 9, 100):
        found = await first.listed(limit=limit)
        assert len(found) == len(set(found)) == len(ids)
        assert [run_id[:8] for run_id in found] == [run_id[:8] for run_id in sorted(ids, reverse=True)]


@pytest.mark.parametrize("seed", range(20))
async def test_each_run_is_found_whenever_it_ends(seed: int) -> None:
    """Runs outlast their slot, isolates write concurrently, and some requests are cancelled with their work."""
    chance, first = random.Random(seed), Isolate(seed)
    isolates = [first, Isolate(seed + 1_000, first)]
    under_way: list[tuple[Isolate, str]] = []
    ids = []
    for _ in range(60):
        isolate = chance.choice(isolates)
        under_way.append((isolate, isolate.store.new_run_id()))
        first.clock.advance(chance.choice([0, 5, 300, 1_500, 5_000]))
        chance.shuffle(under_way)
        while len(under_way) > chance.randrange(6):
            isolate, run_id = under_way.pop()
            size = chance.choice([1, 1, 1, 100_000, 300_000])
            isolate.store.add(EndedRun(isolate.record_of(run_id, size=size), KEEPS_ALL, b"{}"))
            ids.append(run_id)
        action = chance.randrange(4)
        if action == 0:
            for each in isolates:
                await each.background.finish()
        elif action == 1:
            chance.choice(isolates).background.drop()
    first.clock.advance(60_000)
    for each in isolates:
        ids += await each.keep("w")
    assert sorted(await first.listed(limit=100)) == sorted(ids)
    assert [(await first.store.find(run_id))["id"] for run_id in ids] == ids


async def test_what_is_large_leaves_the_others_their_write() -> None:
    isolate = Isolate()
    small, large = isolate.end(), isolate.end(size=MAX_ROW_BYTES)
    await isolate.background.finish()
    assert len(isolate.kv.writes) == 2
    assert sorted(await isolate.listed()) == sorted([small, large])


@pytest.mark.parametrize(
    ("recording", "are_kept"),
    [(Recording.ALL, [True, True]), (Recording.ERRORS, [False, True]), (Recording.NONE, [False, False])],
)
@pytest.mark.parametrize("way", ["after", "before", "accepted"])
async def test_a_workflow_says_which_runs_are_kept(recording: Recording, are_kept: list[bool], way: str) -> None:
    isolate, keeping = Isolate(), Keeping(recording)
    for error, is_kept in zip((None, RunError("m", code="BAD")), are_kept, strict=True):
        run_id = isolate.store.new_run_id()
        run = EndedRun(isolate.record_of(run_id, error=error), keeping, b"{}")
        if way == "after":
            isolate.store.add(run)
        elif way == "before":
            await isolate.store.add_now(run)
        else:
            await isolate.store.accept(accepted(run_id, keeping))
            await isolate.store.add_accepted(run)
        await isolate.background.finish()
        assert (run_id in await isolate.listed()) is is_kept


async def test_values_live_for_as_long_as_their_workflow_says() -> None:
    isolate = Isolate()
    usual = await isolate.keep("w")
    isolate.clock.advance(SLOT_MS)
    long = await isolate.keep("w", keeping=Keeping(days=30))
    listed = []
    for days in (6.9, 0.2, 22.8, 0.2):
        isolate.clock.advance(days * 24 * 3_600_000)
        listed.append(await isolate.listed())
    assert listed == [[*long, *usual], long, long, []]
    assert TTL_S == 7 * 24 * 3600


async def test_a_record_before_the_answer_is_there_or_an_error_is() -> None:
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    run = EndedRun(isolate.record_of(run_id), KEEPS_ALL, b"{}")
    isolate.kv.is_full = True
    with pytest.raises(RecordError):
        await isolate.store.add_now(run)
    isolate.kv.is_full = False
    await isolate.store.add_now(run)
    assert (await isolate.store.find(run_id))["data"] == 7


def accepted(run_id: str, keeping: Keeping = KEEPS_ALL) -> AcceptedRun:
    return AcceptedRun(run_id, "tell", 3, TriggerKind.WEBHOOK, MAX_ACCEPTED_MS, {"n": 1}, b"", keeping)


async def test_an_accepted_run_is_running_then_ended_or_lost() -> None:
    isolate = Isolate()
    ended, lost = isolate.store.new_run_id(), isolate.store.new_run_id()
    for run_id in (ended, lost):
        await isolate.store.accept(accepted(run_id))
        assert (await isolate.store.find(run_id))["input"] == {"n": 1}
    isolate.clock.advance(KEY_INTERVAL_MS)
    await isolate.store.add_accepted(EndedRun(isolate.record_of(ended), KEEPS_ALL, b""))
    isolate.clock.advance(MAX_ACCEPTED_MS + LOST_AFTER_MS)
    assert await isolate.listed(status="lost") == [lost]
    assert await isolate.listed(status="success") == [ended]
    assert "input" not in await isolate.store.find(ended)


async def test_a_second_write_of_one_key_within_a_second_is_tried_again() -> None:
    """Workers KV refuses it: https://developers.cloudflare.com/kv/platform/limits/"""
    isolate = Isolate()
    run_id = isolate.store.new_run_id()
    await isolate.store.accept(accepted(run_id))
    isolate.kv.is_full = True
    sleep = isolate.clock.sleep

    async def sleep_and_mend(duration_ms: float) -> None:
        isolate.kv.is_full = False
        await sleep(duration_ms)

    isolate.clock.sleep = sleep_and_mend  # type: ignore[method-assign]
    await isolate.store.add_accepted(EndedRun(isolate.record_of(run_id), KEEPS_ALL, b""))
    assert (isolate.clock.slept_ms, isolate.store.unwritten.count) == ([KEY_INTERVAL_MS], 0)
    assert (await isolate.store.find(run_id))["status"] == "success"


async def test_records_that_cannot_be_written_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    isolate = Isolate()
    isolate.kv.is_full = True
    await isolate.keep("a", "b", "c")
    await isolate.store.add_accepted(EndedRun(isolate.record_of(isolate.store.new_run_id()), KEEPS_ALL, b""))
    isolate.kv.is_full = False
    [kept] = await isolate.keep("w")
    unwritten = isolate.store.unwritten.to_json()
    assert (unwritten["count"], unwritten["reason"]) == (4, "Workers KV failed: the disk is full.")
    assert await isolate.listed() == [kept]
    assert caplog.messages == ["Records of runs could not be written, 3 so far: Workers KV failed: the disk is full."]


async def test_the_log_says_it_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    isolate = Isolate()
    isolate.kv.is_full = True
    for _ in range(100):
        await isolate.keep("w")  # 2 s each
    assert [message.split()[7] for message in caplog.messages] == ["1", "31", "61", "91"]
    assert isolate.store.unwritten.count == 100


async def test_a_fault_of_ours_is_counted_and_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    isolate = Isolate()
    with isolate.store.unwritten.counting(1):
        raise ValueError("secret")
    assert isolate.store.unwritten.to_json()["reason"] == "arcrun failed; the log has the cause."
    assert ("ValueError" in caplog.text, "secret" in caplog.text.partition("Error\n")[0]) == (True, False)


async def test_runs_of_the_format_before_are_listed_behind() -> None:
    isolate = Isolate()
    writer = EarlierWriter(isolate.kv, isolate.kv, isolate.clock, SeededRandom(9), isolate.background)
    earlier = []
    for _ in range(3):
        isolate.clock.advance(1_000)
        earlier.append(writer.new_run_id())
        writer.add(EndedRun(isolate.record_of(earlier[-1]), KEEPS_ALL, b""))
        await isolate.background.finish()
    new = []
    for _ in range(2):
        isolate.clock.advance(SLOT_MS)
        new += await isolate.keep("w")
    for limit in (1, 2, 50):
        assert await isolate.listed(limit=limit) == [*new[::-1], *earlier[::-1]]
    assert [(await isolate.store.find(run_id))["id"] for run_id in (*earlier, *new)] == [*earlier, *new]


@pytest.mark.parametrize("run_id", ["0" * 26, "zz", ""])
async def test_an_unknown_run_is_not_found(run_id: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await Isolate().store.find(run_id)
    assert caught.value.code == "RUN_NOT_FOUND"
