"""How long a durable run sleeps for a node of the component `wait`: its input's `ms`, `for` or `until`."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from arcrun.errors import InputError
from arcrun.limits import MAX_WAIT_MS
from arcrun.times import read_duration_ms

WAIT = "wait"


def find_wait_ms(given: Mapping[str, Any], now_ms: float, node: str) -> float:
    """Milliseconds, 0 for a time that is past. Raises InputError."""
    if "ms" in given:
        wait_ms = float(given["ms"])
    elif "for" in given:
        wait_ms = _read_duration(given["for"], node)
    elif "until" in given:
        wait_ms = max(0.0, _read_moment_ms(given["until"], node) - now_ms)
    else:
        raise _build_error(node, "ms", "a number of milliseconds; or write `for`, or `until`", None)
    if wait_ms > MAX_WAIT_MS:
        raise _build_error(node, next(iter(given)), "at most 365 days", next(iter(given.values())))
    return wait_ms


def _read_duration(text: str, node: str) -> float:
    duration_ms = read_duration_ms(text)
    if duration_ms is None:
        raise _build_error(node, "for", "a whole number with ms, s, m, h, d or w, such as 2d", text)
    return float(duration_ms)


def _read_moment_ms(text: str, node: str) -> float:
    """A time without an offset is in UTC."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    except (ValueError, OverflowError):
        raise _build_error(node, "until", "a time in ISO 8601, such as 2027-03-01T09:00:00+01:00", text) from None


def _build_error(node: str, field: str, expected: str, got: Any) -> InputError:
    said = "" if got is None else f", not {str(got)[:40]!r}"
    return InputError(
        f"`{field}` of `{node}` must be {expected}{said}.",
        next_actions=["Look at its inputs: acr parts list wait."],
        details={"field": field, "expected": expected},
    )
