"""What a Workspace does at its alarm: it decides which of the times that have passed start a run, stores that, and then
begins the runs. Whatever breaks off in between, the next alarm finds what was decided, and the ids of the runs.

The next alarm is set first. No run is waited for.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from arcrun.errors import ArcrunError, DecryptionError
from arcrun.limits import MAX_FIRINGS, MAX_WAITING_FIRINGS
from arcrun.ports import Clock
from arcrun.workflows.triggers.schedules import Overlap, Schedule
from arcrun.workflows.triggers.watch import is_watch_key
from arcrun.workspace.firings import build_firing_id, choose_times
from arcrun.workspace.schedules import Firing, StoredSchedule
from arcrun.workspace.starts import PlainStarts, Starts
from executor.schedules.firing import DueRun, Fate
from executor.schedules.tables import BATCH_PAUSE_MS, Progress, Schedules
from executor.schedules.times import ScheduleTimes

if TYPE_CHECKING:
    from executor.schedules.chains import Chains
    from executor.schedules.failures import FailureHandlers
    from executor.schedules.watches import Watches

SUBREQUESTS_A_RUN = 5  # at most, to begin one
LOOK_MS, LONGEST_LOOK_MS = 5_000, 60_000  # until the object looks again whether a run has ended
LOOK_SHARE = 0.1  # of the time for which that has been waited for

logger = logging.getLogger("arcrun")


def find_batch_size(subrequests: int) -> int:
    """How many runs an alarm may begin where the platform allows so many subrequests."""
    return max(1, min(MAX_FIRINGS, subrequests // SUBREQUESTS_A_RUN))


class RunStarter(Protocol):
    async def begin(self, due: Sequence[DueRun]) -> Mapping[str, Fate]:
        """Begin runs; what has become of each, by its id. One that has begun before does not begin again."""

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        """Those of the runs that are under way. Raises UpstreamError."""

    async def forget(self, run_id: str) -> None:
        """Delete the instance of a run that has ended, if that can be done."""


@dataclass(frozen=True)
class _Chosen:
    """What of a schedule's queue begins now, what stays, how many are left out, and whether more could have begun."""

    schedule: StoredSchedule
    begin: Sequence[Firing]
    rest: Sequence[Firing]
    skipped: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class ScheduleAlarm:
    """`most` is how many runs an alarm begins, `objects` the number of the RunLog's objects. `failures` is None of an
    object that no workflow handles failures in, `chains` of one in which none follows another, `watches` of one in
    which none watches anything. `starts` opens what is sealed of a tenant's schedules, of which `most_scheduled` begin,
    if that is not `most`.
    """

    tables: Schedules
    failures: "FailureHandlers | None"
    times: ScheduleTimes
    starter: RunStarter
    clock: Clock
    most: int
    objects: int
    chains: "Chains | None" = None
    watches: "Watches | None" = None
    starts: Starts = field(default_factory=PlainStarts)
    most_scheduled: int | None = None

    async def ring(self) -> None:
        """Raises UpstreamError, and whatever nobody has expected: the next alarm is set."""
        self.tables.postpone()
        now_ms = self.clock.now_ms()
        most = self.most if self.most_scheduled is None else self.most_scheduled
        due = self.tables.list_due(now_ms, most)
        opened = [opened for each in due if (opened := await self._open(each)) is not None]
        decided = [decided for each in opened if (decided := await self._decide(each, now_ms)) is not None]
        pause_ms = await self._begin(decided, most)
        if self.failures is not None:
            pause_ms = max(pause_ms, await self._begin_handlers(self.failures))
        if self.chains is not None:
            pause_ms = max(pause_ms, await self._begin_following(self.chains))
        if self.watches is not None:
            pause_ms = max(pause_ms, await self._begin_items(self.watches))
        if len(due) == most:
            pause_ms = max(pause_ms, BATCH_PAUSE_MS)
        self.tables.expect_alarm(now_ms + pause_ms if pause_ms else 0)

    async def _open(self, schedule: StoredSchedule) -> StoredSchedule | None:
        """With its rules. None of one that nothing opens any more: it is forgotten."""
        try:
            return {**schedule, "rules": (await self.starts.open_schedule(schedule))["rules"]}
        except DecryptionError as error:
            logger.warning("A schedule cannot be opened, and is forgotten: %s", error.message)
            self.tables.forget(schedule)
            return None

    async def _decide(self, schedule: StoredSchedule, now_ms: float) -> StoredSchedule | None:
        """Decide about the times that have passed. None if that cannot be done now."""
        due_ms = schedule["due_ms"]
        if due_ms is None or due_ms > now_ms:
            return schedule
        rules = Schedule.load(json.loads(schedule["rules"]))
        try:
            passed, coming_ms = await self.times.list_passed(rules, due_ms, now_ms)
        except ArcrunError as error:
            logger.warning("The times of %s could not be computed: %s", schedule["name_id"], error.message)
            self.tables.look_again(schedule, self._find_look(due_ms))
            return None
        chosen = choose_times(passed, now_ms, rules.catch_up)
        queue = [*schedule["queue"], *((time_ms, self._name_run(schedule, time_ms)) for time_ms in chosen)]
        kept = queue[:MAX_WAITING_FIRINGS]
        missed = len(passed) - len(chosen) + len(queue) - len(kept)
        if not self.tables.decide(schedule, coming_ms, kept, missed):
            return None
        return {**schedule, "due_ms": coming_ms, "queue": kept}

    def _name_run(self, schedule: StoredSchedule, due_ms: float) -> str:
        return build_firing_id(self.tables.secret, schedule["name_id"], schedule["key"], due_ms, self.objects)

    async def _begin(self, schedules: Sequence[StoredSchedule], most: int) -> int:
        """Begin what was decided. Returns how long the next alarm has to wait, as the next three do."""
        running = await self._find_running(schedules)
        chosen = _cut([_choose(each, is_running=each["last_run"] in running) for each in schedules], most)
        due = [
            DueRun(each.schedule["name_id"], each.schedule["key"], *firing) for each in chosen for firing in each.begin
        ]
        due.sort(key=lambda each: each.due_ms)
        fates = await self.starter.begin(due) if due else {}
        for each in chosen:
            self._store(each, fates)
            await self._forget_last_poll(each)
        return _find_pause(fates)

    async def _forget_last_poll(self, chosen: _Chosen) -> None:
        """Once another poll was to begin nobody asks for the one before: most of them have found nothing."""
        last_run = chosen.schedule["last_run"]
        if last_run is not None and chosen.begin and is_watch_key(chosen.schedule["key"]):
            await self.starter.forget(last_run)

    async def _begin_handlers(self, failures: "FailureHandlers") -> int:
        due = failures.list_due(self.objects, self.most)
        fates = await self.starter.begin(due) if due else {}
        for each in due:
            failures.advance(each, fates[each.run_id])
        return _find_pause(fates)

    async def _begin_following(self, chains: "Chains") -> int:
        due = chains.list_due(self.objects, self.most)
        fates = await self.starter.begin(due) if due else {}
        chains.advance(due, fates)
        return _find_pause(fates)

    async def _begin_items(self, watches: "Watches") -> int:
        due = watches.list_due(self.objects, self.most)
        fates = await self.starter.begin(due) if due else {}
        watches.advance(due, fates)
        return max(_find_pause(fates), BATCH_PAUSE_MS if len(due) == self.most else 0)

    async def _find_running(self, schedules: Sequence[StoredSchedule]) -> set[str]:
        """The last runs that are under way, of schedules for which it matters."""
        last = [
            schedule["last_run"]
            for schedule in schedules
            if schedule["queue"] and schedule["last_run"] and _overlap_of(schedule) is not Overlap.ALLOW
        ]
        return {*await self.starter.list_running(last)} if last else set()

    def _store(self, chosen: _Chosen, fates: Mapping[str, Fate]) -> None:
        schedule, by_fate = chosen.schedule, dict[Fate, list[Firing]]()
        for firing in chosen.begin:
            by_fate.setdefault(fates[firing[1]], []).append(firing)
        if Fate.GONE in by_fate:
            self.tables.forget(schedule)
            return
        later, full, begun, refused = (
            by_fate.get(fate, []) for fate in (Fate.LATER, Fate.FULL, Fate.BEGUN, Fate.REFUSED)
        )
        rest = sorted([*later, *full, *chosen.rest])
        last_due_ms, last_run = begun[-1] if begun else (None, None)
        fire_ms = self.tables.find_fire_ms(schedule["name_id"], schedule, schedule["due_ms"])
        if rest:
            has_no_room = (chosen.is_cut or bool(full)) and not later
            look_ms = self.clock.now_ms() if has_no_room else self._find_look(rest[0][0])
            fire_ms = look_ms if fire_ms is None else min(fire_ms, look_ms)
        waiting_ms = (
            _find_wait(schedule, rest, is_next=bool(begun or refused)) if chosen.is_cut or later or full else None
        )
        progress = Progress(rest, fire_ms, waiting_ms, last_run, last_due_ms, chosen.skipped + len(refused))
        self.tables.advance(schedule, progress)

    def _find_look(self, since_ms: float) -> float:
        """When to look again at what waits since then for the end of a run, or for what the platform needs."""
        now_ms = self.clock.now_ms()
        return now_ms + min(max(LOOK_MS, LOOK_SHARE * (now_ms - since_ms)), LONGEST_LOOK_MS)


