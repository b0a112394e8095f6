"""date_ops gives what Python's datetime and zoneinfo give, for every zone that it knows."""

import itertools
import re
import subprocess
import sys
import time
import zoneinfo
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components import wasm_harness as harness

SDK = harness.COMPONENTS / "_sdk"
TABLES = (SDK / "zig" / "zone_tables.zig").read_text("utf-8")
VERSION = re.search(r'version = "(\w+)"', TABLES)
ZONES = sorted(set(resources.files("tzdata").joinpath("zones").read_text("utf-8").split()) - {"Factory"})
# Until 1972 its offset has seconds, which the tables round to a minute.
MONROVIA = "Africa/Monrovia"
profile = settings(max_examples=40, deadline=None)
# The tz database of the package tzdata, whatever the system has.
zoneinfo.reset_tzpath(())


def operate(operation: str, value: Any = None, **fields: Any) -> Any:
    return harness.run("date_ops", {"operation": operation, "input": value, **fields}).data["result"]


def refuse(operation: str, value: Any = None, **fields: Any) -> Any:
    return harness.run("date_ops", {"operation": operation, "input": value, **fields}).error


def read(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Through 2099 TZif files and Python's rules are beyond doubt; before 1970 the component does not know zones.
modern = st.datetimes(datetime(1970, 1, 3), datetime(2099, 12, 29))
any_time = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 30))
offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
names = st.sampled_from([name for name in ZONES if name != MONROVIA])


READ_AS_UTC = ("GMT", "Etc/GMT")  # so their abbreviation is UTC's


def near_changes() -> st.SearchStrategy[tuple[str, datetime]]:
    """A zone, and a time within hours of one of its changes."""

    def place(name: str, year: int, share: float, minutes: int) -> tuple[str, datetime]:
        zone = zoneinfo.ZoneInfo(name)
        start = datetime(year, 1, 1, tzinfo=UTC)
        days = [start + timedelta(days=day) for day in range(366)]
        offsets = [day.astimezone(zone).utcoffset() for day in days]
        changing = [day for day, (a, b) in zip(days, itertools.pairwise(offsets), strict=False) if a != b]
        at = changing[int(share * len(changing))] if changing else days[int(share * 365)]
        return name, at.replace(tzinfo=None) + timedelta(minutes=minutes)

    return st.builds(place, names, st.integers(1971, 2098), st.floats(0, 0.99), st.integers(-600, 2400))


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)


def test_format_gives_iso_unless_said_otherwise() -> None:
    assert operate("format", 0, timezone="Asia/Tokyo") == "1970-01-01T09:00:00+09:00"


def test_tables_are_what_the_generator_writes_and_checks() -> None:
    script = "import generate_timezones as g; print(g.render_tables(), end='')"
    made = subprocess.run([sys.executable, "-c", script], cwd=SDK, capture_output=True, text=True, check=True)
    assert made.stdout == TABLES


@pytest.mark.parametrize("component_id", ["date_ops", "cron"])
def test_the_contract_names_the_version_of_the_zones(component_id: str) -> None:
    described = harness.load_contract(component_id).input_schema["properties"]["timezone"]["description"]
    assert VERSION is not None
    assert f"version {VERSION[1]}" in described


@pytest.mark.parametrize("name", ZONES)
def test_every_zone_through_the_years(name: str) -> None:
    zone = zoneinfo.ZoneInfo(name)
    for year, month in ((1970 if name != MONROVIA else 1973, 2), (1988, 8), (2026, 7), (2026, 12), (2099, 12)):
        moment = datetime(year, month, 5, tzinfo=UTC)
        shown = f"%F %T %z {'UTC' if name in READ_AS_UTC else '%Z'}"
        expected = moment.astimezone(zone).strftime(shown)
        assert operate("format", moment.isoformat(), timezone=name, format="%F %T %z %Z") == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("Australia/Lord_Howe", "2026-04-04T15:00:00Z", "2026-04-05T01:30:00+10:30", id="half an hour"),
        pytest.param("australia/LORD_howe", "2026-10-03T15:30:00Z", "2026-10-04T02:30:00+11:00", id="any case"),
        pytest.param("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59-10:00", id="before a skipped day"),
        pytest.param("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00+14:00", id="after a skipped day"),
        pytest.param("EST", "2026-07-01T00:00:00Z", "2026-06-30T19:00:00-05:00", id="a zone without a place"),
        pytest.param("EST5EDT", "2026-07-01T00:00:00Z", "2026-06-30T20:00:00-04:00", id="one with summer time"),
        pytest.param("Asia/Calcutta", "2026-07-01T00:00:00Z", "2026-07-01T05:30:00+05:30", id="a link"),
        pytest.param("US/Eastern", "2026-07-01T00:00:00Z", "2026-06-30T20:00:00-04:00", id="an old link"),
        pytest.param("America/Argentina/ComodRivadavia", "2026-07-01", "2026-06-30T21:00:00-03:00", id="three parts"),
        pytest.param("America/Port-au-Prince", "2026-07-01", "2026-06-30T20:00:00-04:00", id="hyphens"),
        pytest.param("Etc/GMT+5", "2026-07-01", "2026-06-30T19:00:00-05:00", id="a sign"),
        pytest.param("Etc/Zulu", "2026-07-01", "2026-07-01T00:00:00Z", id="a name of UTC"),
        pytest.param("Africa/Monrovia", "1972-01-06", "1972-01-05T23:15:00-00:45", id="seconds are rounded"),
        pytest.param("Africa/Monrovia", "1972-01-08", "1972-01-08T00:00:00+00:00", id="and then there are none"),
    ],
)
def test_zones_of_all_kinds(name: str, text: str, expected: str) -> None:
    """The text is in UTC."""
    instant = operate("format", text, timezone="UTC", format="unix")
    assert operate("format", instant, timezone=name) == expected


