"""A run yields to the isolate's other requests, its deadline ends it even if its nodes never wait, and loops are
bounded.
"""

import asyncio
from typing import Any

import pytest

from arcrun.engine.tasks import FUEL_A_BYTE, NODE_WORK, STRETCH_WORK, Pace
from arcrun.limits import MAX_ELEMENTS
from fakes.engine import EngineBench, echo, statuses
from fakes.ports.virtual_time import VirtualClock

pytestmark = pytest.mark.anyio

STRETCH_NODES = STRETCH_WORK // NODE_WORK
LOOP = ["input >> FOREACH x IN input.items >> body"]


class PausingClock(VirtualClock):
    """Counts the pauses, each of which takes 5 ms."""

    def __init__(self) -> None:
        self.pauses = 0

    async def pause(self) -> None:
        self.pauses += 1
        await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("nodes", "pauses"), [(0, 0), (STRETCH_NODES, 0), (STRETCH_NODES + 1, 1), (1_000, 999 // STRETCH_NODES)]
)
async def test_a_pause_comes_after_so_many_nodes(nodes: int, pauses: int) -> None:
    clock = PausingClock()
    pace = Pace(clock)
    for _ in range(nodes):
        await pace.step()
    assert clock.pauses == pauses


async def test_nobody_goes_on_while_the_run_pauses() -> None:
    """However many of its nodes run at once, there is at most one stretch between two pauses."""
    clock, done = PausingClock(), 0
    pace = Pace(clock)

    async def work() -> None:
        nonlocal done
        for _ in range(50):
            await pace.step()
            done += 1

    await asyncio.gather(*(work() for _ in range(64)))
    assert done == 64 * 50
    assert clock.pauses >= done // STRETCH_NODES - 1


async def test_a_node_that_is_cancelled_in_a_pause_takes_no_other_with_it() -> None:
    pace = Pace(PausingClock())
    for _ in range(STRETCH_NODES):
        await pace.step()
    first, second = (asyncio.ensure_future(pace.step()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()


async def test_a_turn_that_comes_with_the_cancelling_goes_to_the_next() -> None:
    pace = Pace(PausingClock())
    for _ in range(STRETCH_NODES):
        await pace.step()
    tasks = [asyncio.ensure_future(pace.step()) for _ in range(STRETCH_NODES + 1)]
    await asyncio.sleep(0)
    pause = pace._pause
    assert pause is not None
    pause.add_done_callback(lambda _: tasks[0].cancel())  # in the moment in which the first ones are let go
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 1)
    assert [task.cancelled() for task in tasks] == [True, *[False] * STRETCH_NODES]


async def test_the_deadline_ends_a_run_whose_nodes_never_wait() -> None:
    bench = EngineBench({"body": echo})
    object.__setattr__(bench.engine.ports, "clock", PausingClock())
    record = await bench.run(
        LOOP, {"items": list(range(5_000))}, config={"body": {"got": "{{x}}"}}, client_timeout_ms=100
    )
    assert record.error is not None
    assert record.error.code == "RUN_TIMEOUT"
    assert len(bench.inputs_of("body")) < 25 * STRETCH_NODES


@pytest.mark.parametrize(("count", "code"), [(MAX_ELEMENTS, None), (MAX_ELEMENTS + 1, "TOO_MANY_ITEMS")])
async def test_a_loop_takes_so_many_elements(count: int, code: str | None) -> None:
    config: dict[str, Any] = {"body": {"got": "{{x}}"}}
    record = await EngineBench({"body": echo}).run(LOOP, {"items": [0] * count}, config=config)
    assert (record.error.code if record.error else None) == code


async def test_too_many_items_are_a_failure_that_the_node_s_handler_gets() -> None:
    flow = ["input >> PIPE >> list", "list >> FOREACH x IN input.items >> body", "list >> ON_FAIL >> alarm"]
    bench = EngineBench({"list": echo, "body": echo, "alarm": echo})
    record = await bench.run(
        flow, {"items": [0] * (MAX_ELEMENTS + 1)}, config={"alarm": {"code": "{{list.error.code}}"}}
    )
    assert statuses(record) == {"list": "failed", "body": "skipped", "alarm": "success"}
    assert bench.inputs_of("alarm") == [{"code": "TOO_MANY_ITEMS"}]


async def test_what_is_read_and_written_counts_as_work() -> None:
    """A few nodes with large values pause as often as many small ones."""
    clock = PausingClock()
    bench = EngineBench({"a": echo, "b": echo})
    object.__setattr__(bench.engine.ports, "clock", clock)
    flow = ["input >> PIPE >> a", "a >> PIPE >> b"]
    config = {"a": {"x": "{{input.x}}"}, "b": {"x": "{{a.data.x | upper}}"}}
    await bench.run(flow, {"x": "x"}, config=config)
    assert clock.pauses == 0
    await bench.run(flow, {"x": "x" * 2 * STRETCH_WORK}, config=config)
    assert clock.pauses >= 4


async def test_conditions_pause_between_one_another() -> None:
    clock = PausingClock()
    flow = [f"input >> IF(length(input.list[?@ == `{i}`]) > `0`) >> n{i}" for i in range(20)]
    bench = EngineBench({f"n{i}": echo for i in range(20)})
    object.__setattr__(bench.engine.ports, "clock", clock)
    record = await bench.run(flow, {"list": list(range(2_000))})
    assert list(statuses(record).values()) == ["success"] * 20
    assert clock.pauses >= 20


async def test_nodes_that_are_let_go_together_look_before_each_condition() -> None:
    """Of 64 elements at once, each with a condition that takes longer than a stretch, one is evaluated per stretch."""
    clock, flow = PausingClock(), ["input >> FOREACH x IN input.items >> a", "a >> IF(length(input.v[?@ > `3`])) >> b"]
    bench = EngineBench({"a": echo, "b": echo})
    object.__setattr__(bench.engine.ports, "clock", clock)
    config = {"input": {"foreach": {"concurrency": 64}}}
    record = await bench.run(flow, {"items": list(range(64)), "v": [1] * 2_000}, config=config, concurrency=64)
    assert record.error is None
    assert clock.pauses >= 63


async def test_what_components_compute_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that never wait, sequential and 64 at once: each long one has a stretch of its own."""
    monkeypatch.setattr("fakes.components.FUEL_A_CALL", FUEL_A_BYTE * STRETCH_WORK)
    for concurrency in (1, 64):
        clock, bench = PausingClock(), EngineBench({"body": echo})
        object.__setattr__(bench.engine.ports, "clock", clock)
        config = {"input": {"foreach": {"concurrency": concurrency}}}
        await bench.run(LOOP, {"items": list(range(64))}, config=config, concurrency=64)
        assert clock.pauses >= 62
