"""Of any workflow: a replay from any node comes to what the run came to, and a retry to what the run would have come to
had nothing failed; neither calls anything that it has taken over.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from engine.test_properties import Case, cases, render, render_config
from hypothesis import event, given, settings
from hypothesis import strategies as st

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ConflictError
from arcrun.replays.choice import Taken, take_before, take_succeeded
from arcrun.replays.needs import require_known
from arcrun.replays.replay import Replay
from arcrun.workflows.plan import Plan
from fakes.components import Input
from fakes.engine import RUN_ID, EngineBench, data, failure, statuses
from fakes.ports.searches import examples
from fakes.ports.virtual_time import VirtualTimeLoop

COUNTS = {"counts": [list(range(count)) for count in range(4)]}


class Runs:
    """Runs of one case. `calls` has the names of the nodes that were called in the last one; `down` fails."""

    def __init__(self, case: Case, concurrency: int) -> None:
        self._case, self.down = case, ""
        self.calls: list[str] = []
        bench = self._bench = EngineBench({"any": self._behave})
        config = dict(render_config(case, case.root, concurrency))
        flow = list(render(case.root))
        self.plan: Plan = bench.plan({"name": "w", "flow": flow, "config": config, "concurrency": concurrency})

    async def _behave(self, given: Input) -> Mapping[str, Any]:
        name, number = given["name"], given.get("number")
        self.calls.append(name)
        fate = self._case.fate(name, tuple(given["path"]), number or 0)
        await asyncio.sleep(fate.duration_ms / 1000)
        if fate.data is None or name == self.down:
            return failure()
        return data(fate.data if number is None else {**fate.data, "next": number + 1})

    def run(self, taken: Taken | None = None) -> RunRecord:
        self.calls = []
        replay = None if taken is None else Replay("origin", taken.nodes, taken.loops, taken.stopped)
        trigger = Trigger(TriggerKind.REPLAY, COUNTS, replay=replay)
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(self._bench.engine.run(self.plan, trigger, RUN_ID))


def stored(record: RunRecord) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(json.dumps(record.to_stored()))
    return told


def is_possible(plan: Plan, taken: Taken) -> bool:
    try:
        require_known(plan, taken)
    except ConflictError:
        return False
    return True


@settings(max_examples=examples(60), deadline=None)
@given(cases(), st.sampled_from([1, 7]))
def test_a_replay_comes_to_what_its_origin_came_to(case: Case, concurrency: int) -> None:
    runs = Runs(case, concurrency)
    origin = runs.run()
    if origin.error is not None:
        return
    for name in case.root.parents:
        taken = take_before(runs.plan, stored(origin), name)
        if not is_possible(runs.plan, taken):
            event("not possible")
            continue
        event("taken over" if taken.nodes else "whole")
        replayed = runs.run(taken)
        assert (replayed.error, replayed.data) == (None, origin.data)
        assert statuses(replayed) == statuses(origin)
        assert not taken.nodes.keys() & set(runs.calls)
        assert {entry.node for entry in replayed.trace if entry.is_taken_over} == taken.nodes.keys()


@settings(max_examples=examples(60), deadline=None)
@given(cases(), st.sampled_from([1, 7]), st.data())
def test_a_retry_comes_to_what_a_run_without_the_failure_comes_to(
    case: Case, concurrency: int, choice: st.DataObject
) -> None:
    runs = Runs(case, concurrency)
    names = [
        name for name in case.root.all_nodes() if not any(f"{name} >> ON_FAIL" in line for line in render(case.root))
    ]
    if not names:
        return
    whole = runs.run()
    runs.down = choice.draw(st.sampled_from(names))
    origin = runs.run()
    if origin.error is None:
        return
    runs.down = ""
    taken = take_succeeded(runs.plan, stored(origin))
    if not is_possible(runs.plan, taken):
        event("not possible")
        return
    event("taken over" if taken.nodes else "whole")
    retried = runs.run(taken)
    assert not taken.nodes.keys() & set(runs.calls)
    assert (retried.error is None) == (whole.error is None)
    if whole.error is None:
        assert (retried.data, statuses(retried)) == (whole.data, statuses(whole))
