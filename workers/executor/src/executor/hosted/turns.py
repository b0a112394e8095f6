"""The turn of an accepted run that is not durable: it waits for it, where a request would be refused."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from arcrun.errors import RateLimitedError
from arcrun.ports import Clock
from executor.service import Quota

TURN_MS = 250  # between two looks: on the platform no request can wake another


@asynccontextmanager
async def in_turn(quota: Quota, clock: Clock) -> AsyncIterator[None]:
    """A context for one run, which begins when its account has room."""
    with ExitStack() as place:
        while True:
            try:
                place.enter_context(quota.running())
                break
            except RateLimitedError:
                await clock.sleep(TURN_MS)
        yield
