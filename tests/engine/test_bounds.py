"""Everything that a run creates, holds, answers and reports is bounded, while it is created."""

import json
import tracemalloc
from typing import Any

import pytest

from arcrun.engine.context import LiveValues
from arcrun.engine.record import NodeRecord, RunRecord
from arcrun.engine.truncation import PREVIEW_CHARACTERS
from arcrun.limits import MAX_ANSWER_BYTES, MAX_INPUT_BYTES, MAX_JSON_VALUES, MAX_LIVE_BYTES, MAX_TRACE_BYTES, MIB
from fakes.engine import EngineBench, data, echo, failure, statuses

pytestmark = pytest.mark.anyio

ONE_BY_ONE = {"input": {"foreach": {"concurrency": 1}}}
PIPE = ["input >> PIPE >> a", "a >> PIPE >> output"]


def code_of(record: RunRecord) -> str | None:
    return record.error.code if record.error else None


async def run(bench: EngineBench, flow: list[str], given: Any, config: Any) -> RunRecord:
    """A run that may take at most 60 MB of additional memory."""
    tracemalloc.start()
    record = await bench.run(flow, given, config=config)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60 * MIB
    return record


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"x": ["{{input.text}}"] * 200}, id="references"),
        pytest.param({"x": "{{input.text}}" * 200}, id="in one text"),
        pytest.param({f"x{i}": "-{{input.text}}" for i in range(200)}, id="in many texts"),
        pytest.param({"x": {f"{{{{input.text}}}}{i}": 1 for i in range(200)}}, id="in keys"),
        pytest.param({"x": ["{{input}}"] * 200}, id="an object"),
        pytest.param({"x": ['{{input.text | replace("x", "yyy")}}'] * 200}, id="through filters"),
        pytest.param({"x": ["{{input.many}}"] * 200}, id="many small values"),
        pytest.param({"x": ["{{input.missing | default(input.text)}}"] * 200}, id="defaults"),
    ],
)
async def test_a_rendered_input_is_bounded_while_it_is_rendered(config: Any) -> None:
    given = {"text": "x" * MIB, "many": [0] * 9_000}
    bench = EngineBench({"a": echo})
    assert code_of(await run(bench, PIPE, given, {"a": config})) == "INPUT_TOO_LARGE"
    assert bench.inputs_of("a") == []


@pytest.mark.parametrize(
    ("size", "code"), [(MAX_INPUT_BYTES - 100, None), (MAX_INPUT_BYTES, None), (MAX_INPUT_BYTES + 1, "INPUT_TOO_LARGE")]
)
async def test_a_text_may_be_as_large_as_the_bound(size: int, code: str | None) -> None:
    config = {"a": {"x": "{{input.text}}"}}
    assert code_of(await EngineBench({"a": data(1)}).run(PIPE, {"text": "x" * size}, config=config)) == code


async def test_what_a_node_takes_and_what_a_workflow_is_given_are_bounded_too() -> None:
    given = {"x": ["x" * MIB] * 5}
    bench = EngineBench({"a": echo}, schemas={"a": ["x"]}, workflows={"inner": {"flow": PIPE}})
    taking = {"a": {"take": "input"}}
    assert code_of(await run(bench, PIPE, given, taking)) == "INPUT_TOO_LARGE"
    calling = {"a": {"workflow": "inner", "input": "{{input}}"}}
    assert code_of(await run(bench, ["input >> CALLS_SUBFLOW >> a"], given, calling)) == "INPUT_TOO_LARGE"


async def test_a_handler_gets_the_failure() -> None:
    flow = ["input >> PIPE >> a", "a >> ON_FAIL >> b", "b >> PIPE >> output"]
    config = {"a": {"x": "{{input.x}}{{input.x}}"}, "b": {"code": "{{a.error.code}}"}}
    record = await EngineBench({"a": echo, "b": echo}).run(flow, {"x": "x" * 3 * MIB}, config=config)
    assert record.data == {"code": "INPUT_TOO_LARGE"}


@pytest.mark.parametrize(("count", "code"), [(2, None), (3, "ANSWER_TOO_LARGE")])
async def test_an_answer_is_bounded(count: int, code: str | None) -> None:
    names = [f"n{i}" for i in range(count)]
    flow = [line for name in names for line in (f"input >> PIPE >> {name}", f"{name} >> PIPE >> output")]
    bench = EngineBench(dict.fromkeys(names, data("x" * 3 * MIB)))
    assert code_of(await run(bench, flow, {}, {})) == code
    assert 3 * 3 * MIB > MAX_ANSWER_BYTES


