"""The times of a schedule. Those of a cron expression are what the bundled `cron` component says, here as in a node of
a workflow: nothing else knows what an expression means, or what a zone's clocks do.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from arcrun.engine.budget import RunLimits
from arcrun.errors import ComponentError
from arcrun.limits import CATCH_UP_DAYS
from arcrun.times import render_time
from arcrun.workflows.triggers.schedules import Schedule, Timing, has_offset, keys_of
from arcrun.workspace.schedules import NewSchedule
from executor.components import ComponentCaller

if TYPE_CHECKING:
    from arcrun.workflows.triggers.watch import Watch

CRON = "cron"
PAGE = 100  # the most times that the component tells at once
DAY_MS = 86_400_000
Ask = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
FIRST_YEAR, LAST_YEAR = 3, 9998  # of an `at`: the `cron` component is asked from the day before on


class ScheduleTimes:
    """`ask` calls the component, and returns its data. Every method raises ComponentError, UpstreamError."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def find_problem(self, schedule: Schedule) -> str:
        """What is wrong with the expression or the zone; "" if nothing is."""
        if schedule.timing is Timing.EVERY:
            return ""
        if schedule.timing is Timing.AT and (problem := _find_moment_problem(schedule.value)):
            return problem
        asked = schedule.value if schedule.timing is Timing.CRON else _yearly(_read_moment(schedule.value))
        try:
            found = await self._ask({"cron_expr": asked, "timezone": schedule.zone, "from": 0, "count": 1})
        except ComponentError as error:
            return _name_zone(error.message).rstrip(".")
        if found["valid"] and not found["next"]:
            return f"`{schedule.value}` is never due"
        return "; ".join(_name_zone(error["message"]) for error in found["errors"])

    async def list_after(self, schedule: Schedule, after_ms: float, count: int) -> list[float]:
        """The next times later than `after_ms`; of an `every`, which must be one of its times."""
        if schedule.timing is Timing.EVERY:
            return [after_ms + number * schedule.every_ms for number in range(1, count + 1)]
        if schedule.timing is Timing.AT:
            moment_ms = await self._find_moment(schedule)
            return [moment_ms] if moment_ms > after_ms else []
        return await self._ask_cron(schedule.value, schedule.zone, after_ms, count)

    async def find_first(self, schedule: Schedule, now_ms: float) -> float | None:
        """The first time of a schedule that is new, or is resumed, now. An `every` begins in the next whole second."""
        from_ms = now_ms // 1_000 * 1_000 if schedule.timing is Timing.EVERY else now_ms
        times = await self.list_after(schedule, from_ms, 1)
        return times[0] if times else None

    async def find_resumed(self, schedule: Schedule, due_ms: float | None, now_ms: float) -> float | None:
        """The first time to come of a schedule that was paused when `due_ms` was its next time: an `every` is still
        counted from its push.
        """
        if schedule.timing is not Timing.EVERY or due_ms is None:
            return await self.find_first(schedule, now_ms)
        if due_ms > now_ms:
            return due_ms
        times = await self.list_after(schedule, self._skip(schedule, due_ms, now_ms), 2)
        return next((time for time in times if time > now_ms), None)

    async def list_passed(self, schedule: Schedule, due_ms: float, now_ms: float) -> tuple[list[float], float | None]:
        """The times from `due_ms` on that have passed, of those that may be caught up, and the first to come."""
        since_ms = now_ms - CATCH_UP_DAYS * DAY_MS
        passed = [due_ms]
        if schedule.timing is Timing.AT:
            return passed if due_ms >= since_ms else [], None
        if due_ms < since_ms:
            passed, due_ms = [], self._skip(schedule, due_ms, since_ms)
        while True:
            times = await self.list_after(schedule, due_ms, PAGE)
            passed += [time for time in times if time <= now_ms]
            coming = [time for time in times if time > now_ms]
            if coming or len(times) < PAGE:
                return passed, coming[0] if coming else None
            due_ms = times[-1]

    @staticmethod
    def _skip(schedule: Schedule, due_ms: float, since_ms: float) -> float:
        """A moment up to `since_ms` from which the times go on."""
        if schedule.timing is not Timing.EVERY:
            return since_ms
        return due_ms + (since_ms - due_ms) // schedule.every_ms * schedule.every_ms

    async def show_from(self, schedule: Schedule, due_ms: float, now_ms: float, count: int) -> list[dict[str, str]]:
        """The next times, from `due_ms` on, that have not passed; each in UTC and in the schedule's zone: [{"utc",
        "local"}].
        """
        after_ms = max(due_ms - 1_000, now_ms)
        if schedule.timing is Timing.CRON:
            asked = {"cron_expr": schedule.value, "timezone": schedule.zone, "from": int(after_ms // 1_000)}
            local = (await self._ask({**asked, "count": count}))["next"]
        elif schedule.timing is Timing.AT:
            local = [await self._find_local_moment(schedule)]
        else:
            before_ms = self._skip(schedule, due_ms, after_ms) - schedule.every_ms
            times = await self.list_after(schedule, before_ms, count + 2)
            local = [render_time(ms, "seconds") for ms in times if ms > after_ms]
        shown = [{"utc": render_time(_to_ms(text), "seconds"), "local": text} for text in local]
        return [each for each in shown if _to_ms(each["utc"]) > after_ms][:count]

    async def _ask_cron(self, expression: str, zone: str, after_ms: float, count: int) -> list[float]:
        asked = {"cron_expr": expression, "timezone": zone, "from": int(after_ms // 1_000), "count": count}
        return [_to_ms(text) for text in (await self._ask(asked))["next"]]

    async def _find_moment(self, schedule: Schedule) -> float:
        return _to_ms(await self._find_local_moment(schedule))

    async def _find_local_moment(self, schedule: Schedule) -> str:
        """The moment of an `at`, with its offset. One that the clocks skip is right after it, as in cron."""
        if has_offset(schedule.value):
            return _read_moment(schedule.value).isoformat()
        wanted = _read_moment(schedule.value)
        before = (wanted - timedelta(days=1)).isoformat()
        asked = {"cron_expr": _yearly(wanted), "timezone": schedule.zone, "from": before, "count": 1}
        moment: str = (await self._ask(asked))["next"][0]
        return moment


def build_times(components: ComponentCaller, limits: RunLimits) -> ScheduleTimes:
    """Over the bundled component, in this isolate."""

    async def ask(asked: Mapping[str, Any]) -> Mapping[str, Any]:
        outcome = await components.call(await components.find(CRON), asked, limits.open_budget())
        if outcome.error is not None:
            raise outcome.error
        data: Mapping[str, Any] = outcome.envelope["data"]
        return data

    return ScheduleTimes(ask)


async def find_problems(times: ScheduleTimes, schedules: Sequence[Schedule]) -> dict[int, str]:
    """What is wrong with the times of schedules, by their numbers. Raises UpstreamError."""
    problems = {number: await times.find_problem(schedule) for number, schedule in enumerate(schedules)}
    return {number: problem for number, problem in problems.items() if problem}


async def list_new(
    times: ScheduleTimes, schedules: Sequence[Schedule], now_ms: float, watch: "Watch | None" = None
) -> list[NewSchedule]:
    """The schedules of a version that becomes current now; that of its `watch` is the last."""
    named = [*zip(keys_of(schedules), schedules, strict=True)]
    named += [] if watch is None else [(watch.schedule_key, watch.schedule)]
    return [
        {
            "key": key,
            "number": number,
            "rules": json.dumps(schedule.rules_to_json()),
            "due_ms": await times.find_first(schedule, now_ms),
        }
        for number, (key, schedule) in enumerate(named)
    ]


def _name_zone(message: str) -> str:
    """What the component calls `timezone` is the `zone` of a schedule."""
    return message.replace("`timezone`", "`zone`")


def _find_moment_problem(text: str) -> str:
    try:
        moment = _read_moment(text)
    except ValueError:
        return f"`{text}` is no moment: there is no such day, or no such time of day"
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return f"`{text}` must be of the years {FIRST_YEAR} to {LAST_YEAR}"
    return ""


def _read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _yearly(moment: datetime) -> str:
    """The expression that is due at this date and time of day, each year."""
    return f"{moment.minute} {moment.hour} {moment.day} {moment.month} *"


def _to_ms(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000
