"""The components alive at once in an isolate stay below the bound: excess calls wait, in order, but not forever."""

import asyncio
import contextlib
import random
from typing import Any

import pytest

from arcrun.limits import (
    MAX_ALIVE_MEMORY_BYTES,
    MAX_INPUT_BYTES,
    MAX_LARGE_WAITING_BYTES,
    MAX_WAITING_MEMORY_BYTES,
    MIB,
)
from arcrun.wasm.memory_quota import (
    HELD_AT_MOST_MS,
    MAX_KINDS,
    SMALL_BYTES,
    SMALL_INPUT,
    START_BYTES,
    WAITING_BYTES_A_BYTE,
    MemoryQuota,
    estimate_memory,
)
from fakes.ports.virtual_time import VirtualClock, VirtualTimeLoop

pytestmark = pytest.mark.anyio
LARGEST = 64 * MIB


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}


def characters_for(size: int) -> int:
    """The characters of an input that is estimated as `size` bytes while its call waits."""
    return (size - START_BYTES) // WAITING_BYTES_A_BYTE


class Watched:
    """Calls that wait for the host for `duration_s` while they hold `size` bytes."""

    def __init__(self) -> None:
        self.quota = MemoryQuota(VirtualClock())
        self.most = 0
        self.began: list[str] = []

    async def wait_for_host(self, size: int, duration_s: float = 1.0, name: str = "") -> None:
        async with self.quota.hold(f"of {size}", characters_for(size)) as hold:
            assert self.quota.wait(hold, size) is (size <= MAX_LARGE_WAITING_BYTES)
            self.began.append(name)
            self.most = max(self.most, self.quota.held_bytes)
            await asyncio.sleep(duration_s)

    async def compute(self, size: int, name: str = "") -> None:
        await self.quota.wait_for_room(size)
        self.began.append(name)
        self.most = max(self.most, self.quota.held_bytes + size)


@pytest.mark.parametrize(
    ("characters", "expected"),
    [(0, MIB), (100_000, MIB + 800_000), (4 * MIB, 33 * MIB), (100 * MIB, LARGEST)],
)
def test_what_a_call_takes_is_estimated_from_its_input(characters: int, expected: int) -> None:
    assert estimate_memory(characters) == expected


def test_there_is_room_to_compute() -> None:
    """On a small input beside all that waits, on the largest beside what waits with little memory."""
    assert 2 * MAX_WAITING_MEMORY_BYTES + estimate_memory(SMALL_INPUT) <= MAX_ALIVE_MEMORY_BYTES
    assert MAX_WAITING_MEMORY_BYTES + estimate_memory(MAX_INPUT_BYTES) <= MAX_ALIVE_MEMORY_BYTES


async def test_a_large_call_that_waits_keeps_no_small_one_out() -> None:
    watched = Watched()
    waiting = [asyncio.ensure_future(watched.wait_for_host(13 * MIB, 5, "large")) for _ in range(4)]
    waiting += [asyncio.ensure_future(watched.wait_for_host(SMALL_BYTES, 5, "small")) for _ in range(15)]
    await asyncio.sleep(0.1)
    assert watched.began == ["large", "large", *["small"] * 15]
    await asyncio.wait_for(watched.compute(estimate_memory(SMALL_INPUT), "computes"), 0.01)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert watched.quota.is_empty


async def test_the_largest_inputs_find_room_beside_small_calls_and_one_large() -> None:
    watched = Watched()
    sizes = [SMALL_BYTES] * 9 + [12 * MIB]
    waiting = [asyncio.ensure_future(watched.wait_for_host(size, 5)) for size in sizes]
    await asyncio.sleep(0.1)
    await asyncio.wait_for(watched.compute(estimate_memory(MAX_INPUT_BYTES)), 0.01)
    async with asyncio.timeout(0.01), watched.quota.hold("another", MAX_INPUT_BYTES):
        pass
    await asyncio.gather(*waiting)


async def test_one_that_has_grown_too_large_for_the_others_may_not_wait() -> None:
    quota = MemoryQuota(VirtualClock())
    async with quota.hold("grows", 0) as first:
        assert not quota.wait(first, LARGEST)  # alone too: small ones would find no room
        assert quota.wait(first, MAX_LARGE_WAITING_BYTES)
        assert quota.wait(first, 40 * MIB)
        async with quota.hold("grows too", 0) as second:
            assert not quota.wait(second, 9 * MIB)
            assert quota.wait(second, 8 * MIB)