async def test_what_a_loop_gathers_is_bounded() -> None:
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> output"]
    bench = EngineBench({"a": data("x" * 2 * MIB)})
    assert code_of(await run(bench, flow, {"items": list(range(100))}, ONE_BY_ONE)) == "RUN_TOO_LARGE"
    assert len(bench.inputs_of("a")) == MAX_LIVE_BYTES // (2 * MIB)


async def test_what_a_loop_holds_of_failures_is_bounded() -> None:
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> b"]
    bench = EngineBench({"a": failure(message="x" * MIB), "b": echo})
    config = {"input": {"foreach": {"on_error": "continue", "concurrency": 1}}, "b": {"n": "{{x.errors | length}}"}}
    record = await bench.run(flow, {"items": list(range(40))}, config=config)
    assert (code_of(record), record.data) == (None, {"n": 40})
    assert record.bytes < MIB


async def test_values_go_with_the_graph_that_held_them() -> None:
    """Six iterations, each of which holds half of what a run may."""
    flow = ["input >> FOREACH x IN input.items >> a", "a >> PIPE >> b", "input >> CONTINUE >> output"]
    bench = EngineBench({"a": data("x" * (MAX_LIVE_BYTES // 2)), "b": data(1)})
    record = await bench.run(flow, {"items": list(range(6))}, config=ONE_BY_ONE)
    assert (code_of(record), record.data) == (None, [1] * 6)


async def test_values_of_a_workflow_that_was_called_go_with_it() -> None:
    inner = {"flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> output"]}
    bench = EngineBench({"a": data("x" * (MAX_LIVE_BYTES // 2)), "b": data(1)}, workflows={"inner": inner})
    flow = [f"{before} >> CALLS_SUBFLOW >> s{i}" for i, before in enumerate(["input", *(f"s{i}" for i in range(3))])]
    record = await bench.run(flow, {}, config={f"s{i}": {"workflow": "inner"} for i in range(4)})
    assert (code_of(record), record.data) == (None, 1)


async def test_what_is_handed_on_as_it_is_counts_once() -> None:
    """Through eight nested workflows."""
    value = {"text": "x" * (3 * MIB)}
    workflows: dict[str, Any] = {
        f"w{i}": {
            "flow": ["input >> CALLS_SUBFLOW >> next", "next >> PIPE >> output"],
            "config": {"next": {"workflow": f"w{i + 1}", "input": "{{input}}"}},
        }
        for i in range(7)
    }
    workflows["w7"] = {"flow": PIPE, "config": {"a": {"n": "{{input.text | length}}"}}}
    config = {"s": {"workflow": "w0", "input": "{{input}}"}}
    record = await EngineBench({"a": echo}, workflows=workflows).run(
        ["input >> CALLS_SUBFLOW >> s"], value, config=config
    )
    assert (code_of(record), record.data) == (None, {"n": 3 * MIB})


async def test_inputs_in_the_making_count() -> None:
    """64 elements at once, each of which renders 3 MiB of text."""
    flow = ["input >> FOREACH x IN input.items >> a", "input >> CONTINUE >> output"]
    bench = EngineBench({"a": data(1)})
    config: dict[str, Any] = {"a": {"text": "{{x}}{{input.text}}"}, "input": {"foreach": {"concurrency": 64}}}
    given = {"items": list(range(64)), "text": "x" * 3 * MIB}
    record = await bench.run(flow, given, config=config, concurrency=64)
    assert code_of(record) == "RUN_TOO_LARGE"
    one_by_one = await bench.run(flow, given, config=config | ONE_BY_ONE)
    assert (code_of(one_by_one), one_by_one.data) == (None, [1] * 64)


def test_what_is_given_back_can_be_taken_again() -> None:
    live = LiveValues()
    for _ in range(10):
        live.take(MAX_LIVE_BYTES)
        with pytest.raises(Exception, match="more than 16 MiB"):
            live.take(1)
        live.give_back(MAX_LIVE_BYTES)


async def test_numbers_count_more_than_their_digits() -> None:
    """A list of small numbers takes more memory than a string."""
    nodes = [f"n{i}" for i in range(4)]
    flow = [f"input >> PIPE >> {name}" for name in nodes]
    record = await EngineBench(dict.fromkeys(nodes, data([[]] * (MAX_JSON_VALUES // 2 - 10)))).run(flow)
    assert code_of(record) == "RUN_TOO_LARGE"


def trace_bytes(record: RunRecord) -> int:
    return len(json.dumps(record.render_trace(), ensure_ascii=False))


@pytest.mark.parametrize("text", [pytest.param("x" * 50_000, id="large"), pytest.param("x" * 3_000, id="small")])
async def test_a_trace_is_bounded(text: str) -> None:
    names = [f"n{i}" for i in range(300)]
    flow = [f"{before} >> PIPE >> {name}" for before, name in zip(["input", *names], names, strict=False)]
    bench = EngineBench(dict.fromkeys(names, echo))
    given = {"text": text[: MAX_LIVE_BYTES // 1000]}
    record = await bench.run(flow, given, config={name: {"x": "{{input.text}}"} for name in names})
    assert code_of(record) is None
    assert MAX_TRACE_BYTES // 2 < trace_bytes(record) < MAX_TRACE_BYTES * 1.4
    last: Any = record.render_trace()[-1]
    assert (last["status"], last["input"]["_truncated"], "preview" in last["input"]) == ("success", True, False)
    assert last["input"]["bytes"] == len(json.dumps({"x": given["text"]}))


async def test_the_traces_of_workflows_share_the_bound() -> None:
    names = [f"n{i}" for i in range(60)]
    inner = {
        "flow": [f"{before} >> PIPE >> {name}" for before, name in zip(["input", *names], names, strict=False)],
        "config": {name: {"x": "{{input}}"} for name in names},
    }
    calls = [f"s{i}" for i in range(20)]
    bench = EngineBench(dict.fromkeys(names, echo), workflows={"inner": inner})
    flow = [f"input >> CALLS_SUBFLOW >> {name}" for name in calls]
    config = {name: {"workflow": "inner", "input": "x" * 1_000} for name in calls}
    record = await bench.run(flow, {}, config=config, concurrency=1)
    assert code_of(record) is None
    assert trace_bytes(record) < MAX_TRACE_BYTES * 1.4
    assert any(entry.get("trace") == {"_truncated": True, "entries": 60} for entry in record.render_trace())


async def test_a_secret_that_a_preview_cuts_is_scrubbed() -> None:
    """Also if it is read after the value was cut."""
    secret = "S3cr3t" * 60
    given = {"x": "-" * (PREVIEW_CHARACTERS - 100) + secret + "-" * MAX_TRACE_BYTES}
    flow = ["input >> PIPE >> a", "a >> PIPE >> b"]
    config = {"a": {"x": "{{input.x}}"}, "b": {"x": "{{credential.key}}"}}
    record = await EngineBench({"a": echo, "b": data(1)}, secrets={"key": secret}).run(flow, given, config=config)
    entry = shown(record.trace[0])
    assert statuses(record) == {"a": "success", "b": "success"}
    assert "[REDACTED]" in entry["input"]["preview"]
    assert "S3cr3t" not in json.dumps(entry)


async def test_of_a_secret_longer_than_what_is_kept_nothing_is_shown() -> None:
    secret = "".join(f"{i:05}" for i in range(8_000))
    flow = ["input >> PIPE >> a", "a >> PIPE >> b"]
    config = {"a": {"x": "{{input.x}}"}, "b": {"x": "{{credential.key}}"}}
    bench = EngineBench({"a": echo, "b": data(1)}, secrets={"key": secret})
    record = await bench.run(flow, {"x": "-" * 500 + secret + "-" * MAX_TRACE_BYTES}, config=config)
    assert shown(record.trace[0])["input"]["preview"] == "[REDACTED]"


async def test_values_are_whole_while_the_record_has_room() -> None:
    """Two values of 300 KiB, each as a node's output and the next one's input; there is no room for the fourth."""
    flow = ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"]
    config = {name: {"x": "{{input.x}}"} for name in "abc"}
    record = await EngineBench({"a": data(1), "b": echo, "c": data(2)}).run(flow, {"x": "-" * 300_000}, config=config)
    cut = [
        {key for key in ("input", "output") if "_truncated" in entry[key]}
        for entry in (shown(it) for it in record.trace)
    ]
    assert cut == [set(), set(), {"input"}]
    assert shown(record.trace[2])["output"]["data"] == 2
    assert trace_bytes(record) < MAX_TRACE_BYTES


def shown(record: NodeRecord) -> Any:
    return record.to_json()
