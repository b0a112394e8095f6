"""Proves that an isolate handles large bodies in order of arrival, small ones at once, and none waits forever."""

import asyncio
from typing import Any

import pytest

from arcrun.errors import RateLimitedError
from arcrun.limits import MAX_LARGE_BODIES_BYTES, MAX_WAITING_BODIES, MIB, SMALL_BODY_BYTES
from arcrun_http.body_quota import HELD_AT_MOST_MS, BodyHold, BodyQuota
from fakes.ports.virtual_time import VirtualClock, VirtualTimeLoop

pytestmark = pytest.mark.anyio
WORK_S = 0.5


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualTimeLoop}


class Requests:
    """Requests that take WORK_S once their body may be read."""

    def __init__(self) -> None:
        self.quota = BodyQuota(VirtualClock())
        self.most = 0
        self.began: list[tuple[str, float]] = []

    async def serve(self, size: int, name: str = "", work_s: float = WORK_S) -> None:
        hold = BodyHold(self.quota)
        try:
            await hold.take(size)
            self.began.append((name, asyncio.get_running_loop().time()))
            self.most = max(self.most, self.quota.held_bytes)
            await asyncio.sleep(work_s)
        finally:
            hold.give_back()


async def test_no_more_are_worked_on_at_once_than_there_is_room_for_in_the_order_of_coming() -> None:
    requests = Requests()
    sizes = [3 * MIB, 2 * MIB, MIB, 100_000, 4 * MIB, 70_000]
    await asyncio.gather(*(requests.serve(size, f"{i}") for i, size in enumerate(sizes)))
    assert [name for name, _ in requests.began] == ["0", "1", "2", "3", "4", "5"]
    assert requests.most <= MAX_LARGE_BODIES_BYTES
    assert requests.quota.held_bytes == 0


async def test_a_small_body_never_waits_and_holds_nothing() -> None:
    requests = Requests()
    large = [requests.serve(4 * MIB) for _ in range(5)]
    small = [requests.serve(SMALL_BODY_BYTES, "small") for _ in range(50)]
    await asyncio.gather(*large, *small)
    assert {began_s for name, began_s in requests.began if name == "small"} == {0.0}
    assert requests.most == 4 * MIB


async def test_one_that_is_alone_may_be_larger() -> None:
    requests = Requests()
    await asyncio.gather(requests.serve(12 * MIB, "first"), requests.serve(12 * MIB, "second"))
    assert requests.began[0] == ("first", 0.0)
    assert requests.began[1][1] == pytest.approx(WORK_S, abs=0.01)


async def test_what_is_held_counts_for_a_moment_only() -> None:
    """A run may wait for a service, or the platform may have ended it silently."""
    requests = Requests()
    await asyncio.gather(requests.serve(4 * MIB, "slow", work_s=60), requests.serve(4 * MIB, "next"))
    assert requests.began[1][1] == pytest.approx(HELD_AT_MOST_MS / 1000, abs=0.01)


async def test_who_is_cancelled_gives_its_place_to_the_next() -> None:
    requests = Requests()
    tasks = [asyncio.create_task(requests.serve(4 * MIB, f"{i}")) for i in range(3)]
    await asyncio.sleep(WORK_S / 2)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [name for name, _ in requests.began] == ["0", "2"]


async def test_too_many_that_wait_are_told_to_come_again() -> None:
    requests = Requests()
    tasks = [asyncio.create_task(requests.serve(4 * MIB, work_s=0.1)) for _ in range(MAX_WAITING_BODIES + 1)]
    await asyncio.sleep(0)
    with pytest.raises(RateLimitedError) as refused:
        await requests.serve(4 * MIB)
    assert (refused.value.code, refused.value.http_status, refused.value.retry_after_s) == ("TOO_MANY_BODIES", 429, 5)
    await requests.serve(SMALL_BODY_BYTES)
    await asyncio.gather(*tasks)
    assert len(requests.began) == MAX_WAITING_BODIES + 2
