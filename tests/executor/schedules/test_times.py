"""Proves the times of schedules over the `cron` component: a year of minutes in three zones, changes of clocks, what
was missed, and what is refused.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from arcrun.errors import ComponentError
from arcrun.limits import CATCH_UP_DAYS
from arcrun.workflows.triggers.schedules import Schedule, Timing
from components import wasm_harness as harness
from executor.schedules.times import DAY_MS, PAGE, ScheduleTimes

pytestmark = pytest.mark.anyio

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
MINUTE_MS = 60_000.0


async def ask(asked: Any) -> Any:
    output = harness.run("cron", asked).output
    if not output["success"]:
        raise ComponentError(output["error"]["message"], code=output["error"]["code"])
    return output["data"]


@pytest.fixture
def times() -> ScheduleTimes:
    return ScheduleTimes(ask)


def ms(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000


def cron(expression: str, zone: str = "UTC") -> Schedule:
    return Schedule(Timing.CRON, expression, zone)


@pytest.mark.parametrize("zone", ZONES)
async def test_a_year_of_minutes(times: ScheduleTimes, zone: str) -> None:
    """Whatever the clocks do, a minute follows a minute: each one on the days around a change, a page on the others."""
    place, day = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC)
    changes = 0
    while day.year == 2026:
        offsets = {(day + timedelta(days=number)).astimezone(place).utcoffset() for number in (-1, 0, 1, 2)}
        changes += len(offsets) > 1
        due_ms = day.timestamp() * 1_000
        for _ in range(15 if len(offsets) > 1 else 1):
            found = await times.list_after(cron("* * * * *", zone), due_ms, PAGE)
            assert found == [due_ms + number * MINUTE_MS for number in range(1, PAGE + 1)]
            due_ms = found[-1]
        day += timedelta(days=1)
    assert changes == 6


@pytest.mark.parametrize("zone", ZONES)
async def test_a_time_of_day_is_due_once_a_day(times: ScheduleTimes, zone: str) -> None:
    """Also on the days on which clocks skip it, or show it twice."""
    place = ZoneInfo(zone)
    schedule, due_ms = cron("15 2 * * *", zone), datetime(2026, 1, 1, tzinfo=place).timestamp() * 1_000
    days, odd = list[date](), list[tuple[date, time]]()
    while len(days) < 365:
        [due_ms] = await times.list_after(schedule, due_ms, 1)
        local = datetime.fromtimestamp(due_ms / 1_000, place)
        days.append(local.date())
        odd += [(local.date(), local.time())] if (local.hour, local.minute) != (2, 15) else []
    first = datetime(2026, 1, 1).date()
    assert days == [first + timedelta(days=number) for number in range(365)]
    assert len(odd) <= 1  # the day on which it is skipped


@pytest.mark.parametrize(
    ("value", "zone", "expected"),
    [
        pytest.param("2026-12-24T18:00", "UTC", "2026-12-24T18:00:00Z", id="UTC"),
        pytest.param("2026-12-24T18:00", "Europe/Berlin", "2026-12-24T17:00:00Z", id="a zone"),
        pytest.param("2026-12-24T18:00+05:30", "UTC", "2026-12-24T12:30:00Z", id="an offset"),
        pytest.param("2026-12-24 18:00:00Z", "UTC", "2026-12-24T18:00:00Z", id="with seconds"),
        pytest.param("2027-03-28T02:30", "Europe/Berlin", "2027-03-28T01:00:00Z", id="skipped: right after it"),
        pytest.param("2028-02-29T12:00", "America/New_York", "2028-02-29T17:00:00Z", id="a leap day"),
    ],
)
async def test_one_moment(times: ScheduleTimes, value: str, zone: str, expected: str) -> None:
    schedule, now_ms = Schedule(Timing.AT, value, zone), ms("2026-11-27")
    assert await times.find_problem(schedule) == ""
    assert await times.find_first(schedule, now_ms) == ms(expected)
    assert await times.list_passed(schedule, ms(expected), ms(expected) + 1) == ([ms(expected)], None)
    assert await times.find_first(schedule, ms(expected)) is None


async def test_every_so_often_from_a_whole_second_on(times: ScheduleTimes) -> None:
    schedule = Schedule(Timing.EVERY, "15m")
    first_ms = await times.find_first(schedule, ms("2026-11-27T10:00:00.730"))
    assert first_ms == ms("2026-11-27T10:15:00")
    later_ms = first_ms + 100 * 15 * MINUTE_MS + 1
    passed, coming_ms = await times.list_passed(schedule, first_ms, later_ms)
    assert passed == [first_ms + number * 15 * MINUTE_MS for number in range(101)]
    assert coming_ms == first_ms + 101 * 15 * MINUTE_MS


@pytest.mark.parametrize("schedule", [cron("0 * * * *"), Schedule(Timing.EVERY, "1h")], ids=["cron", "every"])
async def test_what_was_missed_long_ago_is_not_computed(times: ScheduleTimes, schedule: Schedule) -> None:
    due_ms, now_ms = ms("2025-01-01T00:00"), ms("2026-11-27T10:30")
    passed, coming_ms = await times.list_passed(schedule, due_ms, now_ms)
    assert (len(passed), passed[-1], coming_ms) == (CATCH_UP_DAYS * 24, ms("2026-11-27T10:00"), ms("2026-11-27T11:00"))
    assert passed[0] > now_ms - CATCH_UP_DAYS * DAY_MS


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (cron("60 9 * * *"), 'minute: "60" must be a whole number from 0 to 59'),
        (cron("0 9 * * MON-FRI", "Europe/Atlantis"), "Europe/Atlantis"),
        (cron("0 0 30 2 *"), "is never due"),
        (cron("@reboot"), "reboot"),
        (Schedule(Timing.AT, "2026-02-30T10:00"), "no such day"),
        (Schedule(Timing.AT, "2026-02-28T25:00"), "no such"),
        (Schedule(Timing.AT, "2026-02-28T10:00", "Mars"), "`zone` must be"),
        (Schedule(Timing.AT, "9999-12-31T23:59"), "of the years 3 to 9998"),
        (Schedule(Timing.AT, "9999-12-31T23:59Z"), "of the years 3 to 9998"),
    ],
)
async def test_what_is_wrong_with_times(times: ScheduleTimes, schedule: Schedule, problem: str) -> None:
    assert problem in await times.find_problem(schedule)


async def test_times_are_shown_in_the_zone_and_in_utc(times: ScheduleTimes) -> None:
    now_ms = ms("2026-10-24T12:00")
    shown = await times.show_from(cron("30 2 * * *", "Europe/Berlin"), ms("2026-10-25T00:30"), now_ms, 2)
    assert shown == [
        {"utc": "2026-10-25T00:30:00Z", "local": "2026-10-25T02:30:00+02:00"},
        {"utc": "2026-10-26T01:30:00Z", "local": "2026-10-26T02:30:00+01:00"},
    ]
    every = await times.show_from(Schedule(Timing.EVERY, "1h"), ms("2026-10-24T10:20"), now_ms, 2)
    assert [each["utc"] for each in every] == ["2026-10-24T12:20:00Z", "2026-10-24T13:20:00Z"]
    once = Schedule(Timing.AT, "2026-10-24T14:30", "Europe/Berlin")
    assert await times.show_from(once, ms("2026-10-24T12:30"), now_ms, 5) == [
        {"utc": "2026-10-24T12:30:00Z", "local": "2026-10-24T14:30:00+02:00"}
    ]
