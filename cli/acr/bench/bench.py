"""The bench of a component's review on this machine: wasmtime for the scenarios, Node for cold starts."""

import asyncio
from pathlib import Path

from acr.bench.cold_starts import NodeColdStarts
from acr.bench.wasmtime_runner import WasmtimeRunner
from acr.parts.component_folder import ComponentFolder
from arcrun.contracts.parse import parse_contract
from arcrun.registry.review import Bench, Review, review_component
from arcrun.registry.trial import VALIDATOR_ID
from arcrun.wasm.component import ENGINE_ID, Component, build_component, fuel_of_bundled
from arcrun.wasm.javascript import JavaScriptRunner
from arcrun.yaml_text import parse_yaml


def build_bench(home: Path) -> Bench:
    validator = _build_builtin(VALIDATOR_ID, home)
    return Bench(WasmtimeRunner(), NodeColdStarts(home), validator, lambda: build_javascript_runner(home))


def build_javascript_runner(home: Path) -> JavaScriptRunner:
    """The runner of JavaScript, whose engine takes a second to meter."""
    return JavaScriptRunner(WasmtimeRunner(fuel=fuel_of_bundled(ENGINE_ID)), _build_builtin(ENGINE_ID, home))


def _build_builtin(component_id: str, home: Path) -> Component:
    folder = home / "components" / component_id
    contract = parse_contract(parse_yaml((folder / "contract.yaml").read_text(encoding="utf-8")).value)
    return build_component(contract, (folder / f"{component_id}.wasm").read_bytes())


def review_folder(component: ComponentFolder, home: Path) -> Review:
    """Run all steps of the review on this machine."""
    return asyncio.run(review_component(component.contract_text, component.module, build_bench(home)))
