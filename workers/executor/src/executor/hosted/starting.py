"""What a tenant's Workspace does at its alarm: as that of an account's own (executor/schedules/alarm.py), with the
tenant's service, in small batches, and within what one tenant may start in a minute.

What finds no room waits: times of schedules are decided when there is some, by their own rules (`catch_up`). Schedules
on the one hand, failures and chains on the other have room of their own, so that a flood of the one does not keep back
the other. Of a tenant that is not to be found nothing starts; the object looks again after as long as it has looked,
and rests after a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from arcrun.accounts.limits import StartLimits
from arcrun.limits import MAX_GONE_MS, MAX_TENANT_FIRINGS
from arcrun.ports import Clock
from executor.durable.lasting import Lasting
from executor.hosted.instances import FindService, find_tenant
from executor.schedules.alarm import RunStarter, ScheduleAlarm, find_batch_size
from executor.schedules.firing import AFTER, FAILURES, AcceptedStarter, DueRun, Fate
from executor.schedules.tables import BATCH_PAUSE_MS, RETRY_MS
from executor.schedules.times import build_times
from executor.service import ExecutorService
from executor.workspace import WorkspaceTables

OBJECTS = 1  # of the RunLog, that a tenant has
FULL_PAUSE_MS = 5_000  # at most, until a tenant without room for schedules is looked at again


class Kind(StrEnum):
    """Under which starts are counted."""

    SCHEDULES = "starts of schedules"
    REACTIONS = "starts after runs"


@dataclass
class PacedStarter:
    """Implements RunStarter: begins as many runs of each kind as there is room for, the others later. `begun` are those
    of this alarm.
    """

    starter: RunStarter
    room: Mapping[Kind, int]
    begun: dict[Kind, list[str]] = field(default_factory=lambda: {kind: [] for kind in Kind})

    async def begin(self, due: Sequence[DueRun]) -> Mapping[str, Fate]:
        """Begin those of one kind."""
        kind = Kind.REACTIONS if due[0].key in (FAILURES, AFTER) else Kind.SCHEDULES
        room = max(0, self.room[kind] - len(self.begun[kind]))
        now = due[:room]
        fates = {**(await self.starter.begin(now) if now else {}), **{each.run_id: Fate.FULL for each in due[room:]}}
        self.begun[kind] += [run_id for run_id, fate in fates.items() if fate is Fate.BEGUN]
        return fates

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        return await self.starter.list_running(run_ids)

    async def forget(self, run_id: str) -> None:
        await self.starter.forget(run_id)


@dataclass(frozen=True)
class TenantAlarm:
    """`subrequests` is how many the platform allows."""

    tables: WorkspaceTables
    find: FindService
    limits: StartLimits
    clock: Clock
    subrequests: int

    async def ring(self) -> None:
        """Raises UpstreamError, and whatever nobody has expected: the next alarm is set."""
        since_ms, tenant_id = self.tables.gone_ms, self.tables.tenant_id
        looked_ms = 0 if since_ms is None else self.clock.now_ms() - since_ms
        if not tenant_id or looked_ms > MAX_GONE_MS:
            return
        self.tables.schedules.postpone(max(RETRY_MS, looked_ms))
        service = await find_tenant(self.find, tenant_id)
        if service is None or service.lasting is None:
            self.tables.gone_ms = self.clock.now_ms() if since_ms is None else since_ms
            return
        self.tables.gone_ms = None
        await self._start(service, service.lasting)

    async def _start(self, service: ExecutorService, lasting: Lasting) -> None:
        schedules, a_minute, began_ms = self.tables.schedules, self.limits.a_minute, self.clock.now_ms()
        room = {kind: self.tables.find_start_room(kind, a_minute)[0] for kind in Kind}
        most = min(MAX_TENANT_FIRINGS, find_batch_size(self.subrequests))
        starter = PacedStarter(AcceptedStarter(service, lasting), room)
        times = build_times(service.components, service.engine.limits)
        alarm = ScheduleAlarm(
            *(schedules, self.tables.failures, times, starter, self.clock, most, OBJECTS, self.tables.chains),
            starts=service.workflows.starts,
            most_scheduled=min(most, room[Kind.SCHEDULES]),
        )
        try:
            await alarm.ring()
        finally:
            for kind, begun in starter.begun.items():
                self.tables.count_starts(kind, begun, a_minute)
        if any(len(begun) >= min(most, room[kind]) for kind, begun in starter.begun.items()):
            schedules.expect_alarm(began_ms + self._find_pause())

    def _find_pause(self) -> float:
        """Until the next batch: longer while schedules have no room."""
        room, wait_ms = self.tables.find_start_room(Kind.SCHEDULES, self.limits.a_minute)
        return BATCH_PAUSE_MS if room else min(max(wait_ms, BATCH_PAUSE_MS), FULL_PAUSE_MS)
