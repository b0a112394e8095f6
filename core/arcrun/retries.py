"""Retries: the wait before the next attempt, and the loop."""

import math
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

from arcrun.ports import Random

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
    """The milliseconds to wait after the failed `attempt` (counted from 1): `first_ms`, growing with each attempt up to
    `most_ms`, minus a random part bounded by `jitter` (0 to 1), and at least `asked_ms`.
    """
    drawn = int.from_bytes(random.token_bytes(4)) / 0xFFFFFFFF if random is not None else 0.0
    return max(asked_ms, min(most_ms, first_ms * GROWTHS[growth](attempt)) * (1 - jitter * drawn))


def parse_retry_after_ms(text: str, now_ms: float) -> float:
    """The wait of a Retry-After header: RFC 9110's seconds or date; 0 for anything else, and for a past date."""
    try:
        wait_ms = float(text) * 1000 if text.isdecimal() else parsedate_to_datetime(text).timestamp() * 1000 - now_ms
    except (ValueError, OverflowError):
        return 0.0
    return max(wait_ms, 0.0)


async def retry(
    first: Result,
    act: Callable[[], Awaitable[Result]],
    wait_before_next: Callable[[int, Result], float | None],
    sleep: Callable[[float], Awaitable[None]],
) -> Result:
    """The last result of `act`. `first` is the result of the first attempt. `wait_before_next` gets the number of
    attempts and the last result, and returns the milliseconds to wait before another attempt, None if there is none.
    """
    result, attempts = first, 1
    while (wait_ms := wait_before_next(attempts, result)) is not None:
        await sleep(wait_ms)
        result, attempts = await act(), attempts + 1
    return result
