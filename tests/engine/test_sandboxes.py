"""A run calls a limited number of sandboxes at once: further calls wait, in order of arrival, and no place is held
without need.
"""

import asyncio
import random

import pytest

from arcrun.engine.budget import SandboxTurns
from arcrun.limits import MAX_RUN_SANDBOXES
from fakes.ports.virtual_time import VirtualClock

pytestmark = pytest.mark.anyio


class Watched:
    """Calls in sandboxes: the current ones, and the order in which they began."""

    def __init__(self, limit: int) -> None:
        self.turns = SandboxTurns(limit)
        self.clock = VirtualClock()
        self.under_way: list[str] = []
        self.began: list[str] = []
        self.most = 0

    async def call(self, sandbox: str, duration_s: float = 1.0) -> None:
        async with self.turns.turn(sandbox, self.clock):
            self.began.append(sandbox)
            self.under_way.append(sandbox)
            self.most = max(self.most, len(set(self.under_way)))
            try:
                await asyncio.sleep(duration_s)
            finally:
                self.under_way.remove(sandbox)


async def test_the_platforms_limit_is_kept_and_everybody_has_a_turn() -> None:
    watched = Watched(MAX_RUN_SANDBOXES)
    await asyncio.gather(*(watched.call(f"s{i}") for i in range(10)))
    assert (watched.most, watched.began) == (4, [f"s{i}" for i in range(10)])


async def test_calls_of_one_sandbox_count_once_and_do_not_wait() -> None:
    watched = Watched(1)
    calls = [asyncio.ensure_future(watched.call("a")) for _ in range(20)]
    await asyncio.sleep(0.5)
    assert len(watched.under_way) == 20
    await asyncio.gather(*calls)


class SlowClock(VirtualClock):
    async def pause(self) -> None:
        await self.sleep(10)


async def test_calls_beside_each_other_begin_one_after_the_other_with_a_pause_before_each_but_the_first() -> None:
    watched = Watched(MAX_RUN_SANDBOXES)
    watched.clock = SlowClock()
    calls = [asyncio.ensure_future(watched.call(name)) for name in ("a", "a", "b", "a")]
    counts = []
    for _ in range(4):
        await asyncio.sleep(0.009)
        counts.append(len(watched.began))
        await asyncio.sleep(0.001)
    assert counts == [1, 2, 3, 4]
    await asyncio.gather(*calls)
    await watched.call("c")
    assert watched.began[3:] == ["a", "c"]


async def test_who_comes_later_does_not_overtake() -> None:
    """`a` gets three calls at 0 s; `b` waits, and runs before a `c` that came after it."""
    watched = Watched(1)
    await asyncio.gather(*(watched.call(name) for name in ("a", "a", "b", "c", "b")))
    assert watched.began == ["a", "a", "b", "c", "b"]


async def test_a_call_that_is_cancelled_gives_back_its_place_or_its_turn() -> None:
    watched = Watched(1)
    first, waiting, last = (asyncio.ensure_future(watched.call(name)) for name in ("a", "b", "c"))
    await asyncio.sleep(0.1)
    waiting.cancel()
    first.cancel()
    await asyncio.sleep(0.1)
    assert watched.under_way == ["c"]
    await last


async def test_a_call_that_is_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    watched = Watched(1)
    first, second, third = (asyncio.ensure_future(watched.call(name)) for name in ("a", "b", "c"))
    await asyncio.sleep(0.1)
    first.cancel()
    await asyncio.sleep(0)  # `a` leaves: `b` has its place, and has not run yet
    second.cancel()
    await third
    assert watched.began == ["a", "c"]


@pytest.mark.parametrize("seed", range(20))
async def test_any_order_of_calls_and_cancellations_keeps_the_limit_and_ends(seed: int) -> None:
    draw, watched = random.Random(seed), Watched(3)
    calls = []
    for _ in range(60):
        calls.append(asyncio.ensure_future(watched.call(f"s{draw.randrange(8)}", draw.random())))
        await asyncio.sleep(draw.random() / 20)
        if draw.random() < 0.3:
            draw.choice(calls).cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert (watched.most, watched.under_way) == (3, [])
    await watched.call("afterwards", 0)
