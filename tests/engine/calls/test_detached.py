"""`detach`: a node starts a run of its own, whose id is its answer, and does not wait for it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.run_id import derive_run_id, is_run_id, object_of, time_of
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import RateLimitedError
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import LASTING_FORMAT, load_plan
from fakes.engine import RUN_ID, EngineBench, echo
from fakes.flows import compile_source, diagnose, flow_of

pytestmark = pytest.mark.anyio

FLOW = ["input >> CALLS_SUBFLOW >> mail", "mail >> PIPE >> after"]
CONFIG: dict[str, dict[str, Any]] = {
    "mail": {"detach": True, "input": {"to": "{{input.to}}"}},
    "after": {"component": "echo", "got": "{{mail.data}}"},
}


@dataclass
class Starts:
    """Notes what is started. The first `refusals` are refused."""

    refusals: int = 0
    ids: int = 0
    started: list[tuple[str, Any, str, int]] = field(default_factory=list)

    def new_run_id(self) -> str:
        self.ids += 1
        return f"run-{self.ids}"

    async def start_detached(self, workflow: str, value: Any, run_id: str, depth: int) -> None:
        self.started.append((workflow, value, run_id, depth))
        if len(self.started) <= self.refusals:
            raise RateLimitedError(1, "Too many.", "RUN_LIMIT_REACHED")


async def run(starts: Starts | None, flow: list[str], config: Any, value: Any = None) -> tuple[EngineBench, RunRecord]:
    bench = EngineBench({"echo": echo}, workflows={"mail": {"flow": ["input >> PIPE >> echo"]}})
    plan = bench.plan({"name": "w", "flow": flow, "config": config})
    trigger = Trigger(TriggerKind.EXECUTE, value or {"to": "ada"}, depth=2)
    return bench, await bench.engine.run(plan, trigger, RUN_ID, starter=starts)


async def test_its_answer_is_the_id_of_the_run_that_it_starts() -> None:
    starts = Starts()
    bench, record = await run(starts, FLOW, CONFIG)
    assert starts.started == [("mail", {"to": "ada"}, "run-1", 3)]
    assert bench.inputs_of("echo") == [{"got": {"run_id": "run-1"}}]
    mail = record.render_trace()[0]
    assert (mail["input"], mail["output"]) == ({"input": {"to": "ada"}}, {"success": True, "data": {"run_id": "run-1"}})
    assert "trace" not in mail


async def test_a_repetition_starts_the_same_run() -> None:
    starts = Starts(refusals=1)
    retry = {"max_attempts": 2, "initial_ms": 0}
    await run(starts, FLOW, {**CONFIG, "mail": {**CONFIG["mail"], "retry": retry}})
    assert [run_id for _, _, run_id, _ in starts.started] == ["run-1", "run-1"]


async def test_a_start_that_is_refused_fails_the_node() -> None:
    _, record = await run(Starts(refusals=1), FLOW, CONFIG)
    assert record.error is not None
    assert (record.error.code, record.error.details["node"]) == ("RUN_LIMIT_REACHED", "mail")


async def test_each_element_starts_its_own() -> None:
    starts = Starts()
    config = {"mail": {"detach": True, "input": "{{n}}"}}
    await run(
        starts, ["input >> FOREACH n IN input.list >> echo", "echo >> CALLS_SUBFLOW >> mail"], config, {"list": [1, 2]}
    )
    assert [(value, run_id) for _, value, run_id, _ in starts.started] == [(1, "run-1"), (2, "run-2")]


async def test_where_nothing_can_be_started_the_node_says_so() -> None:
    _, record = await run(None, FLOW, CONFIG)
    assert record.error is not None
    assert record.error.code == "DETACH_NOT_AVAILABLE"


def test_a_derived_id_is_always_the_same_and_lies_with_its_runs() -> None:
    now_ms = time_of(RUN_ID) + 86_400_000.5
    derived = derive_run_id(RUN_ID, "mail[3]", now_ms)
    assert derived == derive_run_id(RUN_ID, "mail[3]", now_ms)
    assert (is_run_id(derived), object_of(derived), time_of(derived)) == (True, object_of(RUN_ID), int(now_ms))
    assert len({derive_run_id(RUN_ID, f"mail[{i}]", now_ms) for i in range(1_000)}) == 1_000


@pytest.mark.parametrize(
    ("line", "entry", "told"),
    [
        ("CALLS_SUBFLOW", {"detach": "yes"}, ("INVALID_SETTING", "`config.a.detach` must be true or false")),
        (
            "CALLS_SUBFLOW",
            {"undo": {"workflow": "other", "input": {}, "detach": True}},
            ("UNKNOWN_KEY", "unknown key `detach` in `config.a.undo`"),
        ),
    ],
)
def test_what_a_push_refuses(line: str, entry: dict[str, Any], told: tuple[str, str]) -> None:
    [found] = diagnose(flow_of(f"input >> {line} >> a", config={"a": entry}))
    assert (found.code, found.message) == told


def test_such_a_plan_has_a_format_of_its_own() -> None:
    plan = require_plan(compile_source(flow_of("input >> CALLS_SUBFLOW >> a", config={"a": {"detach": True}})))
    assert (plan.to_json()["format"], load_plan(plan.to_json())) == (LASTING_FORMAT, plan)
