"""Every scenario of every contract holds for the committed module, and module and contract fit each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from arcrun.contracts.model import Scenario
from arcrun.wasm.component import build_component
from arcrun.wasm.module import parse_module
from components import wasm_harness as harness

SCENARIOS = [
    pytest.param(component_id, scenario, id=f"{component_id}: {scenario.name}")
    for component_id in harness.COMPONENT_IDS
    for scenario in harness.load_contract(component_id).scenarios
]


AS_FAR_AS_IT_GETS = ("NO_STUB", "NEEDS_DURABLE")  # without a host, or a durable run


@pytest.mark.parametrize(("component_id", "scenario"), SCENARIOS)
def test_scenario(component_id: str, scenario: Scenario) -> None:
    result = harness.run(component_id, scenario.given, harness.StubHost(scenario.http, scenario.ai))
    if scenario.then_contains is None:
        assert result.output == scenario.then
    else:
        assert scenario.then_contains in result.stdout.decode()
    asked = [name for name, _ in result.host.requests if name not in ("sleep", "store")]
    assert asked == ["http_request"] * len(scenario.http) + ["ai_run"] * len(scenario.ai)


@pytest.mark.parametrize("component_id", harness.COMPONENT_IDS)
def test_contract_fits_the_module(component_id: str) -> None:
    contract = harness.load_contract(component_id)
    binary = (harness.COMPONENTS / component_id / f"{component_id}.wasm").read_bytes()
    assert contract.canonical_id == component_id
    assert len(binary) <= contract.constraints.max_size_kb * 1024
    build_component(contract, binary)


@pytest.mark.parametrize("component_id", harness.COMPONENT_IDS)
def test_required_fields_are_those_that_the_source_insists_on(component_id: str) -> None:
    """Without one of them the example is refused with its name; some scenario works with them alone, or with one more
    where any one of several may be given or each operation has fields of its own.
    """
    contract = harness.load_contract(component_id)
    required = contract.input_schema.get("required", [])
    for name in required:
        given = {key: value for key, value in contract.config_example.items() if key != name}
        error = harness.run(component_id, given).error
        assert error["code"] == "INVALID_INPUT"
        assert f"`{name}`" in error["message"]
    fewest = max(len(required) + (bool(contract.one_of) or required == ["operation"]), 1)
    smallest = [each for each in contract.scenarios if set(required) <= set(each.given) and len(each.given) <= fewest]
    outputs = [harness.run(component_id, each.given, harness.StubHost(each.http, each.ai)).output for each in smallest]
    assert any(output["success"] or output["error"]["code"] in AS_FAR_AS_IT_GETS for output in outputs)


@pytest.mark.parametrize("component_id", harness.COMPONENT_IDS)
def test_config_example_is_accepted(component_id: str) -> None:
    """It succeeds, or gets as far as asking the host, which has no stub for it, or as saying that it must wait."""
    contract = harness.load_contract(component_id)
    assert set(contract.config_example) <= set(contract.input_keys)
    output = harness.run(component_id, contract.config_example).output
    assert output["success"] or output["error"]["code"] in AS_FAR_AS_IT_GETS


@pytest.mark.parametrize("component_id", harness.COMPONENT_IDS)
def test_every_field_is_described(component_id: str) -> None:
    contract = harness.load_contract(component_id)
    fields = [*find_fields(contract.input_schema), *find_fields(contract.output_schema)]
    assert [name for name, schema in fields if not schema.get("description")] == []


def find_fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Those within others too."""
    while "items" in schema:
        schema = schema["items"]
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from find_fields(field)


def test_every_operation_has_a_scenario() -> None:
    missing = []
    for component_id in harness.COMPONENT_IDS:
        contract = harness.load_contract(component_id)
        for name in ("operation", "strategy", "action"):
            schema = contract.input_schema["properties"].get(name, {})
            tried = {scenario.given.get(name, schema.get("default")) for scenario in contract.scenarios}
            missing += [f"{component_id}: {name} {choice}" for choice in schema.get("enum", []) if choice not in tried]
    assert missing == []


@pytest.mark.parametrize(
    ("component_id", "source", "start"),
    [
        ("filter", "filter/condition.zig", "const Operator = enum {"),
        ("ai_transform_run", "_sdk/zig/transform/program.zig", "pub const Operation = enum {"),
    ],
)
def test_every_op_within_an_input_has_a_scenario(component_id: str, source: str, start: str) -> None:
    """The ops of conditions and programs are operations too."""
    listed = (harness.COMPONENTS / source).read_text("utf-8").partition(start)[2].partition("}")[0]
    ops = {name.strip().removeprefix("@").strip('"') for name in listed.split(",") if name.strip()}
    tried = {op for scenario in harness.load_contract(component_id).scenarios for op in find_ops(dict(scenario.given))}
    assert ops
    assert ops - tried == set()


def find_ops(value: Any) -> Iterator[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from find_ops(item)
    if isinstance(value, dict) and isinstance(value.get("op"), str):
        yield value["op"]


def test_a_component_without_network_cannot_ask_for_it() -> None:
    """Those that declare no network import no function that reaches outside; the others do."""
    reaching = set()
    for component_id in harness.COMPONENT_IDS:
        binary = (harness.COMPONENTS / component_id / f"{component_id}.wasm").read_bytes()
        names = {wanted.name for wanted in parse_module(binary).imports}
        assert ("http_request" in names) is not harness.load_contract(component_id).constraints.no_network_syscall
        if "http_request" in names:
            reaching.add(component_id)
    assert reaching == {"code", "embed", "gmail", "google_sheets", "http_request", "line_notify", "llm", "telegram"}