@pytest.mark.parametrize("name", ["Factory", "posixrules", "Europe", "Europe/", "Europe/Berlin ", "Berlin", "A B"])
def test_names_that_are_no_zone(name: str) -> None:
    assert refuse("now", timezone=name) == {
        "code": "INVALID_INPUT",
        "message": f'`timezone` must be UTC, an offset like +09:00, or an IANA zone like Europe/Berlin, not "{name}".',
    }


@settings(max_examples=120, deadline=None)
@given(near_changes())
def test_instants_near_changes(place: tuple[str, datetime]) -> None:
    name, moment = place
    expected = moment.replace(tzinfo=UTC).astimezone(zoneinfo.ZoneInfo(name))
    shown = operate("format", moment.isoformat() + "Z", timezone=name, format="%Y-%m-%dT%H:%M:%S%:z %Z")
    abbreviation = "UTC" if name in READ_AS_UTC else expected.tzname()
    assert shown == f"{expected.isoformat(timespec='seconds')} {abbreviation}"


@settings(max_examples=120, deadline=None)
@given(near_changes())
def test_walls_near_changes(place: tuple[str, datetime]) -> None:
    name, wall = place
    wall = wall.replace(microsecond=0)
    expected = instant_of(wall, zoneinfo.ZoneInfo(name))
    assert operate("parse", wall.isoformat(), timezone=name, format="iso") == operate(
        "parse", expected.isoformat(), timezone=name
    )


@profile
@given(any_time, offsets)
def test_iso_texts_are_read_and_written(wall: datetime, zone: timezone) -> None:
    moment = wall.replace(tzinfo=zone)
    assert read(operate("parse", moment.isoformat())) == moment
    assert read(operate("parse", wall.isoformat(" "))) == wall.replace(tzinfo=UTC)
    basic = wall.strftime("%Y").zfill(4) + wall.strftime("%m%dT%H%M%S,%f")
    assert read(operate("parse", basic)) == wall.replace(tzinfo=UTC)
    year, week, day = wall.isocalendar()
    assert operate("parse", f"{year:04}-W{week:02}-{day}") == f"{wall.date()}T00:00:00Z"
    assert operate("parse", f"{wall.year:04}{wall.timetuple().tm_yday:03}") == f"{wall.date()}T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2026-01-31T24:00", "2026-02-01T00:00:00Z", id="the end of a day"),
        pytest.param("2026-12-31T24:00:00.000Z", "2027-01-01T00:00:00Z", id="the end of a year"),
        pytest.param("20240228T24+05", "2024-02-29T00:00:00+05:00", id="the hour alone"),
        pytest.param("2026-W53-4T2400", "2027-01-01T00:00:00Z", id="of a week date"),
        pytest.param("2026-365 24:00:00,0", "2027-01-01T00:00:00Z", id="of an ordinal date"),
        pytest.param("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", id="a leap second"),
        pytest.param("2016-12-31T23:59:60.250Z", "2017-01-01T00:00:00.250Z", id="within a leap second"),
        pytest.param("1990-12-31T15:59:60-08:00", "1990-12-31T16:00:00-08:00", id="a leap second elsewhere"),
        pytest.param("2017-01-01T05:29:60+0530", "2017-01-01T05:30:00+05:30", id="at half an hour"),
        pytest.param("2016-12-31T23:59:60", "2017-01-01T00:00:00Z", id="a leap second without an offset"),
        pytest.param("2026-06-15T11:44:60", "2026-06-15T11:45:00Z", id="one in some zone"),
        pytest.param("2026-01-31t12:30:00z", "2026-01-31T12:30:00Z", id="lower case"),
        pytest.param("2026-01-31T12:30:00+0530", "2026-01-31T12:30:00+05:30", id="an offset without a colon"),
        pytest.param("2026-01-31T12:30:00-08", "2026-01-31T12:30:00-08:00", id="an offset of hours"),
        pytest.param("2026-01-31 12:30:00 +0200", "2026-01-31T12:30:00+02:00", id="an offset after a space"),
        pytest.param("2026-01-31T12:30:00+00:00", "2026-01-31T12:30:00Z", id="no offset"),
        pytest.param("2026-01-31T12:30:00-00:00", "2026-01-31T12:30:00Z", id="an offset that is not known"),
        pytest.param("2026-01-31T12:30:15.123456789Z", "2026-01-31T12:30:15.123456Z", id="nanoseconds are cut off"),
        pytest.param("2026-01-31T12:30.5", "2026-01-31T12:30:30Z", id="a fraction of a minute"),
        pytest.param("2026-01-31T12,25", "2026-01-31T12:15:00Z", id="a fraction of an hour"),
        pytest.param("2026-W01", "2025-12-29T00:00:00Z", id="a week"),
        pytest.param("2026W014T08", "2026-01-01T08:00:00Z", id="a week without hyphens"),
        pytest.param("2024-366", "2024-12-31T00:00:00Z", id="the last day of a leap year"),
        pytest.param("2026-02", "2026-02-01T00:00:00Z", id="a month"),
        pytest.param("  2026-02-01  ", "2026-02-01T00:00:00Z", id="spaces around it"),
    ],
)
def test_forms_of_iso_texts(text: str, expected: str) -> None:
    assert operate("parse", text) == expected


