"""Tries again what an instance cannot do without: if its `run` raises, the platform ends it for ever."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from arcrun.errors import ArcrunError
from arcrun.ports import Clock

WAITS_MS = (200, 1_000, 5_000, 15_000)

Result = TypeVar("Result")


async def patiently(clock: Clock, work: Callable[[], Awaitable[Result]]) -> Result:
    """The result of `work`, which is tried five times in 20 s while it fails with an error that may pass."""
    for wait_ms in WAITS_MS:
        try:
            return await work()
        except ArcrunError as error:
            if not error.retriable:
                raise
        await clock.sleep(wait_ms)
    return await work()
