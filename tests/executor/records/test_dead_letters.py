"""Dead letters in a RunLog's object: which runs become one, and that pruning leaves them, within bounds."""

from collections.abc import Callable
from typing import Any

import pytest

from arcrun.engine.run_id import build_run_id_in
from arcrun.limits import DEAD_LETTER_DAYS
from arcrun.run_log.filter import RunFilter
from arcrun.times import render_time
from executor.records import dead_letters
from executor.records.run_log import DAY_MS, PRUNE_PAUSE_MS
from executor.records.untold_failures import TELL_MS
from fakes.ports.objects import FakeRunLogs
from fakes.ports.storage import InMemoryR2
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio


class Logs(FakeRunLogs):
    """A RunLog of one object with accepted runs in it. `time` goes on by a millisecond with each."""

    def __init__(self, **options: Any) -> None:
        self.time, self.random = FixedClock(), SeededRandom()
        self.bucket = InMemoryR2(self.time)
        super().__init__(self.time, 1, **options)

    async def accept(self, **fields: Any) -> str:
        self.time.advance(1)
        run: Any = {
            "id": build_run_id_in(self.time, self.random, 0),
            "workflow": "w",
            "version": 1,
            "trigger": "webhook",
            "status": "running",
            "started_at": render_time(self.time.now_ms()),
            "deadline_ms": self.time.now_ms() + 60_000,
            "keep_days": 0,
            "blobs": 0,
            "result": "{}",
            "input": "sealed",
            "start": "sealed",
            **fields,
        }
        await self.add(0, [run])
        return str(run["id"])

    async def end(self, run_id: str, status: str = "failed", **fields: Any) -> None:
        run: Any = {**self.look_up(run_id), "status": status, "deadline_ms": None, "input": None, **fields}
        await self.add(0, [run])

    async def fail(self, **fields: Any) -> str:
        run_id = await self.accept(**fields)
        await self.end(run_id)
        return run_id

    async def dead(self, **asked: Any) -> list[str]:
        runs, _ = await self.list_runs(RunFilter(is_dead=True, **asked), "", 100)
        return [run["id"] for run in runs]

    async def prune_after(self, days: float) -> None:
        self.time.advance(days * DAY_MS)
        await self.prune()

    async def prune(self) -> None:
        async def export() -> bool:
            return False

        while (due_ms := self.alarms[0].due_ms) is not None and due_ms <= self.time.now_ms() + PRUNE_PAUSE_MS:
            self.time.advance(max(0, due_ms - self.time.now_ms()))
            self.alarms[0].due_ms = None
            await self.tables[0].on_alarm(self.bucket, export)

    def ids(self) -> list[str]:
        return [row["id"] for row in self.sql[0].execute("SELECT id FROM runs ORDER BY id")]


@pytest.mark.parametrize(("status", "is_dead"), [("failed", True), ("success", False), ("cancelled", False)])
async def test_an_accepted_run_that_fails_is_a_dead_letter(status: str, *, is_dead: bool) -> None:
    logs = Logs()
    run_id = await logs.accept()
    await logs.end(run_id, status)
    assert (await logs.dead() == [run_id], "dead_until_ms" in logs.look_up(run_id)) == (is_dead, is_dead)
    assert (await logs.count_unsettled())["dead"] == ({"w": 1} if is_dead else {})


async def test_a_failed_run_that_was_not_accepted_is_none_and_costs_no_row() -> None:
    """Where no workflow is started by failures."""
    logs = Logs()
    await logs.fail()
    logs.time.advance(TELL_MS)
    await logs.prune()
    before = logs.sql[0].rows_written
    await logs.accept(start=None, status="failed")
    assert (len(await logs.dead()), logs.sql[0].rows_written - before) == (1, 1)


async def test_the_last_failed_run_of_each_workflow_is_told_whatever_lies_behind_it() -> None:
    logs = Logs()
    await logs.fail(workflow="a")
    last = [await logs.fail(workflow=name) for name in ("a", "b")]
    lost = await logs.accept(workflow="c")
    await logs.accept(workflow="d", status="success", start=None)
    for trigger in ("poll", "execute"):
        await logs.accept(workflow="e", status="failed", start=None, trigger=trigger)
    logs.time.advance(120_000)
    for _ in range(3):
        await logs.accept(workflow="b", start=None, status="cancelled")
    assert (await logs.count_unsettled())["failed"] == dict(zip("abc", (*last, lost), strict=True))