def test_the_zone_does_not_say_where_a_leap_second_is() -> None:
    """23:59:60 of a text without an offset is taken in every zone, for the zone of a text is often not its own."""
    assert operate("format", "2026-06-15T23:59:60", timezone="Asia/Tokyo") == "2026-06-16T00:00:00+09:00"
    assert operate("parse", "2026-06-15 23:59:60", format="%F %T", timezone="Asia/Tokyo") == "2026-06-16T00:00:00+09:00"


MONTH = "the month must be from 01 to 12"
DAY = "the month has no such day"
YEAR = "it must begin with a year of four digits, from 0001 on"
AFTER_DATE = "after the date only a T or a space and the time can follow"
AFTER_TIME = "after the time only Z or an offset like +02:00 can follow"
LEAP = "the second 60, a leap second, is only at 23:59:60 in UTC"
LEAP_SOMEWHERE = "the second 60, a leap second, is only at the end of a quarter of an hour"
UNIX = "a text of digits needs `format: unix` if it counts seconds since 1970, or `format: unix_ms` if milliseconds"
HYPHENS = "hyphens must stand between year, month and day, or between none of them"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2026-02-29", DAY),
        ("2026-04-31T10:00", DAY),
        ("2026-13-01", MONTH),
        ("2026-1-1", MONTH),
        ("2026", MONTH),
        ("1767225600", UNIX),
        ("176722560", UNIX),
        ("1767225600000", UNIX),
        ("-1767225600", UNIX),
        (" 1767225600.25 ", UNIX),
        ("20261331", MONTH),
        ("20260131123000", AFTER_DATE),
        ("2026-0131", HYPHENS),
        ("202601-31", HYPHENS),
        ("31.01.2026", YEAR),
        ("0000-01-01", YEAR),
        ("yesterday", YEAR),
        ("2026-01-31Z", AFTER_DATE),
        ("2026-01-31+02:00", AFTER_DATE),
        ("2026-01-31T25:00", "the hour must be from 00 to 24"),
        ("2026-01-31T", "the hour must be from 00 to 24"),
        ("2026-01-31T24:00:01", "the hour 24 is only 24:00:00, the end of the day"),
        ("2026-01-31T24:00:00.5", "the hour 24 is only 24:00:00, the end of the day"),
        ("2026-01-31T24:30", "the hour 24 is only 24:00:00, the end of the day"),
        ("2026-01-31T12:60", "the minute must be from 00 to 59"),
        ("2026-01-31T12:5", "the minute must be from 00 to 59"),
        ("2026-01-31T12:00:61", "the second must be from 00 to 59"),
        ("2026-01-31T12:00:60", LEAP_SOMEWHERE),
        ("2026-01-31T22:59:60Z", LEAP),
        ("2026-01-31T23:59:60+01:00", LEAP),
        ("2026-01-31T24:59:60", "the hour 24 is only 24:00:00, the end of the day"),
        ("2026-01-31T12:00:00.", "digits must follow the decimal point"),
        ("2026-01-31T12:00:00+25:00", AFTER_TIME),
        ("2026-01-31T12:00:00 CET", AFTER_TIME),
        ("2026-01-31T12:00:00 PM", AFTER_TIME),
        ("2025-W53-1", "the year has no such week"),
        ("2026-W54-1", "the week must be from 01 to 53"),
        ("2026-W05-8", "the day of the week must be from 1 to 7, with a hyphen before it if the week has one"),
        ("2026-366", "the year has no such day"),
    ],
)
def test_what_is_wrong_with_a_text(text: str, reason: str) -> None:
    wanted = "a date of ISO 8601, or a number of seconds since 1970"
    message = f'`input` must be {wanted}, not "{text}": {reason}.'
    assert refuse("parse", text) == {"code": "INVALID_INPUT", "message": message}


