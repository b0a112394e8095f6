"""Proves which runs the alarm of a Workspace begins: each pair of `catch_up` and `overlap`, with alarms that are lost,
doubled, or end in the middle. Time is virtual; the times of an `every` need no component.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arcrun.durable_objects import LATE_ALARM_MS
from arcrun.limits import CATCH_UP_DAYS, MAX_CAUGHT_UP, MAX_WAITING_FIRINGS
from arcrun.workflows.triggers.schedules import CatchUp, Overlap, Schedule, Timing
from arcrun.workspace.schedules import NewSchedule
from components import wasm_harness as harness
from executor.schedules.alarm import ScheduleAlarm
from executor.schedules.firing import DueRun, Fate
from executor.schedules.tables import RETRY_MS, Schedules
from executor.schedules.times import ScheduleTimes, list_new
from executor.workspace import MIGRATIONS, WorkspaceTables
from fakes.ports.objects import FakeAlarm
from fakes.ports.sql import SqliteSql
from fakes.ports.system import START_MS, FixedClock

pytestmark = pytest.mark.anyio

MINUTE_MS, HOUR_MS = 60_000.0, 3_600_000.0
BATCH = 100


class Crash(BaseException):
    """The object ends in the middle."""


async def ask_nothing(_asked: Mapping[str, Any]) -> Mapping[str, Any]:
    raise AssertionError("no component is needed")


async def ask_cron(asked: Mapping[str, Any]) -> Any:
    return harness.run("cron", asked).data


class World:
    """A Workspace's schedules, and runs that last `run_ms`. With `chaos` it crashes, and alarms come twice."""

    def __init__(self, run_ms: float = 0, chaos: Random | None = None, begin_ms: float = START_MS) -> None:
        self.clock, self.sql, self.chaos, self.run_ms = FixedClock(begin_ms), SqliteSql(MIGRATIONS), chaos, run_ms
        self.times = ScheduleTimes(ask_nothing)
        self.alarm = FakeAlarm(self.clock)
        self.runs: dict[str, tuple[DueRun, float]] = {}
        self.fates: dict[str, Fate] = {}  # of workflows
        self.room: Callable[[], int] | None = None  # how many may start now, if not all
        self.asked = 0
        self.tables = self.start_object()

    def start_object(self) -> Schedules:
        return WorkspaceTables(self.sql, self.clock, self.alarm).schedules

    def push(self, name: str = "w", *schedules: Schedule) -> None:
        first_ms = [self.clock.now_ms() + each.every_ms for each in schedules]
        rules = [json.dumps(each.rules_to_json()) for each in schedules]
        new: list[NewSchedule] = [
            {"key": str(number), "number": number, "rules": text, "due_ms": due_ms}
            for number, (text, due_ms) in enumerate(zip(rules, first_ms, strict=True))
        ]
        self.tables.replace(name, new)

    async def begin(self, due: Sequence[DueRun]) -> Mapping[str, Fate]:
        self._perhaps_crash()
        room = len(due) if self.room is None else max(0, self.room())
        full = {each.run_id: Fate.FULL for each in due[room:]}
        for each in due[:room]:
            if self.fates.get(each.name, Fate.BEGUN) is Fate.BEGUN and each.run_id not in self.runs:
                self.runs[each.run_id] = each, self.clock.now_ms()
                self._perhaps_crash()
        self.asked += len(due)
        return {each.run_id: self.fates.get(each.name, Fate.BEGUN) for each in due} | full

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        self._perhaps_crash()
        return [each for each in run_ids if self.runs[each][1] + self.run_ms > self.clock.now_ms()]

    async def forget(self, run_id: str) -> None:
        raise AssertionError(f"{run_id} is no poll")

    def _perhaps_crash(self) -> None:
        if self.chaos is not None and self.chaos.random() < 0.1:
            raise Crash

    async def ring(self) -> None:
        try:
            await ScheduleAlarm(self.tables, None, self.times, self, self.clock, most=BATCH, objects=16).ring()
        except Crash:
            self.tables = self.start_object()

    async def live(self, until_ms: float) -> None:
        """Let alarms go off until then."""
        while self.alarm.due_ms is not None and self.alarm.due_ms <= until_ms:
            self.clock.advance(max(0, self.alarm.due_ms - self.clock.now_ms()))
            for _ in range(2 if self.chaos is not None and self.chaos.random() < 0.2 else 1):
                await self.ring()
        self.clock.advance(until_ms - self.clock.now_ms())

    @property
    def began(self) -> list[tuple[float, float]]:
        """Of each run, in the order in which they began: its time and its beginning, from the start of the world."""
        return [(due.due_ms - START_MS, began_ms - START_MS) for due, began_ms in self.runs.values()]

    def hours(self) -> list[float]:
        return [due_ms / HOUR_MS for due_ms, _ in self.began]

    def counts(self, name: str = "w") -> tuple[int, int]:
        """How many times were skipped and missed."""
        found = self.tables.find(name)
        return sum(each["skipped"] for each in found), sum(each["missed"] for each in found)