async def test_a_run_that_is_lost_is_listed_among_them() -> None:
    logs = Logs()
    lost, _ = await logs.accept(), await logs.accept(deadline_ms=0.0)
    failed = await logs.fail()
    assert await logs.dead() == [failed]
    logs.time.advance(120_000)
    assert await logs.dead() == [failed, lost]
    assert await logs.dead(status="failed") == [failed]


async def test_the_list_takes_the_other_filters_and_pages() -> None:
    logs = Logs()
    mine = [await logs.fail(workflow="mine") for _ in range(5)]
    await logs.fail(workflow="other")
    assert await logs.dead(workflow="mine") == mine[::-1]
    assert (await logs.count_unsettled())["dead"] == {"mine": 5, "other": 1}
    seen: list[str] = []
    cursor = ""
    while True:
        page, cursor = await logs.list_runs(RunFilter(workflow="mine", is_dead=True), cursor, 2)
        seen += [run["id"] for run in page]
        if not cursor:
            break
    assert seen == mine[::-1]


async def test_pruning_leaves_it_until_it_is_settled() -> None:
    logs = Logs(keep_days=7)
    dead, settled = await logs.fail(), await logs.fail()
    ended = await logs.accept()
    await logs.end(ended, "success")
    await logs.prune_after(8)
    assert logs.ids() == [dead, settled]
    assert logs.look_up(dead)["input"] == "sealed"
    assert (await logs.settle_dead_letter(settled), await logs.settle_dead_letter(settled)) == (True, False)
    assert await logs.dead() == [dead]
    await logs.prune_after(1 / 24)
    assert logs.ids() == [dead]


async def test_it_goes_after_its_days_like_any_other() -> None:
    logs = Logs(keep_days=7)
    short, long = await logs.fail(), await logs.fail(keep_days=365)
    for _ in range(DEAD_LETTER_DAYS - 1):
        await logs.prune_after(1)
        assert logs.ids() == [short, long]
    await logs.prune_after(2)
    assert (logs.ids(), await logs.dead(), (await logs.count_unsettled())["dead"]) == ([long], [], {})


async def test_a_lost_one_goes_after_its_days_too() -> None:
    logs = Logs(keep_days=7)
    lost = await logs.accept()
    await logs.prune_after(DEAD_LETTER_DAYS)
    assert logs.ids() == [lost]
    await logs.prune_after(1)
    assert (logs.ids(), await logs.dead()) == ([], [])


async def test_beyond_their_number_the_oldest_is_a_run_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "MAX_DEAD_LETTERS", 3)
    logs = Logs(keep_days=7)
    failed = [await logs.fail() for _ in range(5)]
    assert await logs.dead() == failed[:1:-1]
    await logs.prune_after(8)
    assert logs.ids() == failed[2:]


async def test_for_room_it_goes_only_where_nothing_else_is_left() -> None:
    logs = Logs(bytes=4_000_000, keep_days=7)
    dead = await logs.fail(result="x" * 400_000)
    others = []
    for _ in range(11):
        others.append(await logs.accept(result="x" * 400_000))
        await logs.end(others[-1], "success")
    await logs.prune_after(1 / 24)
    left = logs.ids()
    assert (left[0], left[1:]) == (dead, others[12 - len(left) :])
    for _ in range(12):
        others.append(await logs.fail(result="x" * 400_000))
    await logs.prune_after(1 / 24)
    left = logs.ids()
    assert left == others[-len(left) :]
    assert await logs.dead() == left[::-1]


@pytest.mark.parametrize("restart", [lambda logs: None, lambda logs: logs.start(0)], ids=["same", "restarted"])
async def test_an_object_knows_them_after_a_start(restart: Callable[[Logs], None]) -> None:
    logs = Logs(keep_days=7)
    dead = await logs.fail()
    restart(logs)
    await logs.prune_after(8)
    assert logs.ids() == await logs.dead() == [dead]
