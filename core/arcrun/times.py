"""Moments as strings: ISO 8601 in UTC, with `Z` as the zone."""

from datetime import UTC, datetime


def render_time(ms: float, timespec: str = "milliseconds") -> str:
    """Milliseconds since 1970 as 2026-07-01T12:00:00.000Z; with timespec "seconds" as 2026-07-01T12:00:00Z."""
    return render_moment(datetime.fromtimestamp(ms / 1000, UTC), timespec)


def render_moment(moment: datetime, timespec: str = "milliseconds") -> str:
    """A moment in UTC, in the same format."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
