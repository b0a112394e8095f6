"""The bench of a component's review on this machine: wasmtime for the scenarios, Node for cold starts."""

import asyncio
from pathlib import Path

from acr.bench.cold_starts import NodeColdStarts
from acr.bench.wasmtime_runner import WasmtimeRunner
from acr.parts.component_folder import ComponentFolder
from arcrun.contracts.parse import parse_contract
from arcrun.registry.review import Bench, Review, review_component
from arcrun.registry.trial import VALIDATOR_ID
from arcrun.wasm.component import build_component
from arcrun.yaml_text import parse_yaml


def build_bench(home: Path) -> Bench:
    folder = home / "components" / VALIDATOR_ID
    contract = parse_contract(parse_yaml((folder / "contract.yaml").read_text(encoding="utf-8")).value)
    validator = build_component(contract, (folder / f"{VALIDATOR_ID}.wasm").read_bytes())
    return Bench(WasmtimeRunner(), NodeColdStarts(home), validator)


def review_folder(component: ComponentFolder, home: Path) -> Review:
    """Run all steps of the review on this machine."""
    return asyncio.run(review_component(component.contract_text, component.module, build_bench(home)))
