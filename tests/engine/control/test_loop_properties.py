"""Any workflow of loops runs as an interpreter has it: which elements begin, when each call begins, ends or is
cancelled, how a loop ends (`until`, `break`, `tolerate`, a failure), what it tells of its elements (results, errors,
states, their numbers), and what is answered. At concurrency 1 and 7, over batches too.

No two calls end at the same moment, so that what comes first does not depend on the engine.
"""

import asyncio
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from engine.control.loop_cases import MOST_ITEMS, Case, Path, cases, render, render_config
from engine.control.loop_interpreter import Call, Interpreter
from hypothesis import assume, given, settings

from arcrun.engine.record import RunRecord
from arcrun.limits import MAX_CONCURRENCY
from fakes.components import Input
from fakes.engine import EngineBench, data, failure
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

APART_S = 1e-8  # any two ends; asyncio takes timers within 1e-9 s for the same moment


@dataclass(frozen=True)
class Observed:
    record: RunRecord
    calls: Mapping[tuple[str, Path], Call]
    at_s: float  # the end


def run_engine(case: Case, concurrency: int) -> Observed:
    calls: dict[tuple[str, Path], Call] = {}

    async def behave(given: Input) -> Mapping[str, Any]:
        name, path, loop = given["name"], tuple(given["path"]), asyncio.get_running_loop()
        fate, begin_s = case.fate(name, path), loop.time()
        is_cancelled = False
        try:
            await asyncio.sleep(case.duration_s(name, path))
        except asyncio.CancelledError:
            is_cancelled = True
            raise
        finally:
            assert (name, path) not in calls
            calls[name, path] = Call(
                name, path, tuple(given["items"]), given["seen"], begin_s, loop.time(), is_cancelled
            )
        return failure() if fate.data is None else data(fate.data)

    bench = EngineBench({"any": behave})
    config = dict(render_config(case.root, concurrency))
    lists = {"lists": [[f"v{i}" for i in range(count)] for count in range(MOST_ITEMS + 1)]}
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        record = runner.run(bench.run(list(render(case.root)), lists, config=config, concurrency=MAX_CONCURRENCY))
        at_s = runner.get_loop().time()
    return Observed(record, calls, at_s)


def is_definite(ends_s: list[float], calls: Iterable[Call]) -> bool:
    """Whether no two calls end at once, and none waits for a slot."""
    times = sorted(ends_s)
    changes = sorted([(call.begin_s, 1) for call in calls] + [(call.end_s, -1) for call in calls])
    running = itertools.accumulate(change for _, change in changes)
    are_apart = all(later - earlier > APART_S for earlier, later in itertools.pairwise(times))
    return are_apart and max(running, default=0) <= MAX_CONCURRENCY


def check_calls(expected: Iterable[Call], observed: Mapping[tuple[str, Path], Call]) -> None:
    left = dict(observed)
    for call in expected:
        got = left.pop((call.name, call.path), None)
        if got is None:
            assert call.may_begin, call
            continue
        assert (got.begin_s, got.end_s) == pytest.approx((call.begin_s, call.end_s), abs=APART_S / 10)
        assert got.is_cancelled == call.is_cancelled
        assert (got.items, call.seen) == (call.items, got.seen)
    assert left == {}


def check_counts(record: RunRecord, expected: list[Call], case: Case) -> None:
    """The records of nodes in loops, where nothing was cancelled."""
    for entry in record.trace:
        fates = [case.fate(call.name, call.path).data for call in expected if call.name == entry.node]
        if entry.iterations is not None:
            counts = entry.iterations.success, entry.iterations.failed
            assert counts == (len(fates) - fates.count(None), fates.count(None))


@settings(max_examples=examples(40), deadline=None)
@given(cases())
def test_any_workflow_of_loops_runs_as_the_interpreter_has_it(case: Case) -> None:
    for concurrency in (1, 7):
        interpreter = Interpreter(case, concurrency)
        expected = interpreter.run()
        assume(is_definite(interpreter.ends_s, expected.calls))
        observed = run_engine(case, concurrency)
        record = observed.record
        assert observed.at_s == pytest.approx(expected.at_s, abs=APART_S / 10)
        check_calls(expected.calls, observed.calls)
        if expected.how == "failed":
            assert record.error is not None
            assert record.error.code == expected.value.code
            assert expected.value.details.items() <= record.error.details.items()
        else:
            assert record.error is None
            assert expected.value == record.data
        if not any(call.is_cancelled for call in expected.calls):
            check_counts(record, expected.calls, case)
