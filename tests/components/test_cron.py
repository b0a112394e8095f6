"""cron gives what a model finds that looks at every single minute of Python's zoneinfo."""

import calendar
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness
from components.test_date_ops import near_changes

MINUTE = timedelta(minutes=1)
LIMITS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
WINDOW = timedelta(days=2)


def ask(expression: str, **fields: Any) -> Any:
    return harness.run("cron", {"cron_expr": expression, **fields}).data


def find_next(expression: str, **fields: Any) -> list[str]:
    data = ask(expression, **fields)
    assert (data["valid"], data["errors"]) == (True, [])
    found = data["next"]
    assert isinstance(found, list)
    return found


def describe(expression: str) -> str:
    return str(ask(expression, count=0)["description"])


def find_errors(expression: str) -> list[tuple[str, str]]:
    data = ask(expression, **{"from": 0})
    assert (data["valid"], data["next"], data["description"]) == (False, [], None)
    return [(error["field"], error["message"]) for error in data["errors"]]


def expand(text: str, low: int, high: int) -> set[int]:
    """The values of a field without names."""
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            values |= set(range(low, high + 1, int(step or 1)))
        else:
            end = int(last) if dash else high if step else int(first)
            # A range that ends before it begins goes on from the start.
            ahead = end + (high - low + 1 if end < int(first) else 0)
            values |= {low + (value - low) % (high - low + 1) for value in range(int(first), ahead + 1, int(step or 1))}
    return values


class Model:
    """Vixie's cron, minute by minute."""

    def __init__(self, expression: str, zone: str) -> None:
        self.texts = dict(zip(LIMITS, expression.split(), strict=True))
        self.zone = zoneinfo.ZoneInfo(zone)
        self.sets = {name: expand(text, *LIMITS[name]) for name, text in self.texts.items() if name != "weekday"}
        self.sets["weekday"] = {value % 7 for value in expand(self.texts["weekday"], 0, 6)}

    def matches(self, wall: datetime) -> bool:
        sets, texts = self.sets, self.texts
        on_day, on_weekday = wall.day in sets["day"], wall.isoweekday() % 7 in sets["weekday"]
        is_either = not texts["day"].startswith("*") and not texts["weekday"].startswith("*")
        return (
            wall.minute in sets["minute"]
            and wall.hour in sets["hour"]
            and wall.month in sets["month"]
            and (on_day or on_weekday if is_either else on_day and on_weekday)
        )

    def due(self, start: datetime, end: datetime) -> Iterator[datetime]:
        is_fixed = not self.texts["hour"].startswith("*")
        instant = start.replace(second=0, microsecond=0)
        before = instant.astimezone(self.zone)
        while instant + MINUTE < end:
            instant += MINUTE
            wall = instant.astimezone(self.zone)
            plain = wall.replace(tzinfo=None)
            skipped = (plain - before.replace(tzinfo=None)) // MINUTE - 1
            before = wall
            if self.matches(plain):
                if not (is_fixed and wall.fold):
                    yield wall
            elif (
                is_fixed and 0 < skipped <= 180 and any(self.matches(plain - n * MINUTE) for n in range(1, skipped + 1))
            ):
                yield wall


def field(name: str) -> st.SearchStrategy[str]:
    low, high = LIMITS[name]
    top = 6 if name == "weekday" else high
    single = st.integers(low, top).map(str)
    ranged = st.tuples(st.integers(low, top), st.integers(low, top)).map(lambda pair: f"{pair[0]}-{pair[1]}")
    step = st.integers(1, top - low).map(lambda size: f"/{size}")
    stepped = st.tuples(single | ranged | st.just("*"), step).map("".join)
    item = single | ranged | stepped
    return st.just("*") | st.lists(item, min_size=1, max_size=3).map(",".join)


expressions = st.tuples(
    st.just("*") | field("minute"), *(st.just("*") | field(name) for name in ("hour", "day", "month", "weekday"))
).map(" ".join)
# Those that are due in the hours in which clocks change.
nightly = st.tuples(
    st.sampled_from(["0", "*/20", "30", "15,45"]), st.sampled_from(["*", "0", "1", "2", "3", "0-3", "*/2", "23"])
).map(lambda parts: f"{parts[0]} {parts[1]} * * *")


