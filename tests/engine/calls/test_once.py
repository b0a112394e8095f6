"""`once` of a node: where it may stand, and how it is stored. What it does: tests/simulation, tests/executor."""

from typing import Any

import pytest

from arcrun.durable.purity import Purity
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import LASTING_FORMAT, load_plan
from fakes.engine import EngineBench, data
from fakes.flows import compile_source, diagnose, flow_of

PAY = {"component": "pay", "once": True}


def source_with(entry: dict[str, Any], *, durable: bool = True, line: str = "PIPE") -> dict[str, Any]:
    return {**flow_of(f"input >> {line} >> a", config={"a": entry}), "durable": durable}


def test_it_survives_storage_in_a_format_of_its_own() -> None:
    plan = require_plan(compile_source(source_with(PAY)))
    assert (plan.to_json()["format"], load_plan(plan.to_json())) == (LASTING_FORMAT, plan)


def test_even_what_reaches_nothing_is_then_a_step_of_its_own_with_a_mark() -> None:
    graph = require_plan(compile_source(source_with(PAY))).graph
    purity = Purity({"pay"})
    assert (purity.is_pure(graph.nodes[0]), purity.count_steps(graph)) == (False, 2)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        pytest.param(
            source_with(PAY, durable=False),
            (
                "INVALID_SETTING",
                "`once` of `a` needs a durable workflow: a run that is not ends with a crash, or begins anew",
            ),
            id="not durable",
        ),
        pytest.param(
            source_with({**PAY, "once": "yes"}),
            ("INVALID_SETTING", "`config.a.once` must be true or false"),
            id="a word",
        ),
        pytest.param(
            source_with({"once": True}, line="CALLS_SUBFLOW"),
            ("UNKNOWN_KEY", "unknown key `once` in `config.a`"),
            id="a called workflow",
        ),
    ],
)
def test_what_a_push_refuses(source: dict[str, Any], told: tuple[str, str]) -> None:
    found = diagnose(source)
    assert [(finding.code, finding.message) for finding in found] == [told]


@pytest.mark.anyio
async def test_in_a_run_that_is_not_durable_it_means_nothing() -> None:
    """As where a quick workflow calls a durable one."""
    inner = {"durable": True, "flow": ["input >> PIPE >> a"], "config": {"a": PAY}}
    bench = EngineBench({"pay": data({"paid": 1})}, workflows={"inner": inner})
    record = await bench.run(["input >> CALLS_SUBFLOW >> inner"], config={"inner": {"input": {}}})
    assert (record.error, record.data) == (None, {"paid": 1})
