"""Tools of a language model: what it calls is run like any node, bounded, recorded, and told to it.

What cannot be called, or fails, is told to it, too.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.limits import MAX_TOOL_CALLS, MAX_TOOL_RESULT_CHARACTERS, MAX_TOOL_ROUNDS
from fakes.components import Input
from fakes.engine import EngineBench, data, echo, failure

pytestmark = pytest.mark.anyio

FLOW = ["input >> PIPE >> ask", "ask >> PIPE >> output"]
SCHEMA = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
FIND = {"component": "find", "description": "Finds.", "input_schema": SCHEMA, "config": {"table": "{{input.table}}"}}
CALLED = {"flow": ["input >> PIPE >> find", "find >> PIPE >> output"], "config": {"find": {"id": "{{input.id}}"}}}


def calling(*calls: tuple[str, Any], **more: Any) -> Mapping[str, Any]:
    """What `llm` answers if the model calls tools, with their names and inputs."""
    listed = [{"id": f"c{number}", "name": name, "input": value} for number, (name, value) in enumerate(calls)]
    usage = {"input_tokens": 10, "output_tokens": 2}
    return data({"text": "", "tool_calls": listed, "said": {"role": "assistant"}, "usage": usage, "cost": 0.1, **more})


def saying(text: str) -> Mapping[str, Any]:
    return data({"text": text, "usage": {"input_tokens": 20, "output_tokens": 3}, "cost": 0.2})


class Model:
    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self._answers = list(answers)

    async def __call__(self, _given: Input) -> Mapping[str, Any]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def ask(model: Model, tools: Mapping[str, Any], find: Any = echo, **more: Any) -> tuple[EngineBench, Any]:
    bench = EngineBench({"llm": model, "find": find}, workflows={"called": CALLED, **more.pop("workflows", {})})
    config = {"ask": {"component": "llm", "prompt": "Where is it?", "tools": tools, **more}}
    return bench, await bench.run(FLOW, {"table": "orders"}, config=config)


def results_of(bench: EngineBench, number: int = 1) -> list[Any]:
    """What the model was told in a round."""
    results: list[Any] = bench.inputs_of("llm")[number]["turns"][-1]["results"]
    return results


async def test_a_component_gets_its_config_and_what_the_model_gives() -> None:
    model = Model(calling(("find", {"id": 7, "table": "secrets", "other": 1})), saying("Here."))
    bench, record = await ask(model, {"find": FIND})
    assert record.error is None
    assert bench.inputs_of("find") == [{"id": 7, "table": "orders"}]
    first, second = bench.inputs_of("llm")
    assert first["tools"] == [{"name": "find", "description": "Finds.", "input_schema": SCHEMA}]
    assert "turns" not in first
    told = {"id": "c0", "name": "find", "content": '{"id": 7, "table": "orders"}'}
    assert second["turns"] == [{"said": {"role": "assistant"}, "results": [told]}]
    answer = record.data
    assert answer["text"] == "Here."
    assert (answer["usage"], answer["cost"]) == ({"input_tokens": 30, "output_tokens": 5}, pytest.approx(0.3))


async def test_each_call_has_a_record() -> None:
    _, record = await ask(Model(calling(("find", {"id": 7}), ("find", {"id": 8})), saying("Here.")), {"find": FIND})
    entry = next(entry for entry in record.trace if entry.node == "ask")
    told = entry.to_json()["rounds"]
    assert [(it["node"], it["status"]) for it in told["trace"]] == [
        ("ask", "success"),
        ("ask.find", "success"),
        ("ask.find", "success"),
        ("ask", "success"),
    ]
    assert told["trace"][2]["input"] == {"id": 8, "table": "orders"}
    assert (entry.attempts, entry.output["data"]["text"]) == (2, "Here.")


@pytest.mark.parametrize("has_schema", [True, False], ids=["the tool's schema", "the workflow's"])
async def test_a_workflow_is_called_with_what_the_model_gives(has_schema: bool) -> None:
    tool = {"workflow": "called", "description": "Finds.", **({"input_schema": SCHEMA} if has_schema else {})}
    workflows = {"called": CALLED if has_schema else {**CALLED, "input_schema": SCHEMA}}
    bench, record = await ask(Model(calling(("find", {"id": 7})), saying("Here.")), {"find": tool}, workflows=workflows)
    assert record.error is None
    assert bench.inputs_of("llm")[0]["tools"][0]["input_schema"] == SCHEMA
    assert results_of(bench) == [{"id": "c0", "name": "find", "content": '{"id": 7}'}]
    rounds = next(entry for entry in record.trace if entry.node == "ask").to_json()["rounds"]["trace"]
    assert [it["node"] for it in rounds[1]["trace"]] == ["find"]


async def test_a_workflow_that_does_not_say_what_it_takes() -> None:
    _, record = await ask(Model(saying("Here.")), {"find": {"workflow": "called", "description": "Finds."}})
    assert record.error.code == "TOOL_WITHOUT_SCHEMA"


async def find_nothing(_given: Input) -> Mapping[str, Any]:
    return failure("NOT_FOUND", "There is no such order.")


async def test_a_tool_that_fails_is_told_so() -> None:
    bench, record = await ask(Model(calling(("find", {"id": 7})), saying("No.")), {"find": FIND}, find_nothing)
    assert record.error is None
    [result] = results_of(bench)
    assert result["is_error"] is True
    assert json.loads(result["content"]) == {"error": {"code": "NOT_FOUND", "message": "There is no such order."}}


async def test_a_call_that_cannot_be_made_is_told_so_and_is_none() -> None:
    answer = calling(("fnd", {"id": 7}), ("find", {"id": "x"}))
    answer["data"]["tool_calls"][1]["problem"] = "The input does not fit."
    bench, record = await ask(Model(answer, saying("No.")), {"find": FIND})
    assert record.error is None
    assert bench.inputs_of("find") == []
    assert [(it["content"][:24], it["is_error"]) for it in results_of(bench)] == [
        ("There is no such tool, o", True),
        ("The input does not fit.", True),
    ]


async def test_a_model_that_never_answers() -> None:
    bench, record = await ask(Model(calling(("find", {"id": 7}))), {"find": FIND})
    assert (record.error.code, record.error.details["node"]) == ("TOOLS_EXHAUSTED", "ask")
    assert len(bench.inputs_of("llm")) == MAX_TOOL_ROUNDS
    assert len(bench.inputs_of("find")) == MAX_TOOL_ROUNDS - 1


async def test_a_model_that_calls_too_much() -> None:
    bench, record = await ask(Model(calling(*[("find", {"id": 7})] * (MAX_TOOL_CALLS + 1))), {"find": FIND})
    assert record.error.code == "TOOLS_EXHAUSTED"
    assert len(bench.inputs_of("find")) == MAX_TOOL_CALLS


async def answer_much(_given: Input) -> Mapping[str, Any]:
    return data("x" * 2 * MAX_TOOL_RESULT_CHARACTERS)


async def test_a_large_result_is_cut() -> None:
    bench, _ = await ask(Model(calling(("find", {"id": 7})), saying("Much.")), {"find": FIND}, answer_much)
    [result] = results_of(bench)
    assert len(result["content"]) < MAX_TOOL_RESULT_CHARACTERS + 100
    assert result["content"].endswith(f"(cut: it has {2 * MAX_TOOL_RESULT_CHARACTERS + 2} characters)")


async def test_a_failing_model_fails_the_node() -> None:
    _, record = await ask(Model(failure("RATE_LIMITED", retriable=True)), {"find": FIND})
    assert (record.error.code, record.error.details["node"]) == ("RATE_LIMITED", "ask")
