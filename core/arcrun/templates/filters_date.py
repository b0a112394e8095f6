"""The filter `date`: reads and writes times like the component date_ops, but without named time zones.

The zone database would be loaded at every Worker's start, and the core has no files. So a zone is UTC or an offset.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from arcrun.limits import MAX_DATE_PATTERN
from arcrun.templates.filters_values import FilterError, check_size

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# ISO 8601: calendar dates, weeks, days of the year; with and without separators.
_ISO = re.compile(
    r"""(?P<year>\d{4})
    (?: -?W(?P<week>\d{2})(?:-?(?P<weekday>[1-7]))?
      | -?(?P<day_of_year>\d{3})(?!\d)
      | -(?P<month>\d{2})(?:-(?P<day>\d{2}))?
      | (?P<month_>\d{2})(?P<day_>\d{2}))
    (?:[Tt\ ](?P<hour>\d{2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2}))?)?(?:[.,](?P<fraction>\d+))?
       (?:\ ?(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?))?)?""",
    re.VERBOSE | re.ASCII,
)
_PARTS_US = {"second": 10**6, "minute": 60 * 10**6, "hour": 3600 * 10**6}
_DIGITS = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{1,24})?", re.ASCII)
_MAX_SECONDS = 253_402_300_799  # the last second of the year 9999
_UNITS = (("seconds", 1), ("milliseconds", 1000), ("microseconds", 10**6), ("nanoseconds", 10**9))
_OFFSET = re.compile(r"([+-])(\d{2})(?::?(\d{2}))?", re.ASCII)
_DIRECTIVE = re.compile(r"%(?:([-:]?)(.)|())|([^%]+)", re.DOTALL)

_NUMBERS: dict[str, tuple[Callable[[datetime], int], int]] = {
    "Y": (lambda t: t.year, 4),
    "G": (lambda t: t.isocalendar().year, 4),
    "y": (lambda t: t.year % 100, 2),
    "C": (lambda t: t.year // 100, 2),
    "m": (lambda t: t.month, 2),
    "d": (lambda t: t.day, 2),
    "H": (lambda t: t.hour, 2),
    "I": (lambda t: (t.hour + 11) % 12 + 1, 2),
    "M": (lambda t: t.minute, 2),
    "S": (lambda t: t.second, 2),
    "f": (lambda t: t.microsecond, 6),
    "L": (lambda t: t.microsecond // 1000, 3),
    "j": (lambda t: t.timetuple().tm_yday, 3),
    "V": (lambda t: t.isocalendar().week, 2),
    "W": (lambda t: (t.timetuple().tm_yday + 6 - t.weekday()) // 7, 2),
    "U": (lambda t: (t.timetuple().tm_yday + 6 - (t.weekday() + 1) % 7) // 7, 2),
    "u": (lambda t: t.isoweekday(), 1),
    "w": (lambda t: t.isoweekday() % 7, 1),
    "s": (lambda t: _to_unix(t, timedelta(seconds=1)), 1),
}
_TEXTS: dict[str, Callable[[datetime], str]] = {
    "A": lambda t: _WEEKDAYS[t.weekday()],
    "a": lambda t: _WEEKDAYS[t.weekday()][:3],
    "B": lambda t: _MONTHS[t.month - 1],
    "b": lambda t: _MONTHS[t.month - 1][:3],
    "h": lambda t: _MONTHS[t.month - 1][:3],
    "e": lambda t: f"{t.day:2}",
    "p": lambda t: "AM" if t.hour < 12 else "PM",
    "P": lambda t: "am" if t.hour < 12 else "pm",
    "z": lambda t: _render_offset(t, ""),
    "Z": lambda t: "UTC" if t.tzinfo is UTC else _render_offset(t, ":"),
    "F": lambda t: f"{t.year:04}-{t.month:02}-{t.day:02}",
    "T": lambda t: f"{t.hour:02}:{t.minute:02}:{t.second:02}",
    "D": lambda t: f"{t.month:02}/{t.day:02}/{t.year % 100:02}",
    "R": lambda t: f"{t.hour:02}:{t.minute:02}",
    "n": lambda t: "\n",
    "t": lambda t: "\t",
    "%": lambda t: "%",
}

_NUMBERS_BY_FLAG = {"": _NUMBERS.keys(), "-": _NUMBERS.keys(), ":": frozenset[str]()}
_TEXTS_BY_FLAG = {"": _TEXTS.keys(), "-": _TEXTS.keys(), ":": frozenset("z")}


def format_date(value: str | float, form: str = "iso", zone: str | None = None) -> str | int:
    """Format a time. `form` is `iso`, `unix` (seconds since 1970), `unix_ms`, or a pattern of strftime's directives.

    The time is shown in `zone`, which also applies to a time without an offset (default UTC). Raises FilterError.
    """
    shown_in = None if zone is None else _parse_zone(zone)
    try:
        moment = _parse_moment(value, shown_in or UTC)
        moment = moment if shown_in is None else moment.astimezone(shown_in)
    except (ValueError, OverflowError):
        wanted = "an ISO 8601 time in the years 1 to 9999, or seconds since 1970"
        raise FilterError(f"takes {wanted}{_suggest_seconds(value)}") from None
    if form == "iso":
        return _render_iso(moment)
    if form in ("unix", "unix_ms"):
        return _to_unix(moment, timedelta(seconds=1) if form == "unix" else timedelta(milliseconds=1))
    return "".join(_render_piece(moment, *piece) for piece in _parse_pattern(form))


def _suggest_seconds(value: str | float) -> str:
    """The end of a sentence that says how to convert the value to seconds; empty if the unit is unclear."""
    is_text = isinstance(value, str)
    if isinstance(value, str) and not _DIGITS.fullmatch(value.strip()):
        return ""
    number = abs(float(value) if isinstance(value, str) else value)
    unit, divisor = next(((unit, n) for unit, n in _UNITS if number <= _MAX_SECONDS * n), ("", 0))
    if not divisor or (divisor == 1 and not is_text):
        return ""
    steps = ["number"] * is_text + [f"divide({divisor})"] * (divisor > 1)
    return f"; for {unit}, write | {' | '.join(steps)} before it"


def check_date(form: str = "iso", zone: str | None = None) -> None:
    """Raises FilterError for arguments that format_date does not accept."""
    if zone is not None:
        _parse_zone(zone)
    list(_parse_pattern(form))


def kind_of_date(form: str = "iso", *_: object) -> str:
    """The JSON type of the result."""
    return "integer" if form in ("unix", "unix_ms") else "string"


def _parse_zone(text: str) -> tzinfo:
    if text in ("UTC", "Z", "GMT"):
        return UTC
    match = _OFFSET.fullmatch(text)
    minutes = int(match[2]) * 60 + int(match[3] or 0) if match else 24 * 60
    if match is None or minutes >= 24 * 60 or int(match[3] or 0) > 59:
        raise FilterError(
            'takes UTC or an offset such as "+01:00" as the zone; the component date_ops knows named zones'
        )
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes)) if minutes else UTC


def _parse_moment(value: str | float, zone: tzinfo) -> datetime:
    """Raises ValueError, OverflowError."""
    if not isinstance(value, str):
        return _EPOCH + timedelta(seconds=value)
    match = _ISO.fullmatch(value.strip())
    if match is None:
        raise ValueError
    day = _parse_day(match)
    if match["zone"]:
        zone = _parse_zone(match["zone"].upper())
    moment = datetime(day.year, day.month, day.day, tzinfo=zone) + _parse_time(match)
    if match["second"] == "60" and not _may_leap(moment, is_certain=match["zone"] is not None):
        raise ValueError
    return moment


def _parse_time(match: re.Match[str]) -> timedelta:
    """The time since midnight: a whole day for 24:00. The last part that is given may have a fraction."""
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    unit_us = next((us for name, us in _PARTS_US.items() if match[name]), 0)
    fraction_us = int(((match["fraction"] or "") + "000000000")[:9]) * unit_us // 10**9
    passed = timedelta(hours=hour, minutes=minute, seconds=second, microseconds=fraction_us)
    if minute > 59 or second > 60 or passed > timedelta(days=1) + timedelta(seconds=second // 60):
        raise ValueError
    return passed


def _may_leap(moment: datetime, *, is_certain: bool) -> bool:
    """Whether a leap second may precede the moment: leap seconds end a day of UTC (RFC 3339, section 5.6). Without an
    offset, that may be at any quarter of an hour.
    """
    return moment.minute % 15 == 0 and (not is_certain or moment.astimezone(UTC).strftime("%H%M") == "0000")


def _parse_day(match: re.Match[str]) -> date:
    year = int(match["year"])
    if match["week"]:
        return date.fromisocalendar(year, int(match["week"]), int(match["weekday"] or 1))
    if match["day_of_year"]:
        day = date(year, 1, 1) + timedelta(days=int(match["day_of_year"]) - 1)
        if day.year != year:
            raise ValueError
        return day
    return date(year, int(match["month"] or match["month_"]), int(match["day"] or match["day_"] or 1))


def _parse_pattern(pattern: str) -> Iterator[tuple[str, str]]:
    """The pieces of a pattern: (flag, letter) for a directive, ("=", string) for literal text."""
    check_size(len(pattern) * 16)
    if len(pattern) > MAX_DATE_PATTERN:
        raise FilterError(f"takes a format of at most {MAX_DATE_PATTERN} characters")
    for flag, letter, _, text in _DIRECTIVE.findall(pattern):
        if not text and letter not in _NUMBERS_BY_FLAG[flag] and letter not in _TEXTS_BY_FLAG[flag]:
            raise FilterError(f"does not know %{flag}{letter} in a format")
        yield ("=", text) if text else (flag, letter)


def _render_piece(moment: datetime, flag: str, letter: str) -> str:
    if flag == "=":
        return letter
    if letter in _NUMBERS:
        read, width = _NUMBERS[letter]
        return str(read(moment)) if flag == "-" else f"{read(moment):0{width}}"
    if flag == ":":
        return _render_offset(moment, ":")
    return _TEXTS[letter](moment)


def _render_iso(moment: datetime) -> str:
    """ISO 8601 as date_ops writes it: Z for UTC, and a fraction of three or six digits."""
    micros = moment.microsecond
    fraction = "" if not micros else f".{micros:06}" if micros % 1000 else f".{micros // 1000:03}"
    zone = "Z" if moment.tzinfo is UTC else _render_offset(moment, ":")
    return f"{_TEXTS['F'](moment)}T{_TEXTS['T'](moment)}{fraction}{zone}"


def _render_offset(moment: datetime, separator: str) -> str:
    offset = moment.utcoffset() or timedelta(0)
    minutes = abs(offset) // timedelta(minutes=1)
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02}{separator}{minutes % 60:02}"


def _to_unix(moment: datetime, unit: timedelta) -> int:
    return (moment - _EPOCH) // unit