@settings(max_examples=60, deadline=None)
@given(expressions | nightly, near_changes())
def test_every_minute(expression: str, place: tuple[str, datetime]) -> None:
    zone, around = place
    start = around.replace(tzinfo=UTC)
    expected = [wall.isoformat() for wall in Model(expression, zone).due(start, start + WINDOW)][:100]
    found = find_next(expression, timezone=zone, count=100, **{"from": start.isoformat()})
    # Beyond the window the model does not know. UTC is written Z, which Python writes +00:00.
    moments = [datetime.fromisoformat(text) for text in found]
    assert [moment.isoformat() for moment in moments if moment < start + WINDOW] == expected


@pytest.mark.parametrize(
    ("expression", "zone", "start", "expected"),
    [
        # The hour from 2 to 3 is skipped.
        ("30 * * * *", "Europe/Berlin", "2026-03-29T00:45:00", ["01:30+01:00", "03:30+02:00"]),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-29T00:45:00", ["03:00+02:00", "02:00+02:00"]),
        ("0 3 * * *", "Europe/Berlin", "2026-03-29T00:45:00", ["03:00+02:00", "03:00+02:00"]),
        # It is repeated.
        ("30 * * * *", "Europe/Berlin", "2026-10-25T01:45:00", ["02:30+02:00", "02:30+01:00"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:45:00", ["02:30+02:00", "02:30+01:00"]),
        # Midnight is skipped.
        ("15 0 * * *", "America/Havana", "2026-03-07T12:00:00", ["01:00-04:00", "00:15-04:00"]),
        # The last hour of a Sunday is.
        ("0 23 * * 0", "Africa/Algiers", "1971-04-25T12:00:00", ["00:00+01:00", "23:00+01:00"]),
        # A repeated hour, in the middle of which it begins.
        ("*/20 2 * * *", "Europe/Copenhagen", "1980-09-28T02:00:00+01:00", ["02:00+01:00", "02:20+01:00"]),
        # Half an hour is skipped, and half an hour repeated.
        ("15 * * * *", "Australia/Lord_Howe", "2026-10-04T01:00:00", ["01:15+10:30", "03:15+11:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04T01:00:00", ["02:30+11:00", "02:15+11:00"]),
        ("45 * * * *", "Australia/Lord_Howe", "2026-04-05T01:00:00", ["01:45+11:00", "01:45+10:30"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05T01:00:00", ["01:45+11:00", "01:45+10:30"]),
        # Nothing is.
        ("0 * * * *", "Asia/Kolkata", "2026-01-01T00:00:00", ["01:00+05:30", "02:00+05:30"]),
    ],
)
def test_clock_changes(expression: str, zone: str, start: str, expected: list[str]) -> None:
    found = [datetime.fromisoformat(text) for text in find_next(expression, timezone=zone, count=2, **{"from": start})]
    assert [f"{moment:%H:%M}{moment.isoformat()[-6:]}" for moment in found] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("0 12 * * *", ["2011-12-29T12:00:00-10:00", "2011-12-31T12:00:00+14:00"], id="each day"),
        pytest.param("0 12 * * FRI", ["2012-01-06T12:00:00+14:00", "2012-01-13T12:00:00+14:00"], id="its weekday"),
        pytest.param("0 12 30 12 *", ["2012-12-30T12:00:00+14:00", "2013-12-30T12:00:00+14:00"], id="its date"),
        pytest.param("30 23 * * *", ["2011-12-29T23:30:00-10:00", "2011-12-31T23:30:00+14:00"], id="its edge"),
        pytest.param("0 0 * * *", ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"], id="midnight"),
    ],
)
def test_what_is_due_on_a_day_that_a_zone_skips_is_left_out(expression: str, expected: list[str]) -> None:
    """Samoa went over the date line: there was no 2011-12-30."""
    assert find_next(expression, timezone="Pacific/Apia", count=2, **{"from": "2011-12-28T23:45"}) == expected


def length_of(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def nearest(day: date, wanted: int) -> bool:
    """Of the month's days from Monday to Friday the one nearest to `wanted`, if the month has that."""
    if not 1 <= wanted <= length_of(day):
        return False
    aim = day.replace(day=wanted)
    near = [aim + timedelta(days=n) for n in (0, -1, 1, -2, 2)]
    return day == next(d for d in near if d.month == day.month and d.isoweekday() < 6)


DayRule = Callable[[date], bool]


def is_last(before: int) -> DayRule:
    return lambda day: day.day == length_of(day) - before


def is_nearest(wanted: int) -> DayRule:
    return lambda day: nearest(day, wanted)


def is_nearest_before_last(before: int) -> DayRule:
    return lambda day: nearest(day, length_of(day) - before)


def is_nth(weekday: int, place: int) -> DayRule:
    return lambda day: day.isoweekday() % 7 == weekday % 7 and (day.day + 6) // 7 == place


def is_last_weekday(weekday: int) -> DayRule:
    return lambda day: day.isoweekday() % 7 == weekday % 7 and (day + timedelta(days=7)).month != day.month


days_of_month: st.SearchStrategy[tuple[str, DayRule]] = st.one_of(
    st.just(("L", is_last(0))),
    st.just(("lw", is_nearest_before_last(0))),
    st.integers(0, 30).map(lambda n: (f"L-{n}", is_last(n))),
    st.integers(0, 30).map(lambda n: (f"L-{n}W", is_nearest_before_last(n))),
    st.integers(1, 31).map(lambda n: (f"{n}W", is_nearest(n))),
)
days_of_week: st.SearchStrategy[tuple[str, DayRule]] = st.one_of(
    st.integers(0, 7).map(lambda n: (f"{n}L", is_last_weekday(n))),
    st.tuples(st.integers(0, 7), st.integers(1, 5)).map(lambda pair: (f"{pair[0]}#{pair[1]}", is_nth(*pair))),
    st.integers(0, 6).map(lambda n: ("SunMonTueWedThuFriSat"[n * 3 : n * 3 + 3] + "L", is_last_weekday(n))),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(days_of_month, max_size=3), st.lists(days_of_week, max_size=2), st.integers(1971, 2100))
def test_days_that_each_month_places_anew(
    of_month: list[tuple[str, DayRule]], of_week: list[tuple[str, DayRule]], year: int
) -> None:
    """Either day is enough where both are given."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    every = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    rules = [rule for _, rule in of_month + of_week]
    expected = [day.isoformat() for day in every if not rules or any(rule(day) for rule in rules)][:100]
    listed = [",".join(text for text, _ in texts) or "?" for texts in (of_month, of_week)]
    found = find_next(f"0 0 {listed[0]} * {listed[1]}", count=100, **{"from": (first - timedelta(days=1)).isoformat()})
    assert [text[:10] for text in found if text[:4] == str(year)] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("0 0 L * ?", ["2026-01-31", "2026-02-28", "2026-03-31"], id="the last day"),
        pytest.param("0 0 L-3 * ?", ["2026-01-28", "2026-02-25", "2026-03-28"], id="three days before it"),
        pytest.param("0 0 15W * ?", ["2026-01-15", "2026-02-16", "2026-03-16"], id="a Sunday goes forward"),
        pytest.param("0 0 14W 2,3 *", ["2026-02-13", "2026-03-13", "2027-02-15"], id="a Saturday goes back"),
        pytest.param("0 0 1W 8 *", ["2026-08-03", "2027-08-02", "2028-08-01"], id="but not into another month"),
        pytest.param("0 0 31W 5 *", ["2026-05-29", "2027-05-31", "2028-05-31"], id="nor forward into one"),
        pytest.param("0 0 30W 2 *", [], id="a month without the day has none"),
        pytest.param("0 0 LW * ?", ["2026-01-30", "2026-02-27", "2026-03-31"], id="the last weekday"),
        pytest.param("0 0 ? * FRIL", ["2026-01-30", "2026-02-27", "2026-03-27"], id="the last Friday"),
        pytest.param("0 0 ? * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"], id="by crontab's number"),
        pytest.param("0 0 ? * fri#2", ["2026-01-09", "2026-02-13", "2026-03-13"], id="the second Friday"),
        pytest.param("0 0 ? * 5#2", ["2026-01-09", "2026-02-13", "2026-03-13"], id="by number"),
        pytest.param("0 0 ? * 7#5", ["2026-03-29", "2026-05-31", "2026-08-30"], id="a fifth Sunday"),
        pytest.param("0 0 13 * FRIL", ["2026-01-13", "2026-01-30", "2026-02-13"], id="either day"),
        pytest.param("0 0 1,L * *", ["2026-01-31", "2026-02-01", "2026-02-28"], id="in a list"),
        pytest.param("0 0 29 2 0#5", ["2028-02-29", "2032-02-29", "2036-02-29"], id="a leap day, or a fifth Sunday"),
        pytest.param("0 0 29W 2 ?", ["2028-02-29", "2032-02-27", "2036-02-29"], id="near a leap day"),
    ],
)
def test_days_of_quartz(expression: str, expected: list[str]) -> None:
    assert [text[:10] for text in find_next(expression, count=3, **{"from": "2026-01-02"})] == expected


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@Annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        (" @hourly ", "0 * * * *"),
        ("0 0 * * 7", "0 0 * * SUN"),
        ("0 0 * * fri-sun", "0 0 * * 0,5,6"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * sun-tue", "0 0 * * 0-2"),
        ("0 0 * * 1/2", "0 0 * * 1,3,5"),
        ("0 0 * JAN-mar *", "0 0 * 1-3 *"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("10-30/10 * * * *", "10,20,30 * * * *"),
        ("\t0  0\n* * *", "0 0 * * *"),
        ("00 07 01 01 *", "0 7 1 1 *"),
        ("*/60 * * * *", "0 * * * *"),
        ("0 0 ? * ?", "0 0 * * *"),
        ("0 0 1 * ?", "0 0 1 * *"),
        ("0 0 ? * 1-5", "0 0 * * 1-5"),
        ("0 0 * * FRI-MON", "0 0 * * 0,1,5,6"),
        ("0 0 * * 5-1", "0 0 * * 0,1,5,6"),
        ("0 0 * * 7-2", "0 0 * * 0-2"),
        ("0 0 * * 6-7", "0 0 * * 0,6"),
        ("0 0 * * 7/2", "0 0 * * */2"),
        ("0 22-2 * * *", "0 0,1,2,22,23 * * *"),
        ("0 22-4/3 * * *", "0 1,4,22 * * *"),
        ("50-10/10 * * * *", "0,10,50 * * * *"),
        ("0 0 1 NOV-FEB *", "0 0 1 1,2,11,12 *"),
        ("0 0 28-3 * *", "0 0 1-3,28-31 * *"),
    ],
)
def test_ways_of_writing(expression: str, same: str) -> None:
    start = {"from": "2026-01-01T00:00:00Z"}
    assert find_next(expression, **start) == find_next(same, **start)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("0 0 29 2 */7", ["2032-02-29", "2060-02-29"]),
        ("0 0 31 * *", ["2026-01-31", "2026-03-31"]),
        ("0 0 1 1 1", ["2026-01-05", "2026-01-12"]),
        ("0 0 31 4,6 *", []),
    ],
)
def test_rare_days(expression: str, expected: list[str]) -> None:
    found = find_next(expression, count=2, **{"from": "2026-01-02"})
    assert [text[:10] for text in found] == expected


def test_a_leap_day_is_found_across_a_year_without_one() -> None:
    assert find_next("0 0 29 2 *", count=1, **{"from": "2096-03-01"}) == ["2104-02-29T00:00:00Z"]
    assert len(find_next("0 0 29 2 */7", count=100, **{"from": "2096-03-01"})) == 100


@pytest.mark.parametrize(
    "start", [1767225600, 1767225600.0, "2026-01-01", "2026-01-01T00:00:59Z", "2026-01-01T09:00+09:00"]
)
def test_from(start: Any) -> None:
    assert find_next("* * * * *", count=1, **{"from": start}) == ["2026-01-01T00:01:00Z"]


def test_from_without_an_offset_is_in_the_zone() -> None:
    found = find_next("0 * * * *", count=1, timezone="Asia/Tokyo", **{"from": "2026-01-01T09:30"})
    assert found == ["2026-01-01T10:00:00+09:00"]


def test_from_now_on() -> None:
    [found] = find_next("* * * * *", count=1)
    assert -MINUTE < datetime.fromisoformat(found) - datetime.now(UTC) <= 2 * MINUTE


def test_counts() -> None:
    assert len(find_next("* * * * *")) == 5
    assert find_next("* * * * *", count=0) == []
    assert len(find_next("0 0 1 1 *", count=100)) == 100


def test_time_ends_with_the_year_9998() -> None:
    assert find_next("0 0 1 1 *", **{"from": "9997-01-01T12:00"}) == ["9998-01-01T00:00:00Z"]


@pytest.mark.parametrize(
    ("expression", "description"),
    [
        ("* * * * *", "Every minute"),
        ("*/5 * * * *", "Every 5 minutes"),
        ("30 9 * * *", "At 09:30"),
        ("0 9,17 * * *", "At 09:00 and 17:00"),
        ("0,15,30,45 8 * * *", "At 08:00, 08:15, 08:30 and 08:45"),
        ("0,15,30,45 8,9 * * *", "At minutes 0, 15, 30 and 45 past hours 8 and 9"),
        ("5 * * * *", "At minute 5 of every hour"),
        ("5,35 * * * *", "At minutes 5 and 35 of every hour"),
        ("0 */2 * * *", "At minute 0 of every 2nd hour"),
        ("* 9-17 * * *", "Every minute past hours 9 through 17"),
        ("*/10 9-17/3 * * *", "Every 10 minutes past every 3rd hour from 9 through 17"),
        ("10-20 * * * *", "At minutes 10 through 20"),
        ("5/20 * * * *", "At every 20th minute from 5 through 59"),
        ("0 0 1 * *", "At 00:00 on day 1 of the month"),
        ("0 0 1-7,15 * *", "At 00:00 on days 1 through 7 and 15 of the month"),
        ("0 0 */2 * *", "At 00:00 on every 2nd day of the month"),
        ("0 0 * * 1-5", "At 00:00 on Monday through Friday"),
        ("0 0 * * sat,7", "At 00:00 on Saturday and Sunday"),
        ("0 0 13 * 5", "At 00:00 on day 13 of the month or on Friday"),
        ("0 0 */2 * 5", "At 00:00 on every 2nd day of the month and only on Friday"),
        ("0 0 1 1,7 *", "At 00:00 on day 1 of the month in January and July"),
        ("0 0 1 */3 *", "At 00:00 on day 1 of the month in every 3rd month"),
        ("0 0 1 3-11/11 *", "At 00:00 on day 1 of the month in every 11th month from March through November"),
        ("@hourly", "At minute 0 of every hour"),
        ("0 22-2 * * FRI-MON", "At minute 0 past hours 22 through 2 on Friday through Monday"),
        ("0 0 L * ?", "At 00:00 on the last day of the month"),
        ("0 0 L-1 * ?", "At 00:00 on the day 1 day before the last day of the month"),
        ("0 0 L-3 * ?", "At 00:00 on the day 3 days before the last day of the month"),
        ("0 0 1,15W,LW * *", "At 00:00 on day 1, the weekday nearest to day 15 and the last weekday of the month"),
        ("0 0 L-2W * *", "At 00:00 on the weekday nearest to the day 2 days before the last day of the month"),
        ("0 0 * * FRIL", "At 00:00 on the last Friday of the month"),
        ("0 0 * * MON,5#2", "At 00:00 on Monday and the 2nd Friday of the month"),
        ("0 0 L * 1#1", "At 00:00 on the last day of the month or on the 1st Monday of the month"),
        ("1,*/20 * * * *", "At minute 1 and every 20th minute"),
    ],
)
def test_descriptions(expression: str, description: str) -> None:
    assert describe(expression) == description


OF_MONTH = ", or one like L, L-3, 15W or LW"
OF_WEEK = ", or one like FRIL or FRI#2"
MACROS = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"
WHOLE = "the expression must have 5 fields (minute, hour, day of month, month, day of week), not "


@pytest.mark.parametrize(
    ("expression", "errors"),
    [
        ("", [("expression", WHOLE + "0")]),
        ("* * * *", [("expression", WHOLE + "4")]),
        ("0 * * * * *", [("expression", WHOLE + "6; there are none for seconds and years")]),
        ("0 0 0 ? * * 2026", [("expression", WHOLE + "7; there are none for seconds and years")]),
        ("0 * * * * * * *", [("expression", WHOLE + "8")]),
        (" @Reboot", [("expression", "@reboot has no time at which it is due: there is no computer that starts")]),
        ("@every 5m", [("expression", '"@every 5m" must be one of ' + MACROS)]),
        ("@noon", [("expression", '"@noon" must be one of ' + MACROS)]),
        ("60 * * * *", [("minute", 'minute: "60" must be a whole number from 0 to 59')]),
        ("* 24 * * *", [("hour", 'hour: "24" must be a whole number from 0 to 23')]),
        ("* * 0 * *", [("day of month", 'day of month: "0" must be a whole number from 1 to 31' + OF_MONTH)]),
        ("* * 32 * *", [("day of month", 'day of month: "32" must be a whole number from 1 to 31' + OF_MONTH)]),
        ("* * * 13 *", [("month", 'month: "13" must be a whole number from 1 to 12, or JAN to DEC')]),
        (
            "* * * * 8",
            [("day of week", 'day of week: "8" must be a whole number from 0 to 7, or SUN to SAT' + OF_WEEK)],
        ),
        (
            "* * * * JAN",
            [("day of week", 'day of week: "JAN" must be a whole number from 0 to 7, or SUN to SAT' + OF_WEEK)],
        ),
        ("MON * * * *", [("minute", 'minute: "MON" must be a whole number from 0 to 59')]),
        ("-1 * * * *", [("minute", 'minute: "-1" must be a whole number from 0 to 59')]),
        ("- * * * *", [("minute", 'minute: "-" must be a whole number from 0 to 59')]),
        ("5- * * * *", [("minute", 'minute: the range "5-" has no end')]),
        ("* * * * MON-", [("day of week", 'day of week: the range "MON-" has no end')]),
        ("1-2-3 * * * *", [("minute", 'minute: "2-3" must be a whole number from 0 to 59')]),
        ("1,,2 * * * *", [("minute", 'minute: the list "1,,2" has an empty place')]),
        (", * * * *", [("minute", 'minute: the list "," has an empty place')]),
        ("1, * * * *", [("minute", 'minute: the list "1," has an empty place')]),
        ("1.5 * * * *", [("minute", 'minute: "1.5" must be a whole number from 0 to 59')]),
        ("** * * * *", [("minute", 'minute: "**" must be a whole number from 0 to 59')]),
        ("? * * * *", [("minute", 'minute: "?" must be a whole number from 0 to 59')]),
        ("*/0 * * * *", [("minute", 'minute: the step "0" must be a whole number from 1 to 60')]),
        ("*/ * * * *", [("minute", 'minute: no number stands behind the slash of "*/"')]),
        ("/5 * * * *", [("minute", 'minute: nothing stands before the step of "/5"; for all write "*/5"')]),
        ("* * ?/2 * *", [("day of month", 'day of month: no step can follow "?"; write "*/2"')]),
        ("* * * * ?/2", [("day of week", 'day of week: no step can follow "?"; write "*/2"')]),
        ("* * ?,5 * *", [("day of month", 'day of month: "?" must stand alone, not in a list like "?,5"')]),
        ("* * * * 1,?", [("day of week", 'day of week: "?" must stand alone, not in a list like "1,?"')]),
        ("* * L-31 * *", [("day of month", 'day of month: "L-31" must be from L-0 to L-30')]),
        ("* * l-99w * *", [("day of month", 'day of month: "l-99w" must be from L-0W to L-30W')]),
        ("* * L-31/2 * *", [("day of month", 'day of month: "L-31" must be from L-0 to L-30')]),
        ("* * 32W * *", [("day of month", 'day of month: "32W" must be from 1W to 31W')]),
        ("* * 0W * *", [("day of month", 'day of month: "0W" must be from 1W to 31W')]),
        ("* * L- * *", [("day of month", 'day of month: the range "L-" has no end')]),
        ("* * 1-5W * *", [("day of month", 'day of month: no range, such as "1-5W", can have "5W"')]),
        ("* * 1-32 * *", [("day of month", 'day of month: "32" must be a whole number from 1 to 31')]),
        ("* * LW-3 * *", [("day of month", 'day of month: no range, such as "LW-3", can have "LW"')]),
        ("* * * * FRI#0", [("day of week", 'day of week: "FRI#0" must be from #1 to #5 of the month')]),
        ("* * * * 5#6", [("day of week", 'day of week: "5#6" must be from #1 to #5 of the month')]),
        ("* * * * MON-FRI#1", [("day of week", 'day of week: no range, such as "MON-FRI#1", can have "FRI#1"')]),
        ("* * * * L-1", [("day of week", 'day of week: "L" must be a whole number from 0 to 7, or SUN to SAT')]),
        ("* */25 * * *", [("hour", 'hour: the step "25" must be a whole number from 1 to 24')]),
        ("*/5/5 * * * *", [("minute", 'minute: the step "5/5" must be a whole number from 1 to 60')]),
        ("* L * * *", [("hour", 'hour: "L" must be a whole number from 0 to 23')]),
        ("* * L/2 * *", [("day of month", 'day of month: no step can follow "L"')]),
        ("* * * * FRI#2/2", [("day of week", 'day of week: no step can follow "FRI#2"')]),
        (
            "a,b 25 * * *",
            [
                ("minute", 'minute: "a" must be a whole number from 0 to 59'),
                ("minute", 'minute: "b" must be a whole number from 0 to 59'),
                ("hour", 'hour: "25" must be a whole number from 0 to 23'),
            ],
        ),
    ],
)
def test_errors_name_the_field(expression: str, errors: list[tuple[str, str]]) -> None:
    assert find_errors(expression) == errors


@pytest.mark.parametrize("day", ["W", "L3", "L+3", "-L", "WL", "FRIL", "?W", "H"])
def test_wrong_days_of_the_month(day: str) -> None:
    [(field, message)] = find_errors(f"* * {day} * *")
    assert field == "day of month"
    assert message.endswith("must be a whole number from 1 to 31" + OF_MONTH)


@pytest.mark.parametrize("day", ["L", "FRI#", "8L", "#2", "LW", "5W", "FRI#L", "1?"])
def test_wrong_days_of_the_week(day: str) -> None:
    [(field, message)] = find_errors(f"* * * * {day}")
    assert field == "day of week"
    assert message.endswith("must be a whole number from 0 to 7, or SUN to SAT" + OF_WEEK)


MILLISECONDS = (
    "`from` must be a date of ISO 8601, or a whole number of seconds since 1970 within the years 2 to 9998, not "
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cron_expr": None}, "`cron_expr` must be a text, but it is missing."),
        ({"cron_expr": 5}, "`cron_expr` must be a text, not 5."),
        ({"count": 101}, "`count` must be a whole number from 0 to 100, not 101."),
        ({"timezone": "Nowhere"}, "`timezone` must be UTC, an offset like +09:00, or an IANA zone like"),
        ({"from": "yesterday"}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not"),
        ({"from": 1.5}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not 1.5."),
        ({"from": 1767225600000}, MILLISECONDS + "1767225600000: as milliseconds it would be 1767225600 seconds."),
        ({"from": 300000000000}, MILLISECONDS + "300000000000: as milliseconds it would be 300000000 seconds."),
        ({"from": 10**14}, MILLISECONDS + "100000000000000: as milliseconds it would be 100000000000 seconds."),
        ({"from": 10**18}, "`from` must be a date of the years 2 to 9998, not 1000000000000000000."),
        (
            {"from": "1767225600000"},
            "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not "
            '"1767225600000": as milliseconds it would be 1767225600 seconds, which are given without quotes.',
        ),
        ({"from": -(10**12)}, MILLISECONDS + "-1000000000000: as milliseconds it would be -1000000000 seconds."),
        (
            {"from": "1767225600"},
            "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not "
            '"1767225600": a number of seconds is given without quotes.',
        ),
        ({"from": "2026-02-30"}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not "),
        ({"from": "9999-06-01"}, '`from` must be a date of the years 2 to 9998, not "9999-06-01".'),
        ({"from": "0001-06-01"}, '`from` must be a date of the years 2 to 9998, not "0001-06-01".'),
    ],
    ids=str,
)
def test_wrong_input(fields: dict[str, Any], message: str) -> None:
    error = harness.run("cron", {"cron_expr": "* * * * *", **fields}).error
    assert error["code"] == "INVALID_INPUT"
    assert error["message"].startswith(message)
