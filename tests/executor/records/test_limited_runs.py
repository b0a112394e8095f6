"""Proves that runs wait for room in their order: for each key, across restarts, deaths and any interleaving."""

import random
from typing import Any

import pytest

from arcrun.engine.run_id import build_run_id_in
from arcrun.errors import UpstreamError
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from executor.records import admissions, limited_runs, queued_runs
from executor.records.admissions import MINUTE_MS, Admissions
from executor.records.limited_runs import ACCEPTING_MS, BATCH_PAUSE_MS, LOOK_MS, RETRY_MS, LimitedRuns
from fakes.ports.sql import SqliteSql
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

LEASE_MS = 500_000


class Elsewhere:
    """The runs' own objects and their instances: `states` by run, `begun` in order, `replaced` by whom."""

    def __init__(self) -> None:
        self.states: dict[str, str] = {}
        self.begun: list[str] = []
        self.replaced: dict[str, str] = {}
        self.dead: set[str] = set()
        self.is_down = False

    def of_run(self, _run_id: str) -> "Elsewhere":
        return self

    @property
    def logs(self) -> "Elsewhere":
        return self

    async def find_queued(self, run_id: str) -> str:
        if self.is_down:
            raise UpstreamError("down", code="OBJECT_UNAVAILABLE")
        return self.states.get(run_id, "unknown")

    async def leave_queue(self, run_id: str) -> None:
        self.states[run_id] = "begun"

    async def begin(self, run_id: str) -> None:
        self.begun.append(run_id)

    async def has_ended(self, run_id: str) -> bool:
        return run_id in self.dead

    async def replace_queued(self, run_id: str, by: str) -> str:
        state = self.states.get(run_id, "unknown")
        if state == "queued":
            self.states[run_id], self.replaced[run_id] = "unknown", by
        return state


class Object:
    def __init__(self) -> None:
        self.clock, self.random, self.sql = FixedClock(), SeededRandom(), SqliteSql()
        for statement in (*admissions.TABLES, *queued_runs.TABLES, *limited_runs.TABLES):
            self.sql.execute(statement)
        self.elsewhere = Elsewhere()
        self.tickets: dict[str, str] = {}
        self.start()

    def start(self) -> None:
        self.tables = LimitedRuns(self.sql, self.clock, Admissions(self.sql, self.clock))

    def come(self, run_id: str, *limits: QueueingLimit, is_stored: bool = True) -> Admission:
        ticket = build_run_id_in(self.clock, self.random, 0)
        outcome = self.tables.admit_or_queue(ticket, run_id, limits, LEASE_MS)
        self.tickets[run_id] = outcome["ticket"]
        if is_stored and outcome["state"] != "refused":
            self.elsewhere.states[run_id] = {"queued": "queued", "admitted": "begun"}[outcome["state"]]
        return outcome

    def state_of(self, run_id: str, *limits: QueueingLimit, **options: Any) -> str:
        return self.come(run_id, *limits, **options)["state"]

    def end(self, run_id: str) -> None:
        self.elsewhere.states.pop(run_id, None)
        self.tables.leave(self.tickets[run_id])

    async def alarm(self) -> None:
        if self.tables.due_ms and self.tables.due_ms <= self.clock.now_ms():
            await self.tables.settle(self.elsewhere)  # type: ignore[arg-type]

    async def pass_time(self, ms: float) -> None:
        """With its alarms."""
        until_ms = self.clock.now_ms() + ms
        await self.alarm()
        while self.tables.due_ms and self.tables.due_ms <= until_ms:
            self.clock.advance(max(0.0, self.tables.due_ms - self.clock.now_ms()))
            await self.alarm()
        self.clock.advance(until_ms - self.clock.now_ms())

    @property
    def begun(self) -> list[str]:
        return self.elsewhere.begun

    @property
    def rows(self) -> int:
        return len(self.sql.execute("SELECT * FROM limited"))


def limit(on_limit: str = "queue", name: str = "n", *, at_once: int | None = None, a_minute: int | None = None) -> Any:
    return {"name": name, "per_minute": a_minute, "concurrent": at_once, "on_limit": on_limit}


ONE = limit(at_once=1)


