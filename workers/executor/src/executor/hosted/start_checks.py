"""What a tenant's push may not bring of what starts workflows by itself. How many schedules there are the Workspace
counts.
"""

from itertools import pairwise

from arcrun.errors import WorkflowError
from arcrun.limits import MAX_INTERVAL_TIMES, MAX_TENANT_MAILBOX_CHARACTERS, MIN_EVERY_MS
from arcrun.workflows.plan import Plan
from arcrun.workflows.triggers.schedules import Schedule, Timing
from executor.schedules.times import ScheduleTimes, build_times
from executor.service import ExecutorService


async def check_starts(service: ExecutorService, plan: Plan) -> None:
    """Raises WorkflowError SCHEDULE_TOO_OFTEN, MAILBOX_NAME_TOO_LONG; UpstreamError."""
    if plan.triggers.mail is not None and len(plan.name) > MAX_TENANT_MAILBOX_CHARACTERS:
        raise WorkflowError(
            f"On a hosted platform the name of a workflow with an address has at most {MAX_TENANT_MAILBOX_CHARACTERS}"
            " characters: the address says whose it is, too.",
            code="MAILBOX_NAME_TOO_LONG",
            next_actions=["Give the workflow a shorter name."],
        )
    least_ms = service.quota.schedule_interval_ms
    if least_ms <= MIN_EVERY_MS:
        return
    times, now_ms = build_times(service.components, service.engine.limits), service.engine.ports.clock.now_ms()
    for schedule in plan.triggers.schedules:
        if await _find_interval_ms(times, schedule, now_ms) < least_ms:
            raise WorkflowError(
                f"`{schedule.value}` is due more often than each {least_ms / 1_000:g} s, the platform's limit.",
                code="SCHEDULE_TOO_OFTEN",
                next_actions=["Let it be due less often."],
                details={"schedule": schedule.value, "least_ms": least_ms},
            )


async def _find_interval_ms(times: ScheduleTimes, schedule: Schedule, now_ms: float) -> float:
    """The least time between two of its next times."""
    if schedule.timing is Timing.EVERY:
        return schedule.every_ms
    coming = await times.list_after(schedule, now_ms, MAX_INTERVAL_TIMES)
    return min((later - earlier for earlier, later in pairwise(coming)), default=float("inf"))
