"""Doing again what has failed: how long to wait before it, and the loop."""

import math
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from arcrun.ports import Clock, Random

Result = TypeVar("Result")
GROWTHS: dict[str, Callable[[int], int]] = {
    "exponential": lambda attempt: 2 ** (attempt - 1),
    "linear": lambda attempt: attempt,
    "fixed": lambda _attempt: 1,
}


def backoff_ms(
    attempt: int,
    first_ms: float,
    *,
    growth: str = "exponential",
    most_ms: float = math.inf,
    jitter: float = 0.0,
    random: Random | None = None,
    asked_ms: float = 0.0,
) -> float:
    """The milliseconds to wait after the failed `attempt` (from 1): `first_ms`, growing from attempt to attempt up to
    `most_ms`, less a random part of it that `jitter` bounds (0 to 1), and never less than what was asked for.
    """
    drawn = int.from_bytes(random.token_bytes(4)) / 0xFFFFFFFF if random is not None else 0.0
    return max(asked_ms, min(most_ms, first_ms * GROWTHS[growth](attempt)) * (1 - jitter * drawn))


def parse_retry_after_ms(text: str, now_ms: float) -> float:
    """RFC 9110's number of seconds, or date; 0 for anything else, and for a date that has passed."""
    try:
        wait_ms = float(text) * 1000 if text.isdecimal() else parsedate_to_datetime(text).timestamp() * 1000 - now_ms
    except (ValueError, OverflowError):
        return 0.0
    return max(wait_ms, 0.0)


async def retry(
    first: Result,
    act: Callable[[], Awaitable[Result]],
    wait_before_next: Callable[[int, Result], float | None],
    clock: Clock,
) -> Result:
    """The last result of `act`. `first` is that of the first attempt. `wait_before_next` gets how many attempts there
    have been and the result of the last: the milliseconds to wait before another, None if there is none.
    """
    result, attempts = first, 1
    while (wait_ms := wait_before_next(attempts, result)) is not None:
        await clock.sleep(wait_ms)
        result, attempts = await act(), attempts + 1
    return result