@pytest.mark.parametrize("restarts", [False, True])
async def test_who_waits_begins_in_the_order_of_coming(restarts: bool) -> None:
    kept = Object()
    assert [kept.state_of(run, ONE) for run in "abcd"] == ["admitted", "queued", "queued", "queued"]
    order = []
    for ended in "abc":
        kept.end(ended)
        if restarts:
            kept.start()
        assert kept.tables.due_ms == kept.clock.now_ms() or kept.tables.due_ms <= kept.clock.now_ms() + BATCH_PAUSE_MS
        await kept.pass_time(BATCH_PAUSE_MS)
        order.append([*kept.begun])
    assert order == [["b"], ["b", "c"], ["b", "c", "d"]]
    kept.end("d")
    assert (kept.rows, kept.tables.due_ms) == (0, 0)


async def test_nobody_who_comes_later_overtakes() -> None:
    kept = Object()
    per_minute = limit(a_minute=1)
    assert [kept.state_of(run, per_minute) for run in "ab"] == ["admitted", "queued"]
    kept.clock.advance(MINUTE_MS)  # there is room, and the alarm is late
    assert kept.state_of("c", per_minute) == "queued"
    await kept.alarm()
    assert kept.begun == ["b"]


async def test_a_minute_lets_in_the_next_without_anybody_asking() -> None:
    kept = Object()
    assert [kept.state_of(run, limit(a_minute=2)) for run in "abcde"] == ["admitted"] * 2 + ["queued"] * 3
    await kept.pass_time(MINUTE_MS - 1)
    assert kept.begun == []
    await kept.pass_time(1)
    assert kept.begun == ["c", "d"]
    await kept.pass_time(MINUTE_MS + BATCH_PAUSE_MS)
    assert kept.begun == ["c", "d", "e"]


async def test_a_lease_that_ends_lets_in_the_next() -> None:
    kept = Object()
    assert [kept.state_of(run, ONE) for run in "ab"] == ["admitted", "queued"]
    await kept.pass_time(LEASE_MS - 1)
    assert kept.begun == []
    await kept.pass_time(1)
    assert kept.begun == ["b"]


async def test_keys_do_not_wait_for_each_other() -> None:
    kept = Object()
    mine, yours, all_of_us = limit(name="mine", at_once=1), limit(name="yours", at_once=1), limit(name="all", at_once=2)
    assert kept.state_of("a", mine, all_of_us) == "admitted"
    assert kept.state_of("b", mine, all_of_us) == "queued"  # for `a`, and it holds up nobody else
    assert kept.state_of("c", yours, all_of_us) == "admitted"
    assert kept.state_of("d", yours, all_of_us) == "queued"
    kept.end("c")
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["d"]
    kept.end("a")
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["d", "b"]


async def test_latest_replaces_who_waits_and_leaves_who_runs() -> None:
    kept = Object()
    latest = limit("latest", at_once=1)
    assert [kept.state_of(run, latest) for run in "abc"] == ["admitted", "queued", "queued"]
    assert kept.state_of("x", limit("latest", "other", at_once=1)) == "admitted"
    await kept.pass_time(BATCH_PAUSE_MS)
    assert (kept.elsewhere.replaced, kept.begun) == ({"b": "c"}, [])
    kept.end("a")
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["c"]


async def test_a_limit_that_refuses_goes_before_those_that_queue() -> None:
    kept = Object()
    refusing, latest = limit("reject", "r", a_minute=2), limit("latest", "l", at_once=1)
    outcomes = [kept.come(run, latest, refusing) for run in "abc"]
    assert [outcome["state"] for outcome in outcomes] == ["admitted", "queued", "queued"]
    kept.end("a")
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["c"]
    refused = kept.come("d", latest, refusing)
    assert (refused["state"], refused["number"], refused["retry_ms"]) == ("refused", 1, MINUTE_MS - BATCH_PAUSE_MS)
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.elsewhere.replaced == {"b": "c"}


async def test_a_queue_holds_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limited_runs, "MAX_WAITING_RUNS", 2)
    kept = Object()
    assert [kept.state_of(run, ONE) for run in "abcd"] == ["admitted", "queued", "queued", "refused"]
    assert kept.state_of("e", limit(name="m", at_once=1)) == "admitted"
    monkeypatch.setattr(limited_runs, "MAX_QUEUED_RUNS", 2)
    full = kept.come("f", limit(name="m", at_once=1))
    assert (full["state"], full["number"]) == ("refused", -1)


