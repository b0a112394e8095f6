"""The clock names of templates: the start time of the run in UTC, so that all nodes of a run agree."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from arcrun.times import render_moment

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
CLOCKS: Mapping[str, Callable[[datetime], Any]] = {
    "_now": render_moment,
    "_now_unix": lambda t: int(t.timestamp()),
    "_today": lambda t: t.date().isoformat(),
    "_yesterday": lambda t: (t.date() - timedelta(days=1)).isoformat(),
    "_year": lambda t: t.year,
    "_month": lambda t: t.month,
    "_day": lambda t: t.day,
    "_hour": lambda t: t.hour,
    "_minute": lambda t: t.minute,
    "_second": lambda t: t.second,
    "_weekday": lambda t: _WEEKDAYS[t.weekday()],
    "_iso_week": lambda t: f"{t.isocalendar().year}-W{t.isocalendar().week:02}",
    "_yyyymm": lambda t: f"{t.year:04}{t.month:02}",
    "_yyyymmdd": lambda t: f"{t.year:04}{t.month:02}{t.day:02}",
}


def read_clock(name: str, now_ms: float) -> Any:
    """The value of the clock `name` at `now_ms`, milliseconds since 1970."""
    return CLOCKS[name](datetime.fromtimestamp(now_ms / 1000, UTC))
