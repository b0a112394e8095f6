"""The component `wait` in a test of a durable workflow: its time passes at once, and the clock moves on."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from arcrun.durable.journal import Journal
from arcrun.durable.waits import Waiting, let_pass
from arcrun.engine.calls import failed
from arcrun.errors import ArcrunError
from arcrun.json_size import size_of
from arcrun.ports import Clock
from arcrun.wasm.abi import Outcome

ReadMoment = Callable[[str, str], Awaitable[float]]


@dataclass(frozen=True)
class _PassingTime:
    """What a wait needs of a journal, which a test has not."""

    clock: Clock

    def now_ms(self) -> float:
        return self.clock.now_ms()

    async def sleep(self, _name: str, duration_ms: float) -> None:
        await self.clock.sleep(duration_ms)

    async def record(self, _name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        return await call()


async def pass_time(path: str, given: Mapping[str, Any], clock: Clock, read_moment: ReadMoment) -> Outcome:
    """What `wait` answers after its time, up to 365 days."""
    waiting = Waiting(cast(Journal, _PassingTime(clock)), path, path, path, given, read_moment)
    try:
        data = await let_pass(waiting)
    except ArcrunError as error:
        return failed(error)
    return Outcome({"success": True, "data": data}, weight=size_of(data).weight)
