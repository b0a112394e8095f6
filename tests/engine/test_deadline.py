"""Work ends on its own, by its deadline, or with its caller; work that never waits sets no timer."""

import asyncio
from typing import Any

import pytest

from arcrun.engine.tasks import run_within
from arcrun.errors import RunCancelledError

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


def watch_from(end_s: float, asked: list[float]) -> Any:
    """Tells from `end_s` on that the work is to end; `asked` gets when it was asked."""

    async def watch() -> bool:
        now_s = asyncio.get_running_loop().time()
        asked.append(now_s)
        await asyncio.sleep(0.1)
        return now_s >= end_s

    return watch


async def test_work_that_is_two_seconds_old_is_ended_when_somebody_asks_for_it() -> None:
    events, asked, began_s = list[str](), list[float](), asyncio.get_running_loop().time()
    with pytest.raises(RunCancelledError):
        await run_within(60, wait(50, events=events), watch_from(began_s + 5, asked))
    assert [round(at_s - began_s, 1) for at_s in asked] == [2.0, 4.1, 6.2]
    assert events == ["cleaned up"]


@pytest.mark.parametrize("durations_s", [(), (0, 0), (1.9,)], ids=["never", "for a turn", "almost"])
async def test_younger_work_is_not_watched_and_sets_one_timer_for_both(
    monkeypatch: pytest.MonkeyPatch, durations_s: tuple[float, ...]
) -> None:
    loop, made, asked = asyncio.get_running_loop(), list[float](), list[float]()
    original = loop.call_at

    def call_at(when: float, *given: Any, **more: Any) -> asyncio.TimerHandle:
        made.append(when)
        return original(when, *given, **more)

    monkeypatch.setattr(loop, "call_at", call_at)
    assert await run_within(60, wait(*durations_s), watch_from(0, asked)) == "done"
    assert (len(made), asked) == (sum(map(bool, durations_s)) + bool(durations_s), [])


@pytest.mark.parametrize("limit_s", [1.0, 10.0])
async def test_watched_work_is_cancelled_when_its_time_is_over(limit_s: float) -> None:
    loop, events = asyncio.get_running_loop(), list[str]()
    began_s = loop.time()
    with pytest.raises(TimeoutError):
        await run_within(limit_s, wait(50, events=events), watch_from(began_s + 100, []))
    assert (round(loop.time() - began_s, 3), events) == (limit_s, ["cleaned up"])


async def test_watched_work_that_has_computed_for_too_long_ends_where_it_waits() -> None:
    loop = asyncio.get_running_loop()

    async def compute() -> None:
        loop.skip(20)  # type: ignore[attr-defined]
        await wait(5)

    with pytest.raises(TimeoutError):
        await run_within(10, compute(), watch_from(0, []))
    assert loop.time() == 20


async def test_nothing_is_left_of_a_watch() -> None:
    asked, before = list[float](), asyncio.all_tasks()
    assert await run_within(60, wait(2.05), watch_from(1_000, asked)) == "done"
    await asyncio.sleep(30)
    assert (len(asked), asyncio.all_tasks()) == (1, before)
