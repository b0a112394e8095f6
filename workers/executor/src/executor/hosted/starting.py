"""What a tenant's Workspace does at its alarm: as that of an account's own (executor/schedules/alarm.py), with the
tenant's service, in small batches, and within what one tenant may start in a minute.

What finds no room waits: its times are decided when there is some, by their own rules (`catch_up`). Of a tenant that is
not to be found nothing starts; the object looks again after as long as it has looked, and rests after a day.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from arcrun.accounts.limits import StartLimits
from arcrun.limits import MAX_GONE_MS, MAX_TENANT_FIRINGS
from arcrun.ports import Clock
from executor.durable.lasting import Lasting
from executor.hosted.instances import FindService, find_tenant
from executor.schedules.alarm import RunStarter, ScheduleAlarm, find_batch_size
from executor.schedules.firing import AcceptedStarter, DueRun, Fate
from executor.schedules.tables import BATCH_PAUSE_MS, RETRY_MS
from executor.schedules.times import build_times
from executor.service import ExecutorService
from executor.workspace import WorkspaceTables

OBJECTS = 1  # of the RunLog, that a tenant has

logger = logging.getLogger("arcrun")


@dataclass
class PacedStarter:
    """Implements RunStarter: begins as many runs as there is room for, the others later. `begun` are those of this
    alarm.
    """

    starter: RunStarter
    room: int
    begun: list[str] = field(default_factory=list)

    async def begin(self, due: Sequence[DueRun]) -> Mapping[str, Fate]:
        room = max(0, self.room - len(self.begun))
        now = due[:room]
        fates = {**(await self.starter.begin(now) if now else {}), **{each.run_id: Fate.LATER for each in due[room:]}}
        self.begun += [run_id for run_id, fate in fates.items() if fate is Fate.BEGUN]
        return fates

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        return await self.starter.list_running(run_ids)


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
        schedules, most_a_minute = self.tables.schedules, self.limits.a_minute
        room, wait_ms = self.tables.find_start_room(most_a_minute)
        if not room:
            schedules.expect_alarm(self.clock.now_ms() + wait_ms)
            return
        most = min(room, MAX_TENANT_FIRINGS, find_batch_size(self.subrequests))
        starter = PacedStarter(AcceptedStarter(service, lasting), most)
        times = build_times(service.components, service.engine.limits)
        began_ms = self.clock.now_ms()
        alarm = ScheduleAlarm(
            *(schedules, self.tables.failures, times, starter, self.clock, most, OBJECTS, self.tables.chains),
            starts=service.workflows.starts,
        )
        try:
            await alarm.ring()
        finally:
            self.tables.count_starts(starter.begun, most_a_minute)
        if len(starter.begun) >= most:
            schedules.expect_alarm(began_ms + BATCH_PAUSE_MS)