def _find_pause(fates: Mapping[str, Fate]) -> int:
    """In milliseconds, until there may be room for what has found none."""
    return LOOK_MS if Fate.FULL in fates.values() else 0


def _find_wait(schedule: StoredSchedule, rest: Sequence[Firing], *, is_next: bool) -> float | None:
    """Since when the `rest` waits; `is_next` if what has waited before it does not any more."""
    if is_next:
        return rest[0][0]
    return schedule["fire_ms"] if schedule["waiting_ms"] is None else schedule["waiting_ms"]


def _cut(chosen: Sequence[_Chosen], room: int) -> Sequence[_Chosen]:
    """So many of what is to begin, the oldest, whosoever they are; the others stay in their queues."""
    begin = sorted((firing for each in chosen for firing in each.begin), key=lambda firing: firing[0])
    if len(begin) <= room:
        return chosen
    kept = {run_id for _, run_id in begin[:room]}
    return [_cut_one(each, [firing for firing in each.begin if firing[1] in kept]) for each in chosen]


def _cut_one(chosen: _Chosen, begin: Sequence[Firing]) -> _Chosen:
    if len(begin) == len(chosen.begin):
        return chosen
    rest = [firing for firing in chosen.schedule["queue"] if firing not in begin]
    return _Chosen(chosen.schedule, begin, rest, is_cut=True)


def _choose(schedule: StoredSchedule, *, is_running: bool) -> _Chosen:
    queue, overlap = schedule["queue"], _overlap_of(schedule)
    if overlap is Overlap.ALLOW:
        return _Chosen(schedule, queue, ())
    if is_running:
        waits = overlap is Overlap.QUEUE
        return _Chosen(schedule, (), queue if waits else (), 0 if waits else len(queue))
    if overlap is Overlap.QUEUE:
        return _Chosen(schedule, queue[:1], queue[1:])
    return _Chosen(schedule, queue[:1], (), max(0, len(queue) - 1))


def _overlap_of(schedule: StoredSchedule) -> Overlap:
    return Schedule.load(json.loads(schedule["rules"])).overlap