def test_a_day_cannot_end_after_all_years() -> None:
    assert refuse("parse", "9999-12-31T24:00")["code"] == "DATE_OUT_OF_RANGE"


PATTERN = "%Y %y %m %d %H %I %p %M %S %f %j %a %A %b %B %h %u %w %G %V %U %W %z %% %F %T %D %R %e %C|é"


@profile
@given(any_time, offsets)
def test_patterns_are_written_as_strftime_does(wall: datetime, zone: timezone) -> None:
    moment = wall.replace(tzinfo=zone)
    # The C library does not fill up years below 1000.
    pattern = (
        PATTERN
        if wall.year > 999
        else PATTERN.replace("%Y ", "").replace("%G ", "").replace("%F ", "").replace("%C", "")
    )
    assert operate("format", moment.isoformat(), format=pattern) == moment.strftime(pattern)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("%-d.%-m.%y %-I%P %-j", "5.1.26 3pm 5"),
        ("%L|%:z|%Z|%s", "070|+05:30|+05:30|1767606731"),
        ("%n%t%%%%", "\n\t%%"),
        ("no directive é", "no directive é"),
        ("", ""),
        ("unix", 1767606731),
        ("unix_ms", 1767606731070),
        ("iso", "2026-01-05T15:22:11.070+05:30"),
        ("%e", " 5"),
    ],
)
def test_patterns_of_ones_own(pattern: str, expected: Any) -> None:
    assert operate("format", "2026-01-05T15:22:11.07+05:30", format=pattern) == expected


PARSED = [
    "%Y-%m-%d %H:%M:%S.%f %z",
    "%d/%m/%y %I:%M %p",
    "%b %d, %Y",
    "%A %d %B %Y %H%M",
    "%Y%m%d%H%M%S",
    "%Y %j",
    "%a, %d %b %Y %H:%M:%S %z",
    "%%%Y%%",
]


@profile
@given(st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31)), offsets, st.sampled_from(PARSED))
def test_patterns_are_read_as_strptime_does(wall: datetime, zone: timezone, pattern: str) -> None:
    text = wall.replace(tzinfo=zone).strftime(pattern)
    expected = datetime.strptime(text, pattern)
    found = read(operate("parse", text, format=pattern))
    assert found == (expected if expected.tzinfo else expected.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("1.2.2026", "%d.%m.%Y", "2026-02-01T00:00:00Z"),
        ("131 2026", "%m%d %Y", "2026-01-31T00:00:00Z"),
        ("12 am 2026", "%I %p %Y", "2026-01-01T00:00:00Z"),
        ("12 PM 2026", "%I %p %Y", "2026-01-01T12:00:00Z"),
        ("MAY 3  2026", "%B %e %Y", "2026-05-03T00:00:00Z"),
        ("2026-01-01T10:00:00.250Z", "%FT%T.%L%z", "2026-01-01T10:00:00.250Z"),
        ("-86400", "%s", "1969-12-31T00:00:00Z"),
        ("Thu Jan 1 2026 GMT", "%a %b %d %Y %Z", "2026-01-01T00:00:00Z"),
        ("1767225600.5", "unix", "2026-01-01T00:00:00.500Z"),
        ("2026-01-31 24:00", "%F %R", "2026-02-01T00:00:00Z"),
        ("31/12/2026 24:00:00", "%d/%m/%Y %T", "2027-01-01T00:00:00Z"),
        ("2016-12-31 23:59:60 +0000", "%F %T %z", "2017-01-01T00:00:00Z"),
        ("2016-12-31 23:59:60.5", "%F %T.%f", "2017-01-01T00:00:00.500Z"),
        ("2026-01-31 24:01", "%F %R", None),
        ("2026-01-31 24:59:60", "%F %T", None),
        ("2026-01-31 23:00:60", "%F %T", None),
        ("2026-01-31 23:59:60 +0100", "%F %T %z", None),
        (1767225600123456, "unix_ms", None),
        (1.7672256e12, "unix_ms", "2026-01-01T00:00:00Z"),
        ("1767225600123.4567", "unix_ms", "2026-01-01T00:00:00.123456Z"),
    ],
)
def test_parse(text: Any, pattern: str, expected: str | None) -> None:
    if expected is None:
        assert refuse("parse", text, format=pattern)["code"] == "INVALID_INPUT"
    else:
        assert operate("parse", text, format=pattern) == expected


