"""Implements the queue of arcrun/run_log/limited_runs.py over a Durable Object's SQLite.

A run of a workflow whose limits queue costs a row here until it has ended, besides that of its admission. Who waits is
let in when a run ends, a minute has room or a lease ends, the oldest first that has room in all its limits; then an
alarm of the object begins it. Nothing of this needs the isolate that has accepted it.
"""

import json
import logging
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Literal

from arcrun.errors import ArcrunError
from arcrun.limits import MAX_QUEUED_RUNS, MAX_RELEASED_RUNS, MAX_WAITING_RUNS
from arcrun.ports import Clock, RunInstances, Sql
from arcrun.run_log.limited_runs import Admission, QueueingLimit
from arcrun.run_log.objects import RunLogObjects
from executor.durable.lasting import TENANT
from executor.records.admissions import Admissions

TABLES = (
    """CREATE TABLE limited (
        number INTEGER PRIMARY KEY, ticket TEXT NOT NULL UNIQUE, run_id TEXT NOT NULL UNIQUE, limits TEXT NOT NULL,
        lease_ms REAL NOT NULL, since_ms REAL NOT NULL, state TEXT NOT NULL, replaced_by TEXT)""",
    "ALTER TABLE queued ADD COLUMN is_limited INTEGER NOT NULL DEFAULT 0",
)
WAITING, ADMITTED, BEGUN, REPLACED = "waiting", "admitted", "begun", "replaced"
BATCH_PAUSE_MS = 100  # between two batches: the platform creates no more than a hundred instances a second
ROW_PAUSE_MS = 250  # until the next look for the row of a run that was let in before it had one
RETRY_MS = 1_000  # after a failure
ACCEPTING_MS = 60_000  # from a run's admission to its row; a crash between the two leaves no row
LOOK_MS = 60_000  # between two looks for runs that have ended without leaving, while others wait
MAX_LOOKED_AT = 20  # at one of them
ENDED = ("complete", "errored", "terminated")  # an instance's status

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class Outside:
    """What an object's alarm reaches: the runs' own objects, and their instances. `tenant_id` is whose object it is, in
    the hosted mode.
    """

    logs: RunLogObjects
    instances: RunInstances
    tenant_id: str = ""

    async def begin(self, run_id: str) -> None:
        owner = {TENANT: self.tenant_id} if self.tenant_id else {}
        await self.instances.create(run_id, {"run_id": run_id, **owner})

    async def has_ended(self, run_id: str) -> bool:
        """Whether a run that has begun is over, or will never end. Raises UpstreamError, RateLimitedError."""
        if await self.logs.of_run(run_id).find_queued(run_id) == "unknown":
            return True
        instance = await self.instances.status(run_id)
        return instance is None or instance.status in ENDED


@dataclass(eq=False)
class _Run:
    """A row of `limited`. `names` are those of its limits."""

    number: int
    ticket: str
    run_id: str
    limits: Sequence[QueueingLimit]
    lease_ms: float
    since_ms: float
    state: str
    replaced_by: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(limit["name"] for limit in self.limits)


