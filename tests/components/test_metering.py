"""Proves that metering changes nothing: every scenario of every built-in, and of components of other toolchains, gives
the same bytes from the metered module and from the one as built.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.wasm.abi import Execution, ExitKind
from arcrun.wasm.metering import meter_module
from components import wasm_harness as harness

TIME_MS = 1_790_000_000_000.0


class StillHost(harness.StubHost):
    """The same time and the same randomness in each call."""

    def now_ms(self) -> float:
        return TIME_MS

    def seed(self) -> bytes:
        return bytes(32)


def run_scenarios(contract: Contract, module: bytes) -> Iterator[Execution]:
    for scenario in contract.scenarios:
        host = StillHost(scenario.http, scenario.ai)
        yield harness.RUNNER.call(module, json.dumps(scenario.given).encode(), host)


def compare(contract: Contract, module: bytes) -> None:
    as_built = [(run.kind, run.stdout) for run in run_scenarios(contract, module)]
    metered = list(run_scenarios(contract, meter_module(module)))
    assert [(run.kind, run.stdout) for run in metered] == as_built
    assert all(kind is ExitKind.EXITED for kind, _ in as_built)
    assert all((run.fuel_used or 0) > 0 for run in metered)


@pytest.mark.parametrize("component_id", harness.COMPONENT_IDS)
def test_a_built_in_does_the_same_when_metered(component_id: str) -> None:
    module = (harness.COMPONENTS / component_id / f"{component_id}.wasm").read_bytes()
    compare(harness.load_contract(component_id), module)


@pytest.mark.parametrize("component_id", ["shout_go", "word_count_c"])
def test_a_component_of_another_toolchain_does_the_same_when_metered(examples: Path, component_id: str) -> None:
    folder = examples / component_id
    contract = parse_contract(yaml.safe_load((folder / "contract.yaml").read_text("utf-8")))
    compare(contract, (folder / f"{component_id}.wasm").read_bytes())
