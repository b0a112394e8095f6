"""A call that is ended while it waits for its turn has not begun, and takes nobody's turn along."""

import asyncio
from typing import Any

import pytest

from fakes.engine import EngineBench, data, statuses

pytestmark = pytest.mark.anyio

FLOW = ["input >> PIPE >> holds", "input >> PIPE >> waits"]


class Holding:
    """A component that answers when it is told to."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()

    async def __call__(self, _given: Any) -> Any:
        self.begun.set()
        await self.may_end.wait()
        return data({})


async def test_a_run_that_is_cancelled_ends_at_once() -> None:
    holding = Holding()
    bench = EngineBench({"holds": holding, "waits": data({})})
    run = asyncio.ensure_future(bench.run(FLOW, concurrency=1))
    await holding.begun.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(run, timeout=5)
    assert [component for component, _ in bench.components.calls] == ["holds"]


async def test_a_call_whose_time_is_up_was_not_made_and_the_others_keep_their_turns() -> None:
    async def hold(_given: Any) -> Any:
        await bench.engine.ports.clock.sleep(20)
        return data({})

    bench = EngineBench({"holds": hold, "waits": data({}), "after": data({})})
    config = {"waits": {"timeout_ms": 5}}
    record = await bench.run([*FLOW, "waits >> ON_FAIL >> after"], config=config, concurrency=1)
    assert statuses(record) == {"holds": "success", "waits": "failed", "after": "success"}
    assert [entry.error.code for entry in record.trace if entry.error] == ["NODE_TIMEOUT"]
    assert [component for component, _ in bench.components.calls] == ["holds", "after"]