def every(
    text: str, catch_up: CatchUp = CatchUp.ONE, overlap: Overlap = Overlap.SKIP, jitter: int | None = 0
) -> Schedule:
    return Schedule(Timing.EVERY, text, catch_up=catch_up, overlap=overlap, jitter_ms=jitter)


@pytest.mark.parametrize(
    ("catch_up", "overlap", "hours", "counts"),
    [
        ("none", "skip", [6, 8], (1, 5)),
        ("none", "queue", [6, 7], (0, 5)),
        ("none", "allow", [6, 7, 8], (0, 5)),
        ("one", "skip", [5, 7], (2, 4)),
        ("one", "queue", [5, 6], (0, 4)),
        ("one", "allow", [5, 6, 7, 8], (0, 4)),
        ("all", "skip", [1, 7], (6, 0)),
        ("all", "queue", [1, 2], (0, 0)),
        ("all", "allow", [1, 2, 3, 4, 5, 6, 7, 8], (0, 0)),
    ],
)
async def test_down_for_five_hours_with_runs_of_ninety_minutes(
    catch_up: str, overlap: str, hours: list[float], counts: tuple[int, int]
) -> None:
    """Each hour, from 1 on; it is up again at 5:30, and looked at until 8:25."""
    world = World(run_ms=1.5 * HOUR_MS - 1)
    world.push("w", every("1h", CatchUp(catch_up), Overlap(overlap)))
    world.clock.advance(5.5 * HOUR_MS)
    await world.live(START_MS + 8 * HOUR_MS + 25 * MINUTE_MS)
    assert (world.hours(), world.counts()) == (hours, counts)
    if overlap != "allow":
        begun = [began_ms for _, began_ms in world.began]
        assert all(later - earlier >= world.run_ms for earlier, later in itertools.pairwise(begun))


@pytest.mark.parametrize(
    ("zone", "around"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/New_York", "2026-03-08"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
    ],
)
@pytest.mark.parametrize("seed", [None, 1, 2])
async def test_a_time_of_day_starts_one_run_a_day_when_clocks_change(zone: str, around: str, seed: int | None) -> None:
    """By the `cron` component itself; with crashes and doubled alarms, too."""
    place, middle = ZoneInfo(zone), date.fromisoformat(around)
    begin = datetime.combine(middle - timedelta(days=3), time(0), place)
    world = World(begin_ms=begin.timestamp() * 1_000, chaos=None if seed is None else Random(seed))
    world.times = ScheduleTimes(ask_cron)
    schedule = Schedule(Timing.CRON, "15 2 * * *", zone, catch_up=CatchUp.ALL, overlap=Overlap.ALLOW)
    world.tables.replace("w", await list_new(world.times, [schedule], world.clock.now_ms()))
    await world.live(datetime.combine(middle + timedelta(days=4), time(0), place).timestamp() * 1_000)
    local = [datetime.fromtimestamp(due.due_ms / 1_000, place) for due, _ in world.runs.values()]
    assert [each.date() for each in local] == [middle + timedelta(days=number) for number in range(-3, 4)]
    assert {each.time() for each in local if each.date() != middle} == {time(2, 15)}


async def test_what_is_on_time_begins_on_time() -> None:
    world = World()
    world.push("w", every("1m"))
    await world.live(START_MS + HOUR_MS)
    assert world.began == [(number * MINUTE_MS, number * MINUTE_MS) for number in range(1, 61)]
    assert (world.counts(), world.asked) == ((0, 0), 60)


@pytest.mark.parametrize("overlap", Overlap)
@pytest.mark.parametrize("seed", range(20))
async def test_whatever_becomes_of_alarms_each_time_starts_what_the_rules_say(seed: int, overlap: Overlap) -> None:
    """Crashes, doubled and lost alarms, and a platform that is down for a while."""
    chaos = Random(seed)
    world = World(run_ms=chaos.choice([0, 20_000, 100_000]), chaos=chaos)
    world.push("w", every("1m", CatchUp.ALL, overlap))
    for _ in range(10):
        await world.live(world.clock.now_ms() + chaos.randrange(600) * 1_000)
        if chaos.random() < 0.3:
            world.alarm.due_ms = None  # lost
            world.clock.advance(LATE_ALARM_MS + 2 * MINUTE_MS)
            world.tables.watch_alarm()
        if chaos.random() < 0.3:
            world.clock.advance(chaos.randrange(40) * MINUTE_MS)
    world.chaos = None
    await world.live(world.clock.now_ms() + 10 * MINUTE_MS)
    began, [row] = world.began, world.tables.find("w")
    due = [due_ms for due_ms, _ in began]
    assert sorted({*due}) == due  # once each, and in their order
    assert row["due_ms"] is not None
    decided = (row["due_ms"] - START_MS) / MINUTE_MS - 1
    assert len(due) + len(row["queue"]) + row["skipped"] + row["missed"] == decided
    if overlap is Overlap.ALLOW:
        assert due == [number * MINUTE_MS for number in range(1, int(decided) + 1)]
    else:
        gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(began)]
        assert all(gap >= world.run_ms for gap in gaps)
    assert overlap is not Overlap.QUEUE or row["skipped"] == 0
    assert row["missed"] == 0 or len(row["queue"]) >= MAX_WAITING_FIRINGS - 1


