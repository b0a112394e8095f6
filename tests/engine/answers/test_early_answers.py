"""Lines to `respond`: what is answered before the run's end, once, and that the run goes on."""

from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.engine.answers.run_response import RunResponse
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from fakes.engine import RUN_ID, EngineBench, data, failure, statuses, taking

pytestmark = pytest.mark.anyio

SECRET = "s3cr3t-of-the-shop"
BENCH: Mapping[str, Any] = {
    "a": taking(10, data({"x": 1})),
    "b": taking(50, data({"y": 2})),
    "c": data("c"),
    "large": data({"x": "x" * 11_000_000}),
    "bad": failure("BAD"),
    "tell": taking(10),
}
ON = ["input >> PIPE >> a", "a >> PIPE >> respond", "a >> PIPE >> b"]


async def run(flow: list[str], **more: Any) -> tuple[list[RunRecord], RunRecord]:
    """What was answered early, and the record of the run."""
    bench = EngineBench(BENCH, workflows=more.pop("workflows", {}), secrets={"shop": SECRET})
    early: list[RunRecord] = []
    trigger = Trigger(TriggerKind.WEBHOOK, more.pop("input", {}), answer_early=early.append)
    plan = bench.plan({"name": "w", "flow": flow, **more})
    return early, await bench.engine.run(plan, trigger, RUN_ID, version=3)


async def test_the_first_line_answers_and_the_run_goes_on() -> None:
    [early], record = await run(ON)
    assert (early.data, early.duration_ms, early.error) == ({"x": 1}, 10, None)
    assert (record.data, record.duration_ms, record.error) == ({"y": 2}, 60, None)
    assert (early.run_id, early.workflow, early.version, statuses(early)) == (RUN_ID, "w", 3, {"a": "success"})


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        pytest.param(["input >> PIPE >> respond", "input >> PIPE >> b"], [{}], id="at once"),
        pytest.param([*ON, "b >> PIPE >> respond"], [{"x": 1}], id="once"),
        pytest.param(
            ["input >> PIPE >> b", "b >> PIPE >> respond", "input >> PIPE >> a", "a >> PIPE >> respond"],
            [{"x": 1}],
            id="the faster of two",
        ),
        pytest.param(["input >> PIPE >> a", "a >> IF(a.data.x == `2`) >> respond"], [], id="a line that does not fire"),
        pytest.param(
            ["input >> PIPE >> bad", "bad >> PIPE >> respond", "bad >> ON_FAIL >> a"], [], id="after a failure"
        ),
        pytest.param(["input >> PIPE >> a", "a >> PIPE >> respond", "a >> PIPE >> stop"], [{"x": 1}], id="before stop"),
        pytest.param(
            ["input >> FOREACH i IN input.list >> c", "input >> CONTINUE >> respond"], [["c", "c"]], id="a loop"
        ),
    ],
)
async def test_what_is_answered(flow: list[str], expected: list[Any]) -> None:
    given = {"list": [1, 2]} if "FOREACH" in flow[0] else {}
    early, record = await run(flow, input=given)
    assert ([answer.data for answer in early], record.error) == (expected, None)


async def test_the_response_is_made_then_of_what_has_ended() -> None:
    response = {"status": 201, "json": {"a": "{{a.data.x}}", "b": "{{b.data.y?}}"}}
    [early], record = await run(ON, response=response)
    assert early.response == RunResponse(201, kind="json", content={"a": 1, "b": None})
    assert (record.response, record.data) == (early.response, {"y": 2})


async def test_a_failure_afterwards_is_in_the_record_only() -> None:
    flow = ["input >> PIPE >> a", "a >> PIPE >> respond", "a >> PIPE >> bad"]
    [early], record = await run(flow, response={"json": "{{a.data.x}}", "on_failure": {"status": 503}})
    assert record.error is not None
    assert (record.error.code, record.response, early.error) == ("BAD", early.response, None)
    assert record.response == RunResponse(200, kind="json", content=1)


@pytest.mark.parametrize(
    ("flow", "response", "code"),
    [
        pytest.param(ON, {"json": "{{b.data.y}}"}, "RESPONSE_FAILED", id="it reads what has not ended"),
        pytest.param(["input >> PIPE >> large", "large >> PIPE >> respond"], None, "ANSWER_TOO_LARGE", id="too large"),
    ],
)
async def test_an_answer_that_cannot_be_made_fails_the_run(flow: list[str], response: Any, code: str) -> None:
    early, record = await run(flow, **({"response": response} if response else {}))
    assert record.error is not None
    assert (early, record.error.code) == ([], code)
    assert record.response == (RunResponse(500) if response else None)


async def test_secrets_are_not_answered() -> None:
    flow = ["input >> PIPE >> tell", "tell >> PIPE >> respond", "tell >> PIPE >> a"]
    [early], _ = await run(flow, config={"tell": {"key": "Bearer {{credential.shop}}"}})
    assert SECRET not in str(early)
    assert "Bearer" in str(early.data)


async def test_in_a_sub_workflow_it_changes_nothing() -> None:
    early, record = await run(["input >> CALLS_SUBFLOW >> sub"], workflows={"sub": {"flow": ON}})
    assert (early, record.data) == ([], {"y": 2})


async def test_without_a_client_the_run_is_the_same() -> None:
    record = await EngineBench(BENCH).run(ON, response={"json": "{{b.data.y?}}"})
    assert (record.data, record.response) == ({"y": 2}, RunResponse(200, kind="json"))