class LimitedRuns:
    """The table `limited`: `limits` is JSON, `since_ms` when the run came, `state` one of WAITING, ADMITTED (its
    instance is yet to be created), BEGUN, and REPLACED (its record is yet to be written). `due_ms` is when the alarm
    has something to do; 0 for never.
    """

    def __init__(self, sql: Sql, clock: Clock, admissions: Admissions) -> None:
        self._sql, self._clock, self._admissions = sql, clock, admissions
        self._runs: dict[str, _Run] = {}  # by ticket, in the order of coming
        self._groups: dict[tuple[str, ...], deque[_Run]] = {}  # who waits, by the names of their limits
        self._limits: dict[str, QueueingLimit] = {}  # of those who wait, as the newest version of the workflow has them
        self._unsettled: dict[str, _Run] = {}  # those ADMITTED and REPLACED, by ticket
        self._rests_until_ms = 0.0  # with them
        self._room_ms = self._look_ms = 0.0  # when there may be room for who waits; when to look for lost runs
        self._looked = 0  # the number of the last run that was looked at
        for row in sql.execute(
            "SELECT number, ticket, run_id, limits, lease_ms, since_ms, state, replaced_by FROM limited ORDER BY number"
        ):
            self._enter(_Run(**{**row, "limits": json.loads(row["limits"])}))
        self.due_ms = clock.now_ms() if self._groups or self._unsettled else 0.0

    def admit_or_queue(self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float) -> Admission:
        names = [limit["name"] for limit in limits]
        for known in self._find(run_id):
            state: Literal["admitted", "queued"] = "admitted" if known.state == BEGUN else "queued"
            return {"state": state, "ticket": known.ticket, "number": None}
        self._limits.update((limit["name"], limit) for limit in limits if limit["name"] in self._limits)
        self.let_in(names)
        refusals = list(self._admissions.list_refusals(limits))
        if not refusals:
            self._admissions.admit(ticket, limits, lease_ms)
            self._add(ticket, run_id, limits, lease_ms, BEGUN)
            return {"state": "admitted", "ticket": ticket, "number": None}
        for refusal in refusals:
            number = refusal["refused"]
            assert number is not None
            if number < 0 or limits[number]["on_limit"] == "reject":
                retry = {"retry_ms": refusal["retry_ms"]} if "retry_ms" in refusal else {}
                return {"state": "refused", "ticket": ticket, "number": number, **retry}  # type: ignore[typeddict-item]
        first = refusals[0]["refused"]
        if (full := self._find_full_queue(limits)) is not None:
            return {"state": "refused", "ticket": ticket, "number": full}
        self._replace({limit["name"] for limit in limits if limit["on_limit"] == "latest"}, run_id)
        self._add(ticket, run_id, limits, lease_ms, WAITING)
        room_ms = self._admissions.find_room_ms(limits)
        self._room_ms = min(self._room_ms or room_ms, room_ms)
        self._plan_ahead()
        return {"state": "queued", "ticket": ticket, "number": first}

    def leave(self, ticket: str) -> None:
        """A run has ended, or begins no more: the next may begin."""
        run = self._runs.get(ticket)
        if run is not None:
            self._remove(run)
        self.let_in(self._admissions.leave(ticket))
        self._plan_ahead()

    def let_in(self, names: Iterable[str] | None = None) -> None:
        """Admit who has room, in the order of coming; of limits of these names, if there are any."""
        if not self._groups:
            return
        wanted = None if names is None else set(names)
        heads = [(group[0].number, key) for key, group in self._groups.items() if wanted is None or wanted & {*key}]
        heapify(heads)
        full: set[str] = set()
        while heads:
            _, key = heappop(heads)
            if not full.isdisjoint(key):
                continue
            group = self._groups[key]
            run, limits = group[0], [self._limits[name] for name in key]
            refused = self._admissions.admit(run.ticket, limits, run.lease_ms)["refused"]
            if refused is None:
                self._set_state(run, ADMITTED)
                if key in self._groups:
                    heappush(heads, (group[0].number, key))
            elif refused < 0:
                break
            else:
                full.add(key[refused])
        self._plan_ahead()

    async def settle(self, outside: Outside) -> None:
        """What is due: begin a batch of those that were let in, and end those that were replaced. Never raises."""
        now_ms = self._clock.now_ms()
        self._rests_until_ms = now_ms + RETRY_MS  # and set first, in case of a failure
        try:
            self.let_in()
            waits_for_rows = await self._begin_admitted(outside) | await self._end_replaced(outside)
            if self._groups and now_ms >= self._look_ms:
                self._look_ms = now_ms + LOOK_MS
                await self._look_for_lost(outside)
            self._rests_until_ms = now_ms + (ROW_PAUSE_MS if waits_for_rows else BATCH_PAUSE_MS)
        except ArcrunError as error:
            logger.warning("Queued runs could not begin, and will: %s", error.message)
        self._room_ms = min(map(self._find_room_ms, self._groups), default=0.0)
        self._plan_ahead()

    def rest(self) -> None:
        """There is nothing outside: the platform has no instances any more."""
        self.due_ms = 0.0

    def clean(self) -> None:
        """Forget runs that have begun and count no more, because their leases have ended."""
        for run in [run for run in self._runs.values() if run.state == BEGUN]:
            if not self._admissions.knows(run.ticket):
                self._remove(run)

    async def _begin_admitted(self, outside: Outside) -> bool:
        """Returns whether a run has no row yet."""
        is_waiting = False
        for run in self._list_in(ADMITTED):
            log = outside.logs.of_run(run.run_id)
            state = await log.find_queued(run.run_id)
            if state == "unknown":
                is_waiting |= self._give_up(run)
                continue
            if state == "queued":
                await outside.begin(run.run_id)
                await log.leave_queue(run.run_id)
            if self._runs.get(run.ticket) is run:  # it was not cancelled meanwhile
                self._set_state(run, BEGUN)
        return is_waiting

    async def _end_replaced(self, outside: Outside) -> bool:
        """Returns whether a run has no row yet."""
        is_waiting = False
        for run in self._list_in(REPLACED):
            assert run.replaced_by is not None
            state = await outside.logs.of_run(run.run_id).replace_queued(run.run_id, run.replaced_by)
            if state == "unknown":
                is_waiting |= self._give_up(run)
            else:
                self.leave(run.ticket)
        return is_waiting

    def _give_up(self, run: _Run) -> bool:
        """Forget a run that has no row, unless it may yet get one. Returns whether it may."""
        if self._clock.now_ms() - run.since_ms < ACCEPTING_MS:
            return True
        self.leave(run.ticket)
        return False

    async def _look_for_lost(self, outside: Outside) -> None:
        """Let go of runs that have ended without leaving, some at each look: one whose isolate was lost at its end, or
        whose instance the platform has ended.
        """
        begun = [run for run in self._runs.values() if run.state == BEGUN]
        later = [run for run in begun if run.number > self._looked]
        looked_at = [*later, *(run for run in begun if run.number <= self._looked)][:MAX_LOOKED_AT]
        oldest_ms = self._clock.now_ms() - ACCEPTING_MS
        for run in looked_at:
            self._looked = run.number
            if run.since_ms <= oldest_ms and await outside.has_ended(run.run_id):
                self.leave(run.ticket)

    def _find(self, run_id: str) -> list[_Run]:
        found = self._sql.execute("SELECT ticket FROM limited WHERE run_id = ?", run_id)
        return [self._runs[row["ticket"]] for row in found if row["ticket"] in self._runs]

    def _find_full_queue(self, limits: Sequence[QueueingLimit]) -> int | None:
        """The number of the limit for which too many wait; -1 if it is the object's."""
        if len(self._runs) >= 2 * MAX_QUEUED_RUNS or self._count_waiting(()) >= MAX_QUEUED_RUNS:
            return -1
        for number, limit in enumerate(limits):
            if limit["on_limit"] == "queue" and self._count_waiting((limit["name"],)) >= MAX_WAITING_RUNS:
                return number
        return None

    def _count_waiting(self, names: Collection[str]) -> int:
        """How many wait for room in limits of all these names."""
        return sum(len(group) for key, group in self._groups.items() if {*names} <= {*key})

    def _replace(self, names: Collection[str], by: str) -> None:
        """Let the run `by` replace those that wait for limits of any of these names, if they were accepted so: one that
        was to queue does.
        """
        for key in [key for key in self._groups if not set(names).isdisjoint(key)]:
            for run in list(self._groups[key]):
                if any(limit["on_limit"] == "latest" and limit["name"] in names for limit in run.limits):
                    self._set_state(run, REPLACED, by)

    def _add(self, ticket: str, run_id: str, limits: Sequence[QueueingLimit], lease_ms: float, state: str) -> None:
        now_ms = self._clock.now_ms()
        [row] = self._sql.execute(
            "INSERT INTO limited (ticket, run_id, limits, lease_ms, since_ms, state) VALUES (?, ?, ?, ?, ?, ?)"
            " RETURNING number",
            *(ticket, run_id, json.dumps(list(limits)), lease_ms, now_ms, state),
        )
        self._enter(_Run(row["number"], ticket, run_id, limits, lease_ms, now_ms, state))

    def _enter(self, run: _Run) -> None:
        self._runs[run.ticket] = run
        if run.state == WAITING:
            self._groups.setdefault(run.names, deque()).append(run)
            self._limits.update((limit["name"], limit) for limit in run.limits)
        elif run.state != BEGUN:
            self._unsettled[run.ticket] = run

    def _set_state(self, run: _Run, state: str, replaced_by: str | None = None) -> None:
        self._leave_state(run)
        run.state, run.replaced_by = state, replaced_by
        if state != BEGUN:
            self._unsettled[run.ticket] = run
        self._sql.execute(
            "UPDATE limited SET state = ?, replaced_by = ? WHERE number = ?", state, replaced_by, run.number
        )

    def _remove(self, run: _Run) -> None:
        self._leave_state(run)
        del self._runs[run.ticket]
        self._sql.execute("DELETE FROM limited WHERE number = ?", run.number)

    def _leave_state(self, run: _Run) -> None:
        self._unsettled.pop(run.ticket, None)
        if run.state != WAITING:
            return
        group = self._groups[run.names]
        group.remove(run)
        if not group:
            del self._groups[run.names]
            named = {name for key in self._groups for name in key}
            for name in [name for name in self._limits if name not in named]:
                del self._limits[name]

    def _list_in(self, state: str) -> list[_Run]:
        """A batch of the runs in a state, the oldest first."""
        return list(islice((run for run in self._unsettled.values() if run.state == state), MAX_RELEASED_RUNS))

    def _plan_ahead(self) -> None:
        """Set when there is something to do next."""
        now_ms = self._clock.now_ms()
        due = [max(now_ms, self._rests_until_ms)] if self._unsettled else []
        if self._groups:
            self._look_ms = self._look_ms or now_ms + LOOK_MS
            due += [ms for ms in (self._look_ms, self._room_ms) if ms]
        else:
            self._look_ms = self._room_ms = 0.0
        self.due_ms = min(due, default=0.0)

    def _find_room_ms(self, key: tuple[str, ...]) -> float:
        """When there may be room in limits of these names, if nobody leaves before."""
        return self._admissions.find_room_ms([self._limits[name] for name in key])