async def test_a_platform_that_was_down_for_long_catches_up_a_bounded_number() -> None:
    world = World()
    world.push("w", every("1m", CatchUp.ALL, Overlap.ALLOW))
    world.clock.advance(2 * CATCH_UP_DAYS * 24 * HOUR_MS)
    await world.live(world.clock.now_ms() + MINUTE_MS / 2)
    assert len(world.runs) == MAX_CAUGHT_UP
    assert world.counts() == (0, CATCH_UP_DAYS * 24 * 60 - MAX_CAUGHT_UP)


async def test_no_more_wait_than_may() -> None:
    world = World(run_ms=1_000 * HOUR_MS)
    world.push("w", every("1m", overlap=Overlap.QUEUE))
    await world.live(START_MS + 3 * HOUR_MS)
    [row] = world.tables.find("w")
    assert (len(world.runs), len(row["queue"])) == (1, MAX_WAITING_FIRINGS)
    assert 1 + MAX_WAITING_FIRINGS + row["missed"] == 180


async def test_what_is_due_together_begins_in_batches() -> None:
    world = World()
    for number in range(250):
        world.push(f"w{number:03}", every("1h"))
    await world.live(START_MS + HOUR_MS + 10_000)
    assert [began_ms - HOUR_MS for _, began_ms in world.began] == [0] * 100 + [1_000] * 100 + [2_000] * 50


