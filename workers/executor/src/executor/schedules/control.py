"""Schedules for their owner: lists them with their next times, pauses and resumes them, and runs one now."""

import json
from collections.abc import Sequence
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import NotFoundError, RequestError, WorkflowPausedError
from arcrun.limits import MAX_SCHEDULES_PAGE
from arcrun.times import render_time
from arcrun.workflows.triggers.schedules import Schedule
from arcrun.workflows.triggers.watch import Watch, is_watch_key
from arcrun.workspace.audit import Actor
from arcrun.workspace.schedules import StoredSchedule
from arcrun.workspace.watches import Seen, StoredWatch
from executor.schedules.request import ScheduledRequest
from executor.schedules.times import ScheduleTimes, build_times
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow

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


async def run_schedule(service: ExecutorService, name: str, number: int) -> tuple[str, bool]:
    """Start a run now, with the input of the schedule of that number, from 1 on; of a watch, a poll. Returns the run's
    id, and whether it is a poll. Raises NotFoundError NO_SCHEDULES, RequestError, and what ExecutorService.start does.
    """
    stored = await service.workflows.find_current(name)
    triggers, now_ms = stored.plan.triggers, service.engine.ports.clock.now_ms()
    schedules = triggers.all_schedules
    if not schedules:
        raise await _build_missing_error(service, name)
    if not 1 <= number <= len(schedules):
        raise RequestError(f"`number` must be an integer from 1 to {len(schedules)}.")
    if triggers.watch is not None and number == len(schedules):
        return await _poll_now(service, stored, triggers.watch), True
    schedule = schedules[number - 1]
    value = {} if schedule.input is None else schedule.input
    request = ScheduledRequest(value, schedule, now_ms, 0)
    trigger = Trigger(TriggerKind.SCHEDULE, value, request=request, gets_response=False)
    return (await service.start(stored, trigger, is_owner=True)).run_id, False


async def _poll_now(service: ExecutorService, stored: StoredWorkflow, watch: Watch) -> str:
    """Raises WorkflowPausedError, and what ExecutorService.start does."""
    from executor.schedules.polling import as_poll, build_poll_trigger  # noqa: PLC0415 - few workflows watch

    if stored.pause is not None:
        raise WorkflowPausedError(is_of_all=stored.pause.is_of_all)
    now_ms = service.engine.ports.clock.now_ms()
    return (
        await service.start(as_poll(stored, watch), build_poll_trigger(watch, now_ms, now_ms), is_owner=True)
    ).run_id


async def find_seen(service: ExecutorService, name: str) -> Seen:
    """What is known of a workflow's watch. Raises NotFoundError WORKFLOW_NOT_FOUND, NO_WATCH."""
    seen = await service.workflows.watches.find_seen(name)
    if seen is None:
        await service.workflows.require_head(name)
        raise _build_unwatching_error(name)
    return seen


async def add_seen(service: ExecutorService, name: str, seen: Seen) -> bool:
    """Take over what another platform knows. False if the workflow watches something else. Raises NotFoundError."""
    await find_seen(service, name)
    return await service.workflows.watches.add_seen(name, seen)


async def _show(service: ExecutorService, stored: Sequence[StoredSchedule], count: int) -> list[dict[str, Any]]:
    times, now_ms = build_times(service.components, service.engine.limits), service.engine.ports.clock.now_ms()
    watching = list(dict.fromkeys(each["name_id"] for each in stored if is_watch_key(each["key"])))
    watches = (
        {each["name_id"]: each for each in await service.workflows.watches.find_watches(watching)} if watching else {}
    )
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
            **({"watch": _show_watch(watches.get(each["name_id"]))} if is_watch_key(each["key"]) else {}),
        }
        for each in stored
    ]


def _show_watch(watch: StoredWatch | None) -> dict[str, Any] | None:
    """What has become of the polls; None if it has just ended."""
    if watch is None:
        return None
    polled_ms = watch["polled_ms"]
    return {
        "last_polled_at": None if polled_ms is None else render_time(polled_ms, "seconds"),
        **{name: watch[name] for name in ("error", "listed", "started", "left_over", "waiting", "kept", "forgotten")},
    }


async def _show_next(times: ScheduleTimes, stored: StoredSchedule, now_ms: float, count: int) -> list[dict[str, str]]:
    """The next times, also of a schedule that is paused; of one that is late only those to come."""
    due_ms, rules = stored["due_ms"], _rules_of(stored)
    if due_ms is None or count == 0:
        return []
    return await times.show_from(rules, due_ms, now_ms, count)


def _find_delay(stored: StoredSchedule, now_ms: float) -> str | None:
    """Since when it should have begun what it has not, if it is behind: there is no room, or the platform fails."""
    since_ms = stored["fire_ms"] if stored["waiting_ms"] is None else stored["waiting_ms"]
    return None if since_ms is None or since_ms > now_ms - DELAYED_MS else render_time(since_ms, "seconds")


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


def _build_unwatching_error(name: str) -> NotFoundError:
    return NotFoundError(
        f"`{name}` has no `watch`.",
        code="NO_WATCH",
        next_actions=["See docs/schedules.md: a workflow whose triggers have `watch` keeps what it has seen."],
        details={"workflow": name},
    )
