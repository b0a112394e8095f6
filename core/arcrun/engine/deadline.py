"""Ends work whose time is over, without a timer for what never waits: to set one takes as long as two nodes."""

import asyncio
import types
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")


async def run_within(limit_s: float, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled once it has taken longer and waits. Raises TimeoutError.

    It begins here, in the same task. The timer is set when it waits for the first time.
    """
    ends_s = asyncio.get_running_loop().time() + limit_s
    try:
        awaited = work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    async with asyncio.timeout_at(ends_s):
        return await _go_on(work, awaited)


@types.coroutine
def _go_on(work: Coroutine[Any, Any, Result], awaited: Any) -> Generator[Any, Any, Result]:
    """Await `work`, which waits for `awaited` already."""
    while True:
        raised: BaseException | None = None
        try:
            sent = yield awaited
        except BaseException as error:
            raised = error
        try:
            awaited = work.send(sent) if raised is None else work.throw(raised)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