async def test_what_is_due_together_is_spread_unless_it_says_its_jitter() -> None:
    world = World()
    for number in range(1_000):
        world.push(f"w{number:03}", every("1h", jitter=None))
    for hour in (1, 2):
        await world.live(START_MS + hour * HOUR_MS + MINUTE_MS)
        late_s = [int(began_ms - hour * HOUR_MS) // 1_000 for _, began_ms in world.began[-1_000:]]
        assert (len(late_s), max(late_s) < 25, max(map(late_s.count, range(20))) <= BATCH) == (1_000, True, True)


async def test_jitter_is_the_same_for_the_same_time() -> None:
    delays = []
    for _ in range(2):
        world = World()
        world.push("w", every("1h", jitter=60_000))
        await world.live(START_MS + 20.1 * HOUR_MS)
        delays.append([began_ms - due_ms for due_ms, began_ms in world.began])
    assert delays[0] == delays[1]
    assert len({*delays[0]}) > 10
    assert all(0 <= delay <= 60_000 for delay in delays[0])


async def test_trouble_with_one_does_not_delay_others() -> None:
    world = World()
    world.push("a", every("1m"))
    world.push("b", every("1m"))
    world.fates["a"] = Fate.LATER
    await world.live(START_MS + 3 * MINUTE_MS)
    assert world.began == [(number * MINUTE_MS, number * MINUTE_MS) for number in (1, 2, 3)]
    del world.fates["a"]
    await world.live(START_MS + 3 * MINUTE_MS + 20_000)
    [(due_ms, began_ms)] = world.began[3:]
    assert (due_ms, 0 < began_ms - 3 * MINUTE_MS < 15_000) == (MINUTE_MS, True)


@pytest.mark.parametrize("catch_up", CatchUp)
async def test_what_has_waited_longest_begins_first(catch_up: CatchUp) -> None:
    """20 that are due each minute, of which ten a minute may start."""
    world = World()
    world.room = lambda: 10 - sum(began_ms > world.clock.now_ms() - MINUTE_MS for _, began_ms in world.runs.values())
    for number in range(20):
        world.push(f"w{number:02}", every("1m", catch_up, Overlap.ALLOW))
    world.clock.advance(6 * MINUTE_MS)
    for _ in range(8):
        await world.live(world.clock.now_ms() + MINUTE_MS)
    counts = Counter(due.name for due, _ in world.runs.values())
    assert len(world.runs) >= 80
    assert (len(counts), max(counts.values()) - min(counts.values()) <= 1) == (20, True)


async def test_a_delay_stays_where_it_began() -> None:
    world = World()
    world.push("w", every("1m", overlap=Overlap.ALLOW))
    world.room = lambda: 0
    for minute in (1, 2, 5):
        await world.live(START_MS + minute * MINUTE_MS + 30_000)
        [row] = world.tables.find("w")
        assert row["waiting_ms"] == START_MS + MINUTE_MS
    assert world.asked < 5 * 60 / 5 * 3
    world.room = None
    await world.live(START_MS + 6 * MINUTE_MS)
    [row] = world.tables.find("w")
    assert (row["waiting_ms"], [due_ms / MINUTE_MS for due_ms, _ in world.began]) == (None, [1, 2, 3, 4, 5, 6])


async def test_what_the_platform_has_not_begun_keeps_its_place() -> None:
    world = World()
    world.push("old", every("1m"))
    world.fates["old"] = Fate.LATER
    await world.live(START_MS + 3 * MINUTE_MS)
    [row] = world.tables.find("old")
    assert row["waiting_ms"] == START_MS + MINUTE_MS
    world.push("new", every("1m"))
    world.clock.advance(2 * MINUTE_MS)
    assert [each["name_id"] for each in world.tables.list_due(world.clock.now_ms(), 1)] == ["old"]


@pytest.mark.parametrize(("fate", "left", "skipped"), [(Fate.REFUSED, 1, 5), (Fate.GONE, 0, 0)])
async def test_what_does_not_begin(fate: Fate, left: int, skipped: int) -> None:
    world = World()
    world.push("w", every("1m"))
    world.fates["w"] = fate
    await world.live(START_MS + 5.5 * MINUTE_MS)
    assert (world.runs, len(world.tables.find("w")), world.counts()) == ({}, left, (skipped, 0))
    assert (world.alarm.due_ms is None) == (left == 0) or fate is Fate.GONE


async def test_pause_and_resume() -> None:
    world = World(run_ms=10 * HOUR_MS)
    world.push("w", every("1h", CatchUp.ALL, Overlap.QUEUE))
    await world.live(START_MS + 3.5 * HOUR_MS)
    assert world.tables.pause("w")
    await world.live(START_MS + 20.5 * HOUR_MS)
    assert world.hours() == [1]
    world.run_ms = 0
    assert world.tables.resume("w", {"0": START_MS + 21 * HOUR_MS}, ())
    assert world.tables.find("w")[0]["queue"] == []
    await world.live(START_MS + 22.5 * HOUR_MS)
    assert world.hours() == [1, 21, 22]
    assert not world.tables.pause("other")
    assert not world.tables.resume("other", {}, ())


async def test_a_push_keeps_what_is_known_of_the_same_times() -> None:
    world = World()
    world.push("w", every("1h"), every("2h"))
    await world.live(START_MS + 1.5 * HOUR_MS)
    world.push("w", every("1h", overlap=Overlap.ALLOW))  # the same key: its times go on
    [row] = world.tables.find("w")
    assert (row["due_ms"], row["last_due_ms"]) == (START_MS + 2 * HOUR_MS, START_MS + HOUR_MS)
    assert json.loads(row["rules"])["overlap"] == "allow"
    world.push("w")
    assert world.tables.find("w") == []


async def test_a_missing_alarm_is_set_again_by_any_request() -> None:
    world = World()
    world.push("w", every("1m"))
    world.alarm.due_ms = None
    world.clock.advance(MINUTE_MS + LATE_ALARM_MS)
    world.tables.watch_alarm()
    assert world.alarm.due_ms is None  # not yet late enough
    world.clock.advance(1)
    world.tables.watch_alarm()
    assert world.alarm.due_ms == world.clock.now_ms()
    world.alarm.due_ms = None
    world.start_object()  # as does a start of the object
    assert world.alarm.due_ms == world.clock.now_ms()


async def test_without_times_to_come_there_is_no_alarm() -> None:
    world = World()
    moment = Schedule(Timing.AT, "2026-01-01T00:00")
    rules = json.dumps(moment.rules_to_json())
    world.tables.replace("w", [{"key": "0", "number": 0, "rules": rules, "due_ms": START_MS + MINUTE_MS}])
    await world.live(START_MS + HOUR_MS)
    assert ([due_ms for due_ms, _ in world.began], world.alarm.due_ms) == ([MINUTE_MS], None)


async def test_the_next_alarm_is_set_first() -> None:
    world = World(chaos=Random())
    world.push("w", every("1m"))
    world.chaos = type("Always", (Random,), {"random": lambda _self: 0.0})()
    world.clock.advance(MINUTE_MS)
    before = START_MS + MINUTE_MS + RETRY_MS
    with pytest.raises(Crash):
        await ScheduleAlarm(world.tables, None, ScheduleTimes(ask_nothing), world, world.clock, BATCH, 16).ring()
    assert world.alarm.due_ms == before
