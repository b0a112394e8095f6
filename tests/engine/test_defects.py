"""The defects of arcrun's predecessor, one test each, which fails if the defect is present."""

from typing import Any

import pytest

from arcrun.errors import WorkflowError
from fakes.engine import EngineBench, data, echo, failure, in_turn, statuses

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "line", ["a >> b", "a > PIPE > b", "a >> PIPE", "a >> PIPE >> b >> PIPE >> c", "", "just words"]
)
async def test_a_malformed_line_is_not_dropped(line: str) -> None:
    bench = EngineBench({"a": echo, "b": echo, "c": echo})
    with pytest.raises(WorkflowError) as caught:
        await bench.run(["input >> PIPE >> a", line])
    assert [found["code"] for found in caught.value.details["diagnostics"]] == ["MALFORMED_LINE"]


async def test_an_unknown_relation_is_not_taken_for_pipe() -> None:
    bench = EngineBench({"a": echo, "b": echo})
    with pytest.raises(WorkflowError) as caught:
        await bench.run(["input >> PIPE >> a", "a >> ON_SUCCES >> b"])
    [found] = caught.value.details["diagnostics"]
    assert (found["code"], found["hint"]) == ("UNKNOWN_RELATION", "Did you mean ON_SUCCESS?")
    assert bench.components.calls == []


async def test_the_result_of_one_branch_does_not_leak_into_the_other() -> None:
    """Neither through filled-in fields, nor through a template."""
    branches = ["input >> PIPE >> a", "input >> PIPE >> b"]
    bench = EngineBench({"a": data({"text": "of a"}), "b": echo, "c": echo}, {"b": ["text"], "c": ["text"]})
    await bench.run([*branches, "b >> PIPE >> c"])
    assert (bench.inputs_of("b"), bench.inputs_of("c")) == ([{}], [{}])
    with pytest.raises(WorkflowError, match="does not run before"):
        await bench.run(branches, config={"b": {"got": "{{a.data.text}}"}})


async def test_a_join_does_not_run_once_for_each_parent() -> None:
    bench = EngineBench({"a": echo, "b": echo, "join": echo})
    lines = ["input >> PIPE >> a", "input >> PIPE >> b", "a >> PIPE >> join", "b >> PIPE >> join"]
    await bench.run(lines)
    assert len(bench.inputs_of("join")) == 1


@pytest.mark.parametrize("given", [{}, {"same": 1}])
async def test_nodes_whose_data_look_alike_all_run(given: dict[str, Any]) -> None:
    bench = EngineBench({"echo": echo})
    names = ("a", "b", "c")
    flow = [f"{one} >> PIPE >> {two}" for one, two in zip(("input", *names[:-1]), names, strict=True)]
    record = await bench.run(flow, config={name: {"component": "echo", **given} for name in names})
    assert bench.inputs_of("echo") == [given] * 3
    assert statuses(record) == dict.fromkeys(names, "success")


async def test_elements_that_look_alike_all_run() -> None:
    bench = EngineBench({"a": echo})
    await bench.run(["input >> FOREACH x IN input.list >> a"], {"list": [1, 1, 1]}, config={"a": {"n": "{{x}}"}})
    assert bench.inputs_of("a") == [{"n": 1}] * 3


async def test_a_failed_node_can_be_tried_again() -> None:
    bench = EngineBench({"a": in_turn(failure(retriable=True), data("mended"))})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"retry": {"max_attempts": 2}}})
    assert (record.data, record.trace[0].attempts) == ("mended", 2)


async def test_a_reference_that_is_missing_is_not_left_in_the_text() -> None:
    bench = EngineBench({"a": echo})
    record = await bench.run(["input >> PIPE >> a"], config={"a": {"text": "Hello {{input.name}}"}})
    assert record.error is not None
    assert record.error.code == "UNRESOLVED_REFERENCE"
    assert bench.inputs_of("a") == []
