"""Work that something else may end."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

Result = TypeVar("Result")


async def run_unless(work: Awaitable[Result], end: Awaitable[None], error: type[Exception]) -> Result:
    """The result of `work`. If `end` returns before, `work` is cancelled, and `error` raised."""
    running, ending = asyncio.ensure_future(work), asyncio.ensure_future(end)
    try:
        waited: list[asyncio.Future[Any]] = [running, ending]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise error
    finally:
        for task in (running, ending):
            task.cancel()
        await asyncio.gather(running, ending, return_exceptions=True)
