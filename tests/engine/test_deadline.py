"""Work ends on its own, by its deadline, or with its caller; work that never waits sets no timer."""

import asyncio
from typing import Any

import pytest

from arcrun.engine.tasks import run_within

pytestmark = pytest.mark.anyio


async def wait(*durations_s: float, events: list[str] | None = None) -> str:
    try:
        for duration_s in durations_s:
            await asyncio.sleep(duration_s)
    finally:
        if events is not None:
            events.append("cleaned up")
    return "done"


@pytest.mark.parametrize(
    ("durations_s", "timers"), [((), 0), ((0, 0), 1), ((1, 2), 3)], ids=["never", "for a turn", "twice"]
)
async def test_a_timer_is_set_when_it_first_waits(
    monkeypatch: pytest.MonkeyPatch, durations_s: tuple[float, ...], timers: int
) -> None:
    loop, made = asyncio.get_running_loop(), list[float]()
    original = loop.call_at

    def call_at(when: float, *given: Any, **more: Any) -> asyncio.TimerHandle:
        made.append(when)
        return original(when, *given, **more)

    monkeypatch.setattr(loop, "call_at", call_at)
    assert await run_within(10, wait(*durations_s)) == "done"
    assert len(made) == timers


@pytest.mark.parametrize("durations_s", [(11.0,), (4.0, 4.0, 4.0), (0.0, 60.0)], ids=["one", "several", "later"])
async def test_it_is_cancelled_when_its_time_is_over(durations_s: tuple[float, ...]) -> None:
    loop, events = asyncio.get_running_loop(), list[str]()
    began_s = loop.time()
    with pytest.raises(TimeoutError):
        await run_within(10, wait(*durations_s, events=events))
    assert (loop.time() - began_s, events) == (10, ["cleaned up"])


async def test_what_has_computed_for_too_long_ends_where_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, events = asyncio.get_running_loop(), list[str]()

    async def compute() -> None:
        loop.skip(20)  # type: ignore[attr-defined]
        await wait(5, events=events)

    with pytest.raises(TimeoutError):
        await run_within(10, compute())
    assert (loop.time(), events) == (20, ["cleaned up"])


@pytest.mark.parametrize("waits", [False, True])
async def test_what_it_raises_is_raised(waits: bool) -> None:
    async def fail() -> None:
        if waits:
            await asyncio.sleep(1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        await run_within(10, fail())


async def test_what_it_waits_for_may_fail_and_it_goes_on() -> None:
    async def recover() -> list[Any]:
        loop, seen = asyncio.get_running_loop(), list[Any]()
        for _ in range(2):
            failing = loop.create_future()
            loop.call_later(1, failing.set_exception, KeyError("x"))
            try:
                await failing
            except KeyError as error:
                seen.append(error.args[0])
        return [*seen, await asyncio.gather(wait(1), wait(2))]

    assert await run_within(10, recover()) == ["x", "x", ["done", "done"]]


async def test_it_ends_with_whoever_awaits_it() -> None:
    events = list[str]()
    task = asyncio.ensure_future(run_within(10, wait(5, events=events)))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == ["cleaned up"]
    assert task.cancelled()