@profile
@given(st.integers(-62135596800, 253402300799), st.integers(0, 999_999))
def test_numbers_are_seconds(seconds: int, micros: int) -> None:
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    assert read(operate("parse", seconds)) == expected
    given = f'{{"operation": "parse", "input": {seconds if seconds >= 0 else 0}.{micros:06}}}'
    found = read(harness.run_text("date_ops", given).data["result"])
    assert found == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=max(seconds, 0), microseconds=micros)


@pytest.mark.parametrize(
    ("operation", "fields", "expected"),
    [
        pytest.param("format", {"input": 1700000000000}, "2023-11-14T22:13:20Z", id="a number"),
        pytest.param("format", {"input": "1700000000123.5"}, "2023-11-14T22:13:20.123500Z", id="its text"),
        pytest.param("format", {"input": 1.7e12, "format": "unix"}, 1700000000, id="as seconds"),
        pytest.param("format", {"input": -1, "format": "unix_ms"}, -1, id="before 1970"),
        pytest.param("parse", {"input": 1700000000000}, "2023-11-14T22:13:20Z", id="parse"),
        pytest.param("add", {"input": 1700000000000, "amount": 1, "unit": "day"}, "2023-11-15T22:13:20Z", id="add"),
        pytest.param("diff", {"input": 0, "to": 1700000000000, "unit": "days"}, 19675, id="both of diff"),
        pytest.param("start_of", {"input": 1700000000000, "unit": "year"}, "2023-01-01T00:00:00Z", id="start_of"),
        pytest.param(
            "format", {"input": 1700000000, "input_format": "unix"}, "2023-11-14T22:13:20Z", id="seconds, said so"
        ),
        pytest.param("format", {"input": "1700000000", "input_format": "unix"}, "2023-11-14T22:13:20Z", id="as a text"),
        pytest.param(
            "diff", {"input": 1700000000000, "to": "2026-01-01", "unit": "days"}, 778, id="a number and an ISO text"
        ),
        pytest.param(
            "diff", {"input": "2026-01-01", "to": "1700000000000", "unit": "days"}, -778, id="an ISO text and digits"
        ),
        pytest.param("format", {"input": " 2026-01-01T02:00+01:00 "}, "2026-01-01T02:00:00+01:00", id="an offset"),
        pytest.param("format", {"input": "20260101T1000"}, "2026-01-01T10:00:00Z", id="an ISO text in short"),
        pytest.param("format", {"input": "2026-W05"}, "2026-01-26T00:00:00Z", id="a week"),
        pytest.param("format", {"input": "20260101"}, "1970-01-01T05:37:40.101Z", id="digits are never a date"),
        pytest.param("format", {"input": "-1.7e3"}, "1969-12-31T23:59:58.300Z", id="an exponent"),
    ],
)
def test_input_format(operation: str, fields: dict[str, Any], expected: Any) -> None:
    given = {"operation": operation, "input_format": "unix_ms", **fields}
    assert harness.run("date_ops", given).data == {"result": expected}


