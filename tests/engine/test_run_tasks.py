"""However loops and parallel nodes are nested, a run has a bounded number of tasks, and completes."""

import asyncio
import gc
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.errors import TemplateError
from arcrun.limits import MAX_RUN_TASKS
from fakes.components import Input
from fakes.engine import EngineBench, data, taking

pytestmark = pytest.mark.anyio

AT_ONCE = {"foreach": {"concurrency": 64}}
LOOPS = [
    "input >> FOREACH x IN input.items >> a",
    "a >> FOREACH y IN input.items >> b",
    "b >> FOREACH z IN input.items >> c",
]


class Watched:
    """Answers its input after some time; counts its calls, the concurrent ones, and the tasks."""

    def __init__(self) -> None:
        self.calls = self.under_way = self.most_under_way = self.most_tasks = 0

    async def __call__(self, given: Input) -> Mapping[str, Any]:
        self.calls += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.most_tasks = max(self.most_tasks, len(asyncio.all_tasks()))
        await asyncio.sleep(0.001)
        self.under_way -= 1
        return data(given)


async def test_loops_in_loops() -> None:
    watched, before = Watched(), len(asyncio.all_tasks())
    bench = EngineBench({"a": taking(1), "b": taking(1), "c": watched})
    config = {"input": AT_ONCE, "a": AT_ONCE, "b": AT_ONCE, "c": {"n": "{{x}}{{y}}{{z}}"}}
    record = await bench.run(LOOPS, {"items": list(range(10))}, config=config, concurrency=64)
    assert record.data == [[[{"n": f"{x}{y}{z}"} for z in range(10)] for y in range(10)] for x in range(10)]
    assert (watched.calls, watched.most_under_way) == (1_000, 64)
    assert watched.most_tasks - before <= MAX_RUN_TASKS + 10


async def test_an_inner_loop_gets_tasks_once_others_are_done() -> None:
    """The first inner loop takes all tasks; the second begins with one element at a time, and gets more later."""
    watched = Watched()
    bench = EngineBench({"a": taking(0), "b": watched})
    config = {"input": AT_ONCE, "a": AT_ONCE, "b": {"n": "{{y}}"}}
    record = await bench.run(LOOPS[:2], {"items": list(range(3))}, config=config, concurrency=64)
    assert record.data == [[{"n": 0}, {"n": 1}, {"n": 2}]] * 3
    assert watched.most_under_way == 9


async def test_nodes_beside_one_another_in_a_loop() -> None:
    watched, names = Watched(), [f"n{i}" for i in range(50)]
    before = len(asyncio.all_tasks())
    bench = EngineBench({"a": taking(1), "n": watched})
    flow = ["input >> FOREACH x IN input.items >> a", *(f"a >> PIPE >> {name}" for name in names)]
    config = {"input": AT_ONCE, **{name: {"component": "n", "n": "{{x}}"} for name in names}}
    record = await bench.run(flow, {"items": list(range(20))}, config=config)
    assert record.data == [{name: {"n": x} for name in names} for x in range(20)]
    assert watched.most_tasks - before <= MAX_RUN_TASKS + 10


async def test_the_first_failure_ends_them() -> None:
    started = []

    async def fail(given: Input) -> Mapping[str, Any]:
        started.append(given["n"])
        await asyncio.sleep(0.01 if given["n"] == 3 else 1)
        return {"success": False, "error": {"code": "BAD", "message": "No."}}

    record = await EngineBench({"a": fail}).run(
        LOOPS[:1], {"items": list(range(100))}, config={"input": AT_ONCE, "a": {"n": "{{x}}"}}, concurrency=5
    )
    assert record.error is not None
    assert (record.error.code, record.error.details["index"], len(started) <= 6) == ("BAD", 3, True)


async def test_an_element_that_failed_holds_nothing_of_what_it_went_through() -> None:
    """An error's traceback holds frames, and those hold the error: only a collection would free them."""
    alive = []

    async def count(_given: Input) -> Mapping[str, Any]:
        alive.append(sum(isinstance(it, TemplateError) for it in gc.get_objects()))
        return data(1)

    bench = EngineBench({"a": taking(0), "b": count})
    flow = [LOOPS[0], "input >> CONTINUE >> b"]
    config = {
        "input": {"foreach": {"on_error": "continue"}},
        "a": {"n": "{{x.nope}}"},
        "b": {"n": "{{x.errors[7].item}}"},
    }
    gc.collect()
    gc.disable()
    try:
        record = await bench.run(flow, {"items": [{"k": i} for i in range(50)]}, config=config)
    finally:
        gc.enable()
    assert (record.error, bench.inputs_of("b")) == (None, [{"n": {"k": 7}}])
    assert alive[0] <= 3  # the first failure's record
