"""Moments as strings: ISO 8601 in UTC, with `Z` as the zone; and durations."""

import re
from datetime import UTC, datetime

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h|d|w)")


def render_time(ms: float, timespec: str = "milliseconds") -> str:
    """Milliseconds since 1970 as 2026-07-01T12:00:00.000Z; with timespec "seconds" as 2026-07-01T12:00:00Z."""
    return render_moment(datetime.fromtimestamp(ms / 1000, UTC), timespec)


def read_duration_ms(text: str) -> int | None:
    """A whole number with a unit, such as 2d, in milliseconds; None for anything else."""
    match = _DURATION.fullmatch(text)
    return None if match is None else int(match[1]) * UNITS_MS[match[2]]


def read_moment(text: str) -> datetime | None:
    """A time in ISO 8601, with or without an offset; None for anything else."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def render_moment(moment: datetime, timespec: str = "milliseconds") -> str:
    """A moment in UTC, in the same format."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