async def test_small_ones_find_room_beside_the_largest_that_may_wait() -> None:
    quota, most = MemoryQuota(VirtualClock()), MAX_ALIVE_MEMORY_BYTES - MAX_LARGE_WAITING_BYTES
    async with quota.hold("grows", 0) as large, contextlib.AsyncExitStack() as stack, asyncio.timeout(0.01):
        quota.wait(large, MAX_LARGE_WAITING_BYTES)
        for _ in range(most // MIB):
            assert quota.wait(await stack.enter_async_context(quota.hold("small", 0)), MIB)


async def test_a_call_that_was_large_by_its_input_makes_no_later_one_large() -> None:
    quota = MemoryQuota(VirtualClock())
    async with quota.hold("x", 4 * MIB) as large:
        quota.wait(large, 13 * MIB)
        async with quota.hold("x", 0) as small:
            assert small.size == START_BYTES


async def test_the_sizes_of_so_many_kinds_are_remembered() -> None:
    quota = MemoryQuota(VirtualClock())
    for number in range(MAX_KINDS + 10):
        async with quota.hold(f"{number}", 0) as hold:
            quota.wait(hold, 20 * MIB)
    async with quota.hold("0", 0) as forgotten, quota.hold(f"{MAX_KINDS}", 0) as known:
        assert (forgotten.size, known.size) == (START_BYTES, 20 * MIB)


async def test_many_calls_that_wait_go_some_at_a_time() -> None:
    watched = Watched()
    started = asyncio.get_running_loop().time()
    await asyncio.gather(*(watched.wait_for_host(8 * MIB, name=str(i)) for i in range(12)))
    assert watched.most == 3 * 8 * MIB <= MAX_WAITING_MEMORY_BYTES
    assert watched.began == [str(i) for i in range(12)]
    assert 4 <= asyncio.get_running_loop().time() - started < 4.1
    assert watched.quota.is_empty


async def test_with_room_nothing_waits() -> None:
    watched = Watched()
    hold = watched.quota.hold("x", 0)
    with pytest.raises(StopIteration):  # it has gone through without a pause
        hold.__aenter__().send(None)
    with pytest.raises(StopIteration):
        watched.quota.wait_for_room(MIB).send(None)
    await hold.__aexit__(None, None, None)


async def test_who_is_alone_may_take_all_that_a_component_may_have() -> None:
    watched = Watched()
    await asyncio.wait_for(watched.wait_for_host(LARGEST), 2)
    await asyncio.wait_for(watched.compute(LARGEST), 2)
    assert watched.most == LARGEST


async def test_what_computes_finds_room_beside_what_waits_and_a_large_one_waits_for_it_to_end() -> None:
    watched = Watched()
    holding = asyncio.ensure_future(watched.wait_for_host(MAX_WAITING_MEMORY_BYTES, name="holds"))
    await asyncio.sleep(0.1)
    large = asyncio.ensure_future(watched.compute(41 * MIB, "large"))
    await asyncio.sleep(0.1)
    late = asyncio.ensure_future(watched.wait_for_host(3 * MIB, name="late"))
    await watched.compute(34 * MIB, "small")
    await asyncio.gather(holding, large, late)
    assert (watched.began, watched.most) == (["holds", "small", "large", "late"], MAX_ALIVE_MEMORY_BYTES)


async def test_what_a_component_grows_to_counts() -> None:
    watched = Watched()
    async with watched.quota.hold("x", 0) as hold:
        watched.quota.wait(hold, 30 * MIB)
        waiting = asyncio.ensure_future(watched.wait_for_host(8 * MIB))
        await asyncio.sleep(1)
        assert watched.began == []
        watched.quota.wait(hold, 2 * MIB)
        await waiting
    assert watched.most == 10 * MIB


async def test_a_call_is_taken_for_as_large_as_one_of_its_kind_was() -> None:
    """The first fills 12 MiB with an empty input; of the next ten, two find room at once."""
    quota, most, count = MemoryQuota(VirtualClock()), 0, 0

    async def grow() -> None:
        nonlocal most, count
        async with quota.hold("hoarder", 0) as hold:
            count += 1
            quota.wait(hold, 12 * MIB)
            most = max(most, count, key=int)
            await asyncio.sleep(1)
            quota.go_on(hold, characters=100)
            count -= 1

    await grow()
    await asyncio.gather(*(grow() for _ in range(10)))
    assert most == 2


async def test_who_stops_waiting_holds_nobody_up() -> None:
    watched = Watched()
    async with watched.quota.hold("x", characters_for(LARGEST)):
        impatient = asyncio.ensure_future(watched.wait_for_host(LARGEST))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await watched.compute(LARGEST)
        impatient.cancel()
        await asyncio.gather(impatient, return_exceptions=True)
    await asyncio.wait_for(watched.wait_for_host(MIB, 0), 0.1)
    assert watched.quota.is_empty


class DeadlyClock(VirtualClock):
    """The tasks in `ended` never continue, like those of a request that the platform has ended."""

    def __init__(self) -> None:
        self.ended: set[Any] = set()

    async def sleep(self, duration_ms: float) -> None:
        if asyncio.current_task() in self.ended:
            await asyncio.Event().wait()
        await super().sleep(duration_ms)


async def test_a_request_that_the_platform_has_ended_holds_nothing_for_ever() -> None:
    """It neither gives its memory back nor leaves the queue."""
    clock = DeadlyClock()
    quota = MemoryQuota(clock)

    async def hold(size: int, *, ends: bool) -> None:
        if not ends:
            clock.ended.add(asyncio.current_task())
        async with quota.hold("x", characters_for(size)):
            await clock.sleep(0)

    gone = [asyncio.ensure_future(hold(LARGEST, ends=False)) for _ in range(2)]
    await asyncio.sleep(0)
    started = asyncio.get_running_loop().time()
    await hold(MIB, ends=True)
    assert asyncio.get_running_loop().time() - started <= HELD_AT_MOST_MS / 1000 + 0.1
    for task in gone:
        task.cancel()
    await asyncio.gather(*gone, return_exceptions=True)


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_keeps_the_bound_and_ends(seed: int) -> None:
    draw, watched = random.Random(seed), Watched()
    calls = []
    for _ in range(40):
        size = draw.choice((START_BYTES, 4 * MIB, 12 * MIB, 32 * MIB))
        work = watched.compute(size) if draw.random() < 0.4 else watched.wait_for_host(size, draw.random() / 4)
        calls.append(asyncio.ensure_future(work))
        await asyncio.sleep(draw.random() / 20)
        if draw.random() < 0.2:
            draw.choice(calls).cancel()
    await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 120)
    assert watched.most <= MAX_ALIVE_MEMORY_BYTES
    assert watched.quota.is_empty
