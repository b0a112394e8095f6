"""How many of the platform's steps a durable workflow says that it takes, and how many a run of it then takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.components import echo, exited
from fakes.executor import Script, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

COMPONENTS = Path(__file__).parents[3] / "components"
CONTRACTS = {
    name: yaml.safe_load((COMPONENTS / name / "contract.yaml").read_text(encoding="utf-8"))
    for name in ("wait", "wait_for", "approve", "http_request", "llm", "set")
}
SEND = {"component": "http_request", "url": "https://shop.test/"}
SET = {"component": "set", "values": {"n": 1}}
INPUT = {"items": [1, 2, 3], "lists": [[1, 2], [3]]}
INNER = {"name": "inner", "flow": ["input >> PIPE >> a", "a >> PIPE >> b"], "config": {"a": SEND, "b": SEND}}
MODEL = {"component": "llm", "service": "openai", "model": "m", "prompt": "Hi", "base_url": "https://models.test/v1"}
SENDING = {
    "component": "http_request",
    "description": "Sends.",
    "input_schema": {"type": "object", "properties": {"url": {"type": "string"}}},
}
REPEAT = {"until": "r.rounds == `3`", "max": 3}


def case(text: str, taken: int, flow: list[str], name: str, **config: Any) -> Any:
    return pytest.param(text, taken, flow, config, id=name)


CASES = [
    case("1", 1, ["input >> PIPE >> a", "a >> PIPE >> b"], "a stretch", a=SET, b=SET),
    case("2", 2, ["input >> PIPE >> a", "input >> PIPE >> b"], "side by side", a=SET, b=SET),
    case("3", 3, ["input >> PIPE >> a", "a >> PIPE >> b", "b >> PIPE >> c"], "a chain", a=SET, b=SEND, c=SET),
    case("1", 1, ["input >> PIPE >> w"], "a wait", w={"component": "wait", "ms": 50}),
    case(
        "2",
        2,
        ["input >> PIPE >> w"],
        "a wait for a time in a zone",
        w={"component": "wait", "until": "2026-12-24 18:00", "zone": "Europe/Berlin"},
    ),
    case("1 for each element of input.items", 3, ["input >> FOREACH n IN input.items >> a"], "a loop", a=SEND),
    case(
        "1 + 2 for each element of input.items",
        7,
        ["input >> PIPE >> a", "a >> FOREACH n IN input.items >> b", "b >> PIPE >> c"],
        "beside a loop",
        a=SEND,
        b=SEND,
        c=SET,
    ),
    case("1", 1, ["input >> FOREACH n IN input.items >> a"], "a pure loop", a=SET),
    case(
        "(1 + 1 for each element of list) for each element of input.lists",
        5,
        ["input >> FOREACH list IN input.lists >> a", "a >> FOREACH n IN list >> b"],
        "a loop in a loop",
        a=SEND,
        b=SEND,
    ),
    case(
        "1 + 1 for each 2 elements of input.items",
        3,
        ["input >> PIPE >> a", "a >> FOREACH n IN input.items >> b"],
        "batches",
        a={**SET, "foreach": {"batch": 2}},
        b=SEND,
    ),
    case("1 + 1 for each further round of r", 3, ["input >> PIPE >> r"], "rounds", r={**SEND, "repeat": REPEAT}),
    case(
        "1 + 2 for each further round of r",
        5,
        ["input >> PIPE >> r"],
        "rounds with pauses",
        r={**SEND, "repeat": {**REPEAT, "wait_ms": 5}},
    ),
    case("2", 2, ["input >> PIPE >> m"], "a question to a model", m=MODEL),
    case(
        "2 + 2 for each further round of m + 1 for each call of m.send",
        2,
        ["input >> PIPE >> m"],
        "a model with a tool",
        m={**MODEL, "tools": {"send": SENDING}},
    ),
    case("2", 2, ["input >> CALLS_SUBFLOW >> inner"], "a called workflow"),
    case("1", 1, ["input >> CALLS_SUBFLOW >> inner"], "a detached one", inner={"detach": True}),
]


@pytest.mark.parametrize(("text", "taken", "flow", "config"), CASES)
async def test_it_says_what_it_takes(text: str, taken: int, flow: list[str], config: dict[str, Any]) -> None:
    instances = FakeInstances()
    due = exited({"success": True, "data": {"result": 1_798_131_600_000}})
    scripts: Script = {"wait": exited({}), "date_ops": due, "http_request": echo, "llm": echo, "set": echo}
    bench = build_bench(scripts, instances, CONTRACTS)
    await bench.service.push(INNER, ADA)
    await bench.service.push({"name": "w", "durable": True, "flow": flow, "config": config}, ADA)
    async with build_client(bench.service) as client:
        shown = (await client.get("/webhooks/named/w")).json()["data"]["steps"]
        run_id = (await client.post("/webhooks/named/w/trigger", json=INPUT)).json()["run_id"]
    isolate = await instances.run(bench.service, run_id)
    record = await bench.service.runs.find(run_id)
    results = [name for name in isolate.asked if name in isolate.instance.results]
    assert (record["status"], shown["text"], len(results)) == ("success", text, taken), isolate.asked


async def test_to_wait_for_somebody_takes_more() -> None:
    waiting = {"event": {"component": "wait_for", "event": "paid"}, "asked": {"component": "approve", "title": "Pay?"}}
    bench = build_bench(dict.fromkeys(("wait_for", "approve"), exited({})), FakeInstances(), CONTRACTS)
    for name, config in waiting.items():
        flow = [f"input >> PIPE >> {name}"]
        await bench.service.push({"name": name, "durable": True, "flow": flow, "config": {name: config}}, ADA)
    async with build_client(bench.service) as client:
        shown = [(await client.get(f"/webhooks/named/{name}")).json()["data"]["steps"]["text"] for name in waiting]
    assert shown == ["2", "3"]


async def test_of_a_quick_workflow_it_says_nothing() -> None:
    bench = build_bench({"set": echo}, None, {"set": CONTRACTS["set"]})
    await bench.service.push({"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": SET}}, ADA)
    async with build_client(bench.service) as client:
        assert (await client.get("/webhooks/named/w")).json()["data"]["steps"] is None
