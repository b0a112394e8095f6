"""cron gives what a model finds that looks at every single minute of Python's zoneinfo."""

import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
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
            values |= set(range(int(first), end + 1, int(step or 1)))
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
    span = st.tuples(st.integers(low, top), st.integers(low, high)).filter(lambda pair: pair[0] <= pair[1])
    ranged = span.map(lambda pair: f"{pair[0]}-{pair[1]}")
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
    # Beyond the window the model does not know.
    assert [text for text in found if datetime.fromisoformat(text) < start + WINDOW] == expected


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
        # Nothing is.
        ("0 * * * *", "Asia/Kolkata", "2026-01-01T00:00:00", ["01:00+05:30", "02:00+05:30"]),
    ],
)
def test_clock_changes(expression: str, zone: str, start: str, expected: list[str]) -> None:
    found = [datetime.fromisoformat(text) for text in find_next(expression, timezone=zone, count=2, **{"from": start})]
    assert [f"{moment:%H:%M}{moment.isoformat()[-6:]}" for moment in found] == expected


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
    ],
)
def test_descriptions(expression: str, description: str) -> None:
    assert describe(expression) == description


WHOLE = "the expression must have 5 fields (minute, hour, day of month, month, day of week), not "


@pytest.mark.parametrize(
    ("expression", "errors"),
    [
        ("", [("expression", WHOLE + "0")]),
        ("* * * *", [("expression", WHOLE + "4")]),
        ("0 * * * * *", [("expression", WHOLE + "6")]),
        ("@reboot", [("expression", WHOLE + "1")]),
        ("60 * * * *", [("minute", 'minute: "60" must be a whole number from 0 to 59')]),
        ("* 24 * * *", [("hour", 'hour: "24" must be a whole number from 0 to 23')]),
        ("* * 0 * *", [("day of month", 'day of month: "0" must be a whole number from 1 to 31')]),
        ("* * 32 * *", [("day of month", 'day of month: "32" must be a whole number from 1 to 31')]),
        ("* * * 13 *", [("month", 'month: "13" must be a whole number from 1 to 12, or JAN to DEC')]),
        ("* * * * 8", [("day of week", 'day of week: "8" must be a whole number from 0 to 7, or SUN to SAT')]),
        ("* * * * JAN", [("day of week", 'day of week: "JAN" must be a whole number from 0 to 7, or SUN to SAT')]),
        ("MON * * * *", [("minute", 'minute: "MON" must be a whole number from 0 to 59')]),
        ("-1 * * * *", [("minute", 'minute: "" must be a whole number from 0 to 59')]),
        ("1-2-3 * * * *", [("minute", 'minute: "2-3" must be a whole number from 0 to 59')]),
        ("1,,2 * * * *", [("minute", 'minute: "" must be a whole number from 0 to 59')]),
        ("1.5 * * * *", [("minute", 'minute: "1.5" must be a whole number from 0 to 59')]),
        ("** * * * *", [("minute", 'minute: "**" must be a whole number from 0 to 59')]),
        ("? * * * *", [("minute", 'minute: "?" must be a whole number from 0 to 59')]),
        ("30-10 * * * *", [("minute", 'minute: the range "30-10" runs backwards')]),
        ("* * * * 5-1", [("day of week", 'day of week: the range "5-1" runs backwards')]),
        ("*/0 * * * *", [("minute", 'minute: the step "0" must be a whole number from 1 to 60')]),
        ("*/ * * * *", [("minute", 'minute: the step "" must be a whole number from 1 to 60')]),
        ("* */25 * * *", [("hour", 'hour: the step "25" must be a whole number from 1 to 24')]),
        ("*/5/5 * * * *", [("minute", 'minute: the step "5/5" must be a whole number from 1 to 60')]),
        ("* * L * *", [("day of month", 'day of month: "L" must be a whole number from 1 to 31')]),
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


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"cron_expr": None}, "`cron_expr` must be a text, but it is missing."),
        ({"cron_expr": 5}, "`cron_expr` must be a text, not 5."),
        ({"count": 101}, "`count` must be a whole number from 0 to 100, not 101."),
        ({"timezone": "Nowhere"}, "`timezone` must be UTC, an offset like +09:00, or an IANA zone like"),
        ({"from": "yesterday"}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not"),
        ({"from": 1.5}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not 1.5."),
        ({"from": 10**14}, "`from` must be a date of ISO 8601, or a whole number of seconds since 1970, not"),
        ({"from": "9999-06-01"}, '`from` must be a date of the years 2 to 9998, not "9999-06-01".'),
        ({"from": "0001-06-01"}, '`from` must be a date of the years 2 to 9998, not "0001-06-01".'),
    ],
    ids=str,
)
def test_wrong_input(fields: dict[str, Any], message: str) -> None:
    error = harness.run("cron", {"cron_expr": "* * * * *", **fields}).error
    assert error["code"] == "INVALID_INPUT"
    assert error["message"].startswith(message)