SECONDS = "a number of seconds since 1970 within the years 1 to 9999"
MILLISECONDS = "a number of milliseconds since 1970 within the years 1 to 9999"


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("parse", {"input": 1700000000000}, f'{SECONDS}, not "1700000000000": milliseconds need `format: unix_ms`.'),
        (
            "format",
            {"input": 253402300800},
            f'{SECONDS}, not "253402300800": milliseconds need `input_format: unix_ms`.',
        ),
        ("add", {"input": -1.7e12}, f'{SECONDS}, not "-1700000000000.0": milliseconds need `input_format: unix_ms`.'),
        ("parse", {"input": "1700000000000", "format": "unix"}, f'{SECONDS}, not "1700000000000": milliseconds need'),
        ("parse", {"input": 1.7e15, "format": "unix_ms"}, f'{MILLISECONDS}, not "1700000000000000.0".'),
        ("format", {"input": "00017", "input_format": "unix_ms"}, f'{MILLISECONDS}, not "00017".'),
        ("format", {"input": 1e300}, f'{SECONDS}, not "1e+300".'),
        ("parse", {"input": "x", "format": "unix"}, f'{SECONDS}, not "x".'),
        (
            "format",
            {"input": "2026-13-01", "input_format": "unix_ms"},
            f'a date of ISO 8601, or a number of milliseconds since 1970, not "2026-13-01": {MONTH}.',
        ),
        (
            "format",
            {"input": "1767225600"},
            'a date of ISO 8601, or a number of seconds since 1970, not "1767225600": a text of digits needs '
            "`input_format: unix` if it counts seconds since 1970, or `input_format: unix_ms` if milliseconds.",
        ),
    ],
    ids=str,
)
def test_numbers_out_of_range(operation: str, fields: dict[str, Any], message: str) -> None:
    error = harness.run("date_ops", {"operation": operation, **fields}).error
    assert error["code"] == "INVALID_INPUT"
    assert error["message"].startswith(f"`input` must be {message}")


EXACT = {"hours": 3_600_000, "minutes": 60_000, "seconds": 1000, "milliseconds": 1}


@profile
@given(near_changes(), st.integers(-400, 400), st.sampled_from(["days", "weeks"]))
def test_days_go_by_the_calendar(place: tuple[str, datetime], amount: int, unit: str) -> None:
    name, moment = place
    zone = zoneinfo.ZoneInfo(name)
    start = moment.replace(tzinfo=UTC).astimezone(zone)
    later = (start + timedelta(**{unit: amount})).replace(fold=0)
    if later.year < 1971:
        return
    # In UTC, because in a repeated hour Python finds times of different zones never equal.
    expected = (later if amount else start).astimezone(UTC)
    found = read(operate("add", start.isoformat(), timezone=name, amount=amount, unit=unit))
    assert found == expected
    assert read(operate("subtract", start.isoformat(), timezone=name, amount=-amount, unit=unit)) == expected


@profile
@given(near_changes(), st.integers(-(10**9), 10**9), st.sampled_from(sorted(EXACT)))
def test_hours_go_by_the_clock(place: tuple[str, datetime], amount: int, unit: str) -> None:
    name, moment = place
    amount = amount if unit == "milliseconds" else amount // 10**5
    expected = moment.replace(tzinfo=UTC) + timedelta(milliseconds=amount * EXACT[unit])
    found = operate("add", moment.isoformat() + "Z", timezone=name, amount=amount, unit=unit)
    assert read(found) == expected
    assert operate("diff", moment.isoformat() + "Z", to=found, unit=unit) == amount


def add_months(moment: datetime, count: int) -> datetime:
    months = moment.year * 12 + moment.month - 1 + count
    year, month = months // 12, months % 12 + 1
    for day in (moment.day, 30, 29, 28):
        try:
            return moment.replace(year=year, month=month, day=min(day, moment.day))
        except ValueError:
            continue
    raise AssertionError


@profile
@given(st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1)), st.integers(-5000, 5000))
def test_months_end_where_the_month_ends(moment: datetime, count: int) -> None:
    expected = add_months(moment, count).replace(tzinfo=UTC)
    assert read(operate("add", moment.isoformat(), amount=count, unit="months")) == expected
    years, months = divmod(abs(count), 12)
    sign = "-" if count < 0 else ""
    assert read(operate("add", moment.isoformat(), duration=f"{sign}P{years}Y{months}M")) == expected
    assert operate("diff", moment.isoformat(), to=expected.isoformat(), unit="month") in (
        count,
        count - (count > 0) + (count < 0),
    )


@profile
@given(modern, modern)
def test_diff_counts_what_can_be_added(start: datetime, end: datetime) -> None:
    months = operate("diff", start.isoformat(), to=end.isoformat(), unit="months")
    step = 1 if end >= start else -1
    reached, passed = add_months(start, months), add_months(start, months + step)
    assert (reached <= end < passed) if step > 0 else (reached >= end > passed)
    assert operate("diff", start.isoformat(), to=end.isoformat(), unit="years") == int(months / 12)
    assert operate("diff", start.isoformat(), to=end.isoformat(), unit="quarters") == int(months / 3)
    seconds = (end - start) / timedelta(seconds=1)
    for unit, size in (("weeks", 604800), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        assert operate("diff", start.isoformat(), to=end.isoformat(), unit=unit) == int(seconds / size)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("P1D", "2026-01-02T00:00:00Z"),
        ("P2W", "2026-01-15T00:00:00Z"),
        ("PT36H", "2026-01-02T12:00:00Z"),
        ("P1Y1M1W1DT1H1M1.5S", "2027-02-09T01:01:01.500Z"),
        ("-PT0,000001S", "2025-12-31T23:59:59.999999Z"),
    ],
)
def test_durations(duration: str, expected: str) -> None:
    assert operate("add", "2026-01-01", duration=duration) == expected


