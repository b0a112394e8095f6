"""Schedules for their owner: lists them with their next times, pauses and resumes them, and runs one now."""

import json
from collections.abc import Sequence
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import NotFoundError, RequestError
from arcrun.limits import MAX_SCHEDULES_PAGE
from arcrun.times import render_time
from arcrun.workflows.triggers.schedules import Schedule
from arcrun.workspace.audit import Actor
from arcrun.workspace.schedules import StoredSchedule
from executor.schedules.request import ScheduledRequest
from executor.schedules.times import ScheduleTimes, build_times
from executor.service import ExecutorService

SHOWN_TIMES = 5
DELAYED_MS = 2_000  # what comes later than that is said to be delayed


async def list_schedules(
    service: ExecutorService, cursor: str | None, count: int = SHOWN_TIMES
) -> tuple[list[dict[str, Any]], str | None]:
    """The schedules of a page of workflows, and the cursor of the next page."""
    stored = await service.workflows.schedules.list_schedules(cursor or "", MAX_SCHEDULES_PAGE)
    names = list(dict.fromkeys(each["name_id"] for each in stored))
    return await _show(service, stored, count), names[-1] if len(names) == MAX_SCHEDULES_PAGE else None


async def show_schedules(service: ExecutorService, name: str, count: int = SHOWN_TIMES) -> list[dict[str, Any]]:
    """The schedules of a workflow, in the order of its file, with their next `count` times."""
    return await _show(service, await service.workflows.schedules.find_schedules(name), count)


async def pause_schedules(service: ExecutorService, name: str, actor: Actor) -> None:
    """Raises NotFoundError NO_SCHEDULES."""
    note = await service.audit.render("schedule.pause", name, actor)
    if not await service.workflows.schedules.pause_schedules(name, note):
        raise await _build_missing_error(service, name)


async def resume_schedules(service: ExecutorService, name: str, actor: Actor) -> None:
    """Start runs again at the times to come: what was due meanwhile is left out. Raises NotFoundError NO_SCHEDULES."""
    times, now_ms = build_times(service.components, service.engine.limits), service.engine.ports.clock.now_ms()
    stored = await service.workflows.schedules.find_schedules(name)
    first_ms = {each["key"]: await times.find_resumed(_rules_of(each), each["due_ms"], now_ms) for each in stored}
    queued = [run_id for each in stored for _, run_id in each["queue"]]
    running = await service.lasting.runs.list_running(queued) if queued and service.lasting is not None else ()
    note = await service.audit.render("schedule.resume", name, actor)
    if not await service.workflows.schedules.resume_schedules(name, first_ms, note, running):
        raise await _build_missing_error(service, name)


async def run_schedule(service: ExecutorService, name: str, number: int) -> str:
    """Start a run now, with the input of the schedule of that number, from 1 on. Returns the run's id. Raises
    NotFoundError NO_SCHEDULES, RequestError, and what ExecutorService.start does.
    """
    stored = await service.workflows.find_current(name)
    schedules = stored.plan.triggers.schedules
    if not schedules:
        raise await _build_missing_error(service, name)
    if not 1 <= number <= len(schedules):
        raise RequestError(f"`number` must be an integer from 1 to {len(schedules)}.")
    schedule, now_ms = schedules[number - 1], service.engine.ports.clock.now_ms()
    value = {} if schedule.input is None else schedule.input
    request = ScheduledRequest(value, schedule, now_ms, 0)
    trigger = Trigger(TriggerKind.SCHEDULE, value, request=request, gets_response=False)
    return (await service.start(stored, trigger, is_owner=True)).run_id


async def _show(service: ExecutorService, stored: Sequence[StoredSchedule], count: int) -> list[dict[str, Any]]:
    times, now_ms = build_times(service.components, service.engine.limits), service.engine.ports.clock.now_ms()
    return [
        {
            "workflow": each["name_id"],
            "number": each["number"] + 1,
            **_rules_of(each).rules_to_json(),
            "paused": each["is_paused"],
            "delayed_since": _find_delay(each, now_ms),
            "next": await _show_next(times, each, now_ms, count),
            "last_due_at": None if each["last_due_ms"] is None else render_time(each["last_due_ms"], "seconds"),
            "last_run_id": each["last_run"],
            "waiting": 0 if each["is_paused"] else len(each["queue"]),
            "skipped": each["skipped"],
            "missed": each["missed"],
        }
        for each in stored
    ]


async def _show_next(times: ScheduleTimes, stored: StoredSchedule, now_ms: float, count: int) -> list[dict[str, str]]:
    """The next times, also of a schedule that is paused; of one that is late only those to come."""
    due_ms, rules = stored["due_ms"], _rules_of(stored)
    if due_ms is None or count == 0:
        return []
    return await times.show_from(rules, due_ms, now_ms, count)


def _find_delay(stored: StoredSchedule, now_ms: float) -> str | None:
    """Since when the object should have looked at it, if it is behind: it starts more than it has room for."""
    fire_ms = stored["fire_ms"]
    return None if fire_ms is None or fire_ms > now_ms - DELAYED_MS else render_time(fire_ms, "seconds")


def _rules_of(stored: StoredSchedule) -> Schedule:
    return Schedule.load(json.loads(stored["rules"]))


async def _build_missing_error(service: ExecutorService, name: str) -> NotFoundError:
    """Raises NotFoundError WORKFLOW_NOT_FOUND if there is no workflow of that name either."""
    await service.workflows.require_head(name)
    return NotFoundError(
        f"`{name}` has no schedule.",
        code="NO_SCHEDULES",
        next_actions=[
            'Add one to its triggers: schedule: [{cron: "0 9 * * MON-FRI", zone: Europe/Berlin}], and push it.'
        ],
        details={"workflow": name},
    )
