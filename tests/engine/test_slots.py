"""No more slots are held than exist, waiting calls get one in order of arrival, and none is ever lost."""

import asyncio
import random

import pytest

from arcrun.engine.tasks import Slots

pytestmark = pytest.mark.anyio


async def test_who_waits_longest_is_the_first() -> None:
    slots, order = Slots(1), list[int]()

    async def work(number: int) -> None:
        await slots.wait()
        order.append(number)
        slots.give_back()

    assert slots.take_free()
    tasks = [asyncio.ensure_future(work(i)) for i in range(3)]
    await asyncio.sleep(0)
    assert not slots.take_free()
    slots.give_back()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2]
    assert slots.take_free()


@pytest.mark.parametrize("at_once", [False, True], ids=["before its turn", "with its turn"])
async def test_who_is_cancelled_takes_no_slot_along(at_once: bool) -> None:
    slots = Slots(1)
    assert slots.take_free()
    first, second = (asyncio.ensure_future(slots.wait()) for _ in range(2))
    await asyncio.sleep(0)
    if at_once:
        slots.give_back()  # to the first, which ends before it goes on
    first.cancel()
    await asyncio.sleep(0)
    if not at_once:
        slots.give_back()
    await asyncio.wait_for(second, 1)
    slots.give_back()
    assert first.cancelled()
    assert (slots.take_free(), slots.take_free()) == (True, False)


@pytest.mark.parametrize("seed", range(20))
async def test_at_most_so_many_hold_one_whoever_is_cancelled(seed: int) -> None:
    draw, slots, held, most = random.Random(seed), Slots(3), 0, 0

    async def work() -> None:
        nonlocal held, most
        if not slots.take_free():
            await slots.wait()
        held, most = held + 1, max(most, held + 1)
        try:
            await asyncio.sleep(draw.random())
        finally:
            held -= 1
            slots.give_back()

    tasks = [asyncio.ensure_future(work()) for _ in range(40)]
    for task in draw.sample(tasks, 20):
        await asyncio.sleep(draw.random() / 4)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (most, held) == (3, 0)
    assert [slots.take_free() for _ in range(4)] == [True, True, True, False]
