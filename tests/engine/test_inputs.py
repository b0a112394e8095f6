"""A node gets exactly its config with templates filled, its credentials and its taken value, whatever the trigger sends
or the previous step has answered. The contracts are those of the built-in components.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.durable.waits import WAITS
from arcrun.workflows.settings import RESERVED_INPUTS
from fakes.builtins import BUILTINS, read_contract_sources
from fakes.engine import EngineBench, data, echo
from fakes.ports.searches import examples

SECRETS = {"telegram_bot_token": "s-1", "google_oauth": "s-2", "line_channel_access_token": "s-3"}
OPTIONAL = [
    (name, field)
    for name, contract in BUILTINS.items()
    for field in contract.input_keys
    if field not in contract.relied_keys and field not in contract.injected_keys
]
FIELDS = sorted({field for contract in BUILTINS.values() for field in contract.input_keys} | {"retry", "credentials"})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["PUT", "evil", "https://e.test"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "code"]), inner, max_size=2),
    max_leaves=4,
)


def required_config(component: str) -> dict[str, Any]:
    """A config that sets only the required fields."""
    contract = BUILTINS[component]
    wanted = [key for key in contract.relied_keys if key not in contract.injected_keys]
    scenarios = [contract.config_example, *(scenario.given for scenario in contract.scenarios)]
    least = min((given for given in scenarios if given.keys() >= {*wanted}), key=len)
    return {"component": component, **{key: least[key] for key in wanted}}


# Where the node may stand: behind the trigger, behind a step that has answered the payload, in a loop's body over
# payloads, in a sub-workflow that gets the payload.
POSITIONS: Mapping[str, list[str]] = {
    "trigger": ["input >> PIPE >> n"],
    "step": ["input >> PIPE >> before", "before >> PIPE >> n"],
    "failure": ["input >> PIPE >> before", "before >> PIPE >> n", "before >> ON_FAIL >> n"],
    "loop": ["input >> FOREACH item IN input.items >> n"],
    "sub-workflow": ["input >> CALLS_SUBFLOW >> inner"],
}


def recorded_inputs(component: str, position: str, payload: Mapping[str, Any]) -> list[Any]:
    config = {"n": required_config(component)}
    durable = {"durable": True} if component in WAITS else {}  # what waits for somebody is refused elsewhere
    inner = {"flow": POSITIONS["trigger"], "config": config, **durable}
    behaviours: dict[str, Any] = {component: echo, "before": data(payload)}
    contracts = {component: read_contract_sources()[component]}
    bench = EngineBench(behaviours, contracts=contracts, workflows={"inner": inner}, secrets=SECRETS)
    more = durable if position == "sub-workflow" else {"config": config, **durable}
    record = asyncio.run(bench.run(POSITIONS[position], {**payload, "items": [payload]}, **more))
    entries = [inner for entry in record.trace for inner in (entry.subflow or (entry,))]
    assert [entry.status.value for entry in entries if entry.component == component] == ["success"]
    run_key = BUILTINS[component].run_key  # the engine's own, with the time
    inputs = [entry.input for entry in entries if entry.component == component]
    return [
        {key: value for key, value in given.items() if key != run_key} for given in inputs if isinstance(given, Mapping)
    ]


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("component", sorted(BUILTINS))
def test_no_payload_sets_an_optional_field(component: str, position: str) -> None:
    """A payload that names every optional field at once."""
    optional = [field for name, field in OPTIONAL if name == component]
    clean = recorded_inputs(component, position, {})
    assert recorded_inputs(component, position, dict.fromkeys(optional, "evil")) == clean
    assert not {*optional} & {key for given in clean for key in given or ()}


@settings(max_examples=examples(20), deadline=None)
@given(
    st.sampled_from(sorted(BUILTINS)),
    st.sampled_from(sorted(POSITIONS)),
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6),
)
def test_no_payload_changes_the_recorded_input(component: str, position: str, payload: dict[str, Any]) -> None:
    assert recorded_inputs(component, position, payload) == recorded_inputs(component, position, {})


def test_the_optional_fields_are_those_that_could_once_be_set() -> None:
    """So that the tests above cannot become empty. The issue counted 82; components have more since."""
    assert len(OPTIONAL) >= 80


@pytest.mark.parametrize("component", sorted(BUILTINS))
def test_no_built_in_input_is_named_like_a_setting(component: str) -> None:
    assert not {*BUILTINS[component].input_keys} & {*RESERVED_INPUTS}


ANY = {"a": data({"x": 1, "y": {"z": 2}, "secret": "arrived"}), "b": echo}
CHAIN = ["input >> PIPE >> a", "a >> PIPE >> b"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"take": "a"}, {"x": 1, "y": {"z": 2}, "secret": "arrived"}, id="a node's data"),
        pytest.param({"take": "{{a}}"}, {"x": 1, "y": {"z": 2}, "secret": "arrived"}, id="in braces"),
        pytest.param({"take": "a.data.y"}, {"z": 2}, id="a part"),
        pytest.param({"take": "input"}, {"k": "v", "x": "of the trigger"}, id="the trigger"),
        pytest.param(
            {"take": "a", "x": 7, "w": 8}, {"x": 7, "y": {"z": 2}, "secret": "arrived", "w": 8}, id="config wins"
        ),
        pytest.param({"take": "a.data.z?", "w": 8}, {"w": 8}, id="what may be missing"),
        pytest.param({"take": "input", "k": "{{a.data.x}}"}, {"k": 1, "x": "of the trigger"}, id="a template wins"),
    ],
)
@pytest.mark.anyio
async def test_a_whole_value_is_taken_where_the_config_says_so(config: Any, expected: Any) -> None:
    bench = EngineBench(ANY)
    record = await bench.run(CHAIN, {"k": "v", "x": "of the trigger"}, config={"b": config})
    assert (record.error, bench.inputs_of("b")) == (None, [expected])
    assert record.trace[1].input == expected


@pytest.mark.anyio
async def test_a_taken_value_leaves_out_what_the_component_does_not_know() -> None:
    """And fields that credentials fill: callers must not set them."""
    schema = {"type": "object", "properties": {"x": {}, "secret": {}}, "required": ["secret"]}
    credential = {"key": "k", "inject_as": "secret", "description": "", "help_url": ""}
    contract = {"input_schema": schema, "credentials_required": [credential]}
    bench = EngineBench(ANY, contracts={"b": contract}, secrets={"k": "stored"})
    record = await bench.run(CHAIN, config={"b": {"take": "a"}})
    assert (record.error, bench.inputs_of("b")) == (None, [{"x": 1, "secret": "stored"}])
    assert record.trace[1].input == {"x": 1}


@pytest.mark.parametrize("sent", [[1], "text", None, 7], ids=str)
@pytest.mark.anyio
async def test_what_is_taken_must_be_an_object(sent: Any) -> None:
    bench = EngineBench({"b": echo})
    record = await bench.run(["input >> PIPE >> b"], {"v": sent}, config={"b": {"take": "input.v"}})
    assert record.error is not None
    assert (record.error.code, record.error.details["field"]) == ("INVALID_INPUT", "take")
    assert record.error.next_actions == ('Name the field that it is for: config.b: {FIELD: "{{input.v}}"}.',)


CONDITION = {"type": "object", "properties": {"when": {"type": ["string", "boolean"], "format": "arcrun-condition"}}}


@pytest.mark.parametrize(
    ("config", "sent", "is_refused"),
    [
        pytest.param({"when": "1 == 1"}, {}, False, id="the author's own"),
        pytest.param({"when": "{{input.v}}"}, {"v": True}, False, id="true or false from data"),
        pytest.param({"when": "{{input.v}}"}, {"v": "secret == 'abc'"}, True, id="a condition from data"),
        pytest.param({"take": "input"}, {"when": True}, False, id="true or false that is taken"),
        pytest.param({"take": "input"}, {"when": "secret == 'abc'"}, True, id="a condition that is taken"),
    ],
)
@pytest.mark.anyio
async def test_no_data_becomes_a_condition(config: Any, sent: Any, is_refused: bool) -> None:
    bench = EngineBench({"b": echo}, contracts={"b": {"input_schema": CONDITION}})
    record = await bench.run(["input >> PIPE >> b"], sent, config={"b": config})
    assert (record.error is not None, bench.inputs_of("b") == []) == (is_refused, is_refused)
    assert not is_refused or (record.error and record.error.code == "INVALID_INPUT")


OPEN: dict[str, Any] = {"type": "object", "properties": {"to": {"type": "string"}, "cc": {"type": ["string", "null"]}}}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param({"to": "a", "cc": "b", "more": "c"}, {"to": "a", "cc": "b", "more": "c"}, id="all there"),
        pytest.param({}, {"cc": None, "more": None}, id="all missing"),
        pytest.param({"to": None}, {"cc": None, "more": None}, id="null"),
    ],
)
@pytest.mark.anyio
async def test_an_optional_reference_that_is_missing_leaves_its_field_out(sent: Any, expected: Any) -> None:
    """If the schema names the field and does not allow null."""
    schema = {**OPEN, "additionalProperties": True}
    bench = EngineBench({"b": echo}, contracts={"b": {"input_schema": schema}})
    config = {"b": {"to": "{{input.to?}}", "cc": "{{input.cc?}}", "more": "{{input.more?}}"}}
    record = await bench.run(["input >> PIPE >> b"], sent, config=config)
    assert (record.error, bench.inputs_of("b")) == (None, [expected])


@pytest.mark.anyio
async def test_a_sub_workflow_gets_what_its_line_says() -> None:
    """The data of FROM; or the value of `input` or `take`."""
    inner = {"flow": ["input >> PIPE >> b"], "config": {"b": {"got": "{{input}}"}}}
    for config, expected in (
        ({}, {"x": 1, "y": {"z": 2}, "secret": "arrived"}),
        ({"take": "a.data.y"}, {"z": 2}),
        ({"take": "input"}, {"k": "v"}),
        ({"input": {"only": "{{a.data.x}}"}}, {"only": 1}),
    ):
        bench = EngineBench(ANY, workflows={"inner": inner})
        flow = ["input >> PIPE >> a", "a >> SUBFLOW >> inner"]
        await bench.run(flow, {"k": "v"}, config={"inner": config} if config else {})
        assert bench.inputs_of("b") == [{"got": expected}]