@pytest.mark.parametrize(
    "duration", ["", "P", "PT", "P1", "1D", "P1DT", "P1H", "PT1D", "P1D1Y", "P1.5D", "P-1D", "PT1.S", "P1Y1Y"]
)
def test_wrong_durations(duration: str) -> None:
    message = f'`duration` must be a duration of ISO 8601 like P1Y2M10DT2H30M, not "{duration}".'
    assert refuse("add", 0, duration=duration) == {"code": "INVALID_INPUT", "message": message}


STARTS = {
    "year": {"month": 1, "day": 1, "hour": 0},
    "month": {"day": 1, "hour": 0},
    "day": {"hour": 0},
}


@profile
@given(near_changes(), st.sampled_from(sorted(STARTS)))
def test_start_of_and_end_of(place: tuple[str, datetime], unit: str) -> None:
    name, moment = place
    zone = zoneinfo.ZoneInfo(name)
    start = moment.replace(tzinfo=UTC).astimezone(zone)
    first = start.replace(**STARTS[unit], minute=0, second=0, microsecond=0, fold=0)  # type: ignore[arg-type]
    if first.year < 1971:
        return
    text = start.isoformat()
    assert read(operate("start_of", text, timezone=name, unit=unit)) == first.astimezone(UTC)
    later = (first + timedelta(days={"year": 366, "month": 31, "day": 1}[unit])).replace(fold=0)
    following = later.replace(**{"year": {"day": 1, "month": 1}, "month": {"day": 1}, "day": {}}[unit])  # type: ignore[arg-type]
    expected = following.astimezone(UTC) - timedelta(milliseconds=1)
    assert read(operate("end_of", text, timezone=name, unit=unit)) == expected


@pytest.mark.parametrize(
    ("unit", "fields", "start", "end"),
    [
        ("quarter", {}, "2026-04-01T00:00:00Z", "2026-06-30T23:59:59.999Z"),
        ("week", {}, "2026-05-11T00:00:00Z", "2026-05-17T23:59:59.999Z"),
        ("week", {"week_start": "sunday"}, "2026-05-17T00:00:00Z", "2026-05-23T23:59:59.999Z"),
        ("hours", {}, "2026-05-17T23:00:00Z", "2026-05-17T23:59:59.999Z"),
        ("minute", {}, "2026-05-17T23:58:00Z", "2026-05-17T23:58:59.999Z"),
        ("second", {}, "2026-05-17T23:58:31Z", "2026-05-17T23:58:31.999Z"),
        ("millisecond", {}, "2026-05-17T23:58:31.123Z", "2026-05-17T23:58:31.123Z"),
        ("day", {"timezone": "+01:00"}, "2026-05-18T00:00:00+01:00", "2026-05-18T23:59:59.999+01:00"),
    ],
)
def test_units(unit: str, fields: dict[str, str], start: str, end: str) -> None:
    text = "2026-05-17T23:58:31.123456Z"
    assert operate("start_of", text, unit=unit, **fields) == start
    assert operate("end_of", text, unit=unit, **fields) == end


def test_the_second_of_two_hours_stays_the_second() -> None:
    fields = {"timezone": "Europe/Berlin", "unit": "hour"}
    assert operate("start_of", "2026-10-25T02:30:00+01:00", **fields) == "2026-10-25T02:00:00+01:00"
    assert operate("start_of", "2026-10-25T02:30:00+02:00", **fields) == "2026-10-25T02:00:00+02:00"


def test_now() -> None:
    before = time.time()
    found = operate("now", format="unix_ms") / 1000
    assert before - 1 <= found <= time.time() + 1
    assert read(operate("now", timezone="-09:30")).utcoffset() == timedelta(hours=-9.5)


