"""Proves what a response sees of each way in which a run can end, and that making it is bounded work."""

import asyncio
from typing import Any

import pytest

from arcrun.engine.answers.run_response import RunResponse
from arcrun.engine.budget import RunLimits
from fakes.engine import EngineBench, data, failure

pytestmark = pytest.mark.anyio


async def respond(flow: list[str], response: Any, bench: EngineBench | None = None, **more: Any) -> RunResponse | None:
    bench = bench or EngineBench({"a": data({"x": 1}), "b": data({"y": 2}), "bad": failure("BAD", "inner")})
    return (await bench.run(flow, response=response, **more)).response


async def sleep(_: Any) -> Any:
    await asyncio.sleep(1)
    return data(1)


def json_of(response: RunResponse | None) -> tuple[int, Any]:
    assert response is not None
    return response.status, response.content


LOOP = ["input >> FOREACH it IN input.list >> a"]
SEEN = {"a": "{{a.data.x?}}", "b": "{{b.data.y?}}"}


@pytest.mark.parametrize(
    ("flow", "body", "expected"),
    [
        (["input >> PIPE >> a", "a >> PIPE >> b"], SEEN, {"a": 1, "b": 2}),
        (["input >> PIPE >> a", "a >> IF(a.data.x == `2`) >> b"], SEEN, {"a": 1, "b": None}),
        (["input >> PIPE >> a", "a >> IF(a.data.x == `1`) >> stop", "a >> PIPE >> b"], SEEN, {"a": 1, "b": None}),
        (["input >> PIPE >> bad", "bad >> ON_FAIL >> b"], {"e": "{{bad.error.code?}}", **SEEN, "a": 0},
         {"e": "BAD", "a": 0, "b": 2}),
        (LOOP, "{{it.results}}", [{"x": 1}, {"x": 1}]),
        (["input >> PIPE >> a"], ["{{run.id}}", "{{input.list}}", "{{request.method}}"],
         ["01JD00000000000000000000AA", [1, 2], "POST"]),
    ],
)  # fmt: skip
async def test_what_a_response_sees(flow: list[str], body: Any, expected: Any) -> None:
    assert json_of(await respond(flow, {"json": body}, input_value={"list": [1, 2]})) == (200, expected)


@pytest.mark.parametrize(
    ("flow", "more", "code", "node"),
    [
        (["input >> PIPE >> bad"], {}, "BAD", "bad"),
        (["input >> PIPE >> slow"], {"timeout_ms": 50}, "RUN_TIMEOUT", None),
        (["input >> PIPE >> slow"], {"config": {"slow": {"timeout_ms": 50}}}, "NODE_TIMEOUT", "slow"),
        (["input >> FOREACH it IN input.nothing >> a"], {}, "UNRESOLVED_REFERENCE", "input"),
    ],
)
async def test_why_a_run_has_failed(flow: list[str], more: Any, code: str, node: str | None) -> None:
    bench = EngineBench({"a": data(1), "bad": failure("BAD", "inner"), "slow": sleep})
    told = {"code": "{{error.code}}", "node": "{{error.node}}"}
    response = await respond(flow, {"json": "never", "on_failure": {"json": told}}, bench, **more)
    assert json_of(response) == (500, {"code": code, "node": node})


async def test_undos_come_before_the_response_of_the_failure() -> None:
    bench = EngineBench({"a": data(1), "bad": failure(), "back": data(2)})
    record = await bench.run(
        ["input >> PIPE >> a", "a >> PIPE >> bad"],
        config={"a": {"undo": {"component": "back"}}},
        response={"on_failure": {"body": "{{error.code}}"}},
    )
    assert (record.undone, json_of(record.response)) == ("complete", (500, "BAD"))


async def test_on_the_free_plan_its_work_counts() -> None:
    bench = EngineBench({"a": data({"x": "y" * 200_000})}, limits=RunLimits(is_free=True))
    record = await bench.run(["input >> PIPE >> a"], response={"body": "{{a.data.x}}"})
    assert record.error is not None
    assert (record.error.code, json_of(record.response)) == ("CPU_BUDGET", (500, None))


async def test_without_a_response_there_is_none() -> None:
    assert await respond(["input >> PIPE >> a"], {}) == RunResponse(200)
    bench = EngineBench({"a": data(1)})
    assert (await bench.run(["input >> PIPE >> a"])).response is None