async def test_a_run_that_comes_twice_has_one_turn() -> None:
    kept = Object()
    outcomes = [kept.come(run, ONE) for run in "aabb"]
    assert [outcome["state"] for outcome in outcomes] == ["admitted", "admitted", "queued", "queued"]
    assert outcomes[2]["ticket"] == outcomes[3]["ticket"]
    assert kept.rows == 2


async def test_one_that_is_let_in_before_its_row_is_there_begins_with_it() -> None:
    kept = Object()
    kept.come("a", ONE)
    kept.come("b", ONE, is_stored=False)
    kept.end("a")
    await kept.pass_time(2_000)
    assert kept.begun == []
    kept.elsewhere.states["b"] = "queued"
    await kept.pass_time(1_000)
    assert kept.begun == ["b"]


async def test_one_that_never_gets_a_row_holds_up_nobody_for_long() -> None:
    kept = Object()
    kept.come("a", ONE)
    kept.come("b", ONE, is_stored=False)
    kept.come("c", ONE)
    kept.end("a")
    await kept.pass_time(ACCEPTING_MS + RETRY_MS)
    assert kept.begun == ["c"]


async def test_who_has_ended_without_leaving_is_found_while_others_wait() -> None:
    kept = Object()
    assert [kept.state_of(run, ONE) for run in "ab"] == ["admitted", "queued"]
    kept.elsewhere.dead.add("a")
    await kept.pass_time(2 * LOOK_MS)
    assert kept.begun == ["b"]


async def test_what_cannot_be_reached_is_tried_again() -> None:
    kept = Object()
    for run in "ab":
        kept.come(run, ONE)
    kept.elsewhere.is_down = True
    kept.end("a")
    await kept.pass_time(10_000)
    assert kept.begun == []
    kept.elsewhere.is_down = False
    await kept.pass_time(RETRY_MS)
    assert kept.begun == ["b"]


async def test_one_that_is_cancelled_gives_up_its_turn() -> None:
    kept = Object()
    for run in "abc":
        kept.come(run, ONE)
    kept.end("b")
    kept.end("a")
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["c"]


async def test_a_new_version_changes_the_number_for_those_who_wait() -> None:
    kept = Object()
    assert [kept.state_of(run, ONE) for run in "abc"] == ["admitted", "queued", "queued"]
    assert kept.state_of("d", limit(at_once=3)) == "queued"
    await kept.pass_time(BATCH_PAUSE_MS)
    assert kept.begun == ["b", "c"]


async def test_what_counts_no_more_is_deleted() -> None:
    kept = Object()
    kept.come("a", ONE)
    await kept.pass_time(LEASE_MS + MINUTE_MS)
    kept.come("b", limit(name="m", at_once=1))  # which cleans the admissions
    kept.tables.clean()
    assert kept.rows == 1


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_keeps_the_order_and_the_limits(seed: int) -> None:
    """Of one limit: never more at once, nobody overtaken, nobody lost; over restarts, cancels, deaths and alarms at any
    time.
    """
    chance, kept = random.Random(seed), Object()
    waiting: list[str] = []
    running: set[str] = set()
    expected: list[str] = []
    for number in range(600):
        action = chance.random()
        if action < 0.4:
            run = str(number)
            (waiting.append if kept.state_of(run, limit(at_once=3)) == "queued" else running.add)(run)
        elif action < 0.7 and running:
            gone = chance.choice(sorted(running))
            running.remove(gone)
            kept.end(gone)
        elif action < 0.75 and waiting:
            gone = chance.choice(waiting)
            waiting.remove(gone)
            kept.end(gone)
        elif action < 0.8:
            kept.start()
        elif action < 0.9:
            await kept.pass_time(chance.choice([0, 50, BATCH_PAUSE_MS]))
        while waiting and len(running) < 3:
            expected.append(waiting.pop(0))
            running.add(expected[-1])
        assert len(running) == 3 or not waiting
    await kept.pass_time(60_000)
    begun = [run for run in expected if run in kept.begun]
    assert kept.begun == begun
    assert all(kept.elsewhere.states[run] == "begun" for run in running)
    while running:
        gone = running.pop()
        kept.end(gone)
        if waiting:
            running.add(waiting.pop(0))
        await kept.pass_time(60_000)
    assert (kept.rows, kept.sql.execute("SELECT * FROM admissions WHERE lease_ms > 0")) == (0, [])