@pytest.mark.parametrize("zone", ["UTC", "utc", "Z", "GMT", "Etc/UTC", "etc/gmt"])
def test_names_of_utc(zone: str) -> None:
    assert operate("parse", "2026-01-01", timezone=zone) == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("operation", "fields", "message"),
    [
        ("tomorrow", {}, "`operation` must be one of now, format, parse, add, subtract, diff, start_of, end_of,"),
        ("parse", {}, "`input` must be a date of ISO 8601, or a number of seconds since 1970, but it is missing."),
        ("parse", {"input": True}, "`input` must be a date of ISO 8601, or a number of seconds since 1970, not true."),
        ("parse", {"input": 1e300}, "`input` must be a number of seconds since 1970 within the years"),
        ("parse", {"input": "x", "format": "%Y"}, '`input` must be a text of the form "%Y", not "x".'),
        ("parse", {"input": "2026 ", "format": "%Y x"}, '`input` must be a text of the form "%Y x", not "2026".'),
        ("parse", {"input": "2026x", "format": "%Y"}, '`input` must be a text of the form "%Y", not "2026x".'),
        ("parse", {"input": "31.2.2026", "format": "%d.%m.%Y"}, '`input` must be a day that exists, not "31.2.2026".'),
        ("parse", {"input": "366 2025", "format": "%j %Y"}, '`input` must be a day that exists, not "366 2025".'),
        ("parse", {"input": "12", "format": "%H"}, "`format` must hold a year, %Y or %y."),
        ("parse", {"input": "2026", "format": "%G"}, "`format` has %G, which cannot be read."),
        ("format", {"input": 0, "format": "%Y %"}, "`format` ends within a directive."),
        ("format", {"input": 0, "format": "%é"}, "`format` has %é, which cannot be written."),
        ("format", {"input": 0, "format": "%-Q"}, "`format` has %-Q, which cannot be written."),
        ("format", {"input": 0, "format": "%-"}, "`format` has %-, which cannot be written."),
        ("add", {"input": 0, "unit": "day"}, "`amount` must be a whole number from"),
        ("add", {"input": 0, "amount": 1}, "`unit` must be one of year, quarter, month, week, day, hour, minute,"),
        ("add", {"input": 0, "amount": 1, "unit": "fortnight"}, "`unit` must be one of year, quarter, month, week,"),
        ("add", {"input": 0, "amount": 1, "duration": "P1D"}, "Only one of `amount` and `duration` can be given."),
        ("diff", {"input": 0, "unit": "day"}, "`to` must be a date of ISO 8601, or a number of seconds since 1970,"),
        ("now", {"timezone": "+25:00"}, "`timezone` must be UTC, an offset like +09:00, or an IANA zone like"),
        (
            "start_of",
            {"input": 0, "unit": "week", "week_start": "friday"},
            "`week_start` must be one of monday, sunday,",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_input(operation: str, fields: dict[str, Any], message: str) -> None:
    error = harness.run("date_ops", {"operation": operation, **fields}).error
    assert error["code"] == "INVALID_INPUT"
    assert error["message"].startswith(message)


@pytest.mark.parametrize(
    ("operation", "value", "fields"),
    [
        ("add", "9999-12-31", {"amount": 1, "unit": "day"}),
        ("add", "9999-12-31", {"amount": 10**15, "unit": "years"}),
        ("add", "0001-01-01", {"amount": -(10**15), "unit": "weeks"}),
        ("add", "0001-01-01", {"amount": 10**15, "unit": "hours"}),
        ("subtract", "0001-01-01", {"amount": 1, "unit": "millisecond"}),
        (
            "end_of",
            "9999-12-31",
            {"unit": "year", "timezone": "+01:00", "format": "%Y", "input": "9999-12-31T23:30:00Z"},
        ),
        ("parse", "0001-01-01T00:00:00+01:00", {"timezone": "UTC"}),
        ("parse", "9999-12-31T23:59:59Z", {"timezone": "+00:01"}),
    ],
    ids=str,
)
def test_dates_out_of_range(operation: str, value: str, fields: dict[str, Any]) -> None:
    message = "The result lies outside of the years 1 to 9999."
    assert refuse(operation, **{"value": value, **fields}) == {"code": "DATE_OUT_OF_RANGE", "message": message}


@pytest.mark.parametrize(
    ("until", "zone", "instant"),
    [
        pytest.param("2026-12-24 18:00", "Europe/Berlin", "2026-12-24T17:00Z", id="winter"),
        pytest.param("2026-07-24T18:00", "Europe/Berlin", "2026-07-24T16:00Z", id="summer"),
        pytest.param("2026-03-29 02:30", "Europe/Berlin", "2026-03-29T01:30Z", id="skipped: as much later"),
        pytest.param("2026-10-25 02:30", "Europe/Berlin", "2026-10-25T00:30Z", id="twice: the first"),
        pytest.param("2026-12-24", "Asia/Kolkata", "2026-12-23T18:30Z", id="a day begins"),
    ],
)
def test_what_a_wait_in_a_zone_asks(until: str, zone: str, instant: str) -> None:
    """See the component `wait`, which a durable run does not call."""
    assert operate("format", until, timezone=zone, format="unix_ms") == read(instant).timestamp() * 1000
