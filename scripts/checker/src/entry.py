"""Runs one component's scenarios in one tier, on the platform's own runners.

POST {"component", "tier": "bundle" | "bucket", "module": base64, for the bucket}
-> [{"scenario", "deviation": null | string}]; with "given" in the body, the component's output for that input instead
"""

import base64
import json
from collections.abc import Mapping
from typing import Any

from bundled_components import BUNDLED_COMPONENTS

from arcrun.contracts.model import Scenario
from arcrun.contracts.parse import parse_contract
from arcrun.registry.scenarios import ScenarioHostFunctions, find_deviation
from arcrun.wasm.abi import read_outcome
from arcrun.wasm.component import Component, build_component
from arcrun_edge.bindings import read_bindings
from arcrun_edge.component_runner import PlatformRunner
from arcrun_edge.system import SystemClock, SystemRandom
from workers import Response, WorkerEntrypoint

_NO_STUBS = Scenario(name="", given={}, then_contains="", then=None, http=())


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if request.method == "GET":
            return Response("ok")
        asked = json.loads(await request.text())
        if "given" in asked:
            return Response(json.dumps(await _answer(asked)))
        return Response(json.dumps(await _run_scenarios(asked)))


async def _answer(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    component = _component(asked)
    host = ScenarioHostFunctions(component.contract, _NO_STUBS, SystemClock(), SystemRandom())
    runner = PlatformRunner(read_bindings().LOADER, SystemClock())
    execution = await runner.run(component, json.dumps(asked["given"]), host)
    return read_outcome(execution, component.id).envelope


async def _run_scenarios(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    component = _component(asked)
    runner = PlatformRunner(read_bindings().LOADER, SystemClock())
    results = []
    for scenario in component.contract.scenarios:
        host = ScenarioHostFunctions(component.contract, scenario, SystemClock(), SystemRandom())
        execution = await runner.run(component, json.dumps(scenario.given), host)
        results.append({"scenario": scenario.name, "deviation": find_deviation(scenario, execution, host)})
    return results


def _component(asked: Mapping[str, Any]) -> Component:
    bundled = BUNDLED_COMPONENTS[asked["component"]]
    contract = parse_contract(bundled.contract)
    if asked["tier"] == "bucket":
        return build_component(contract, base64.b64decode(asked["module"]))
    return Component(contract, bundled.sha256)
