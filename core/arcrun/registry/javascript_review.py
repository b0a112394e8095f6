"""The review steps of a component in JavaScript that differ: it is compiled, not scanned, and its start is counted."""

import json

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.registry.scenarios import ScenarioHostFunctions
from arcrun.registry.step import Step, StepName, failed, failed_by, passed
from arcrun.registry.trial import NO_STUBS, TrialClock, TrialRandom
from arcrun.wasm.abi import Execution, read_outcome
from arcrun.wasm.component import Component
from arcrun.wasm.costs import CODE_FUEL_A_MS
from arcrun.wasm.javascript import JavaScriptRunner, build_javascript

_COMPILED = "a module that compiles"


async def compile_source(
    contract: Contract, main: bytes, javascript: JavaScriptRunner
) -> tuple[Step, Component | None]:
    """The step, and the component. The engine has no imports, files or sockets, so that there is nothing to scan."""
    name = StepName.MODULE_SCAN
    try:
        component = build_javascript(contract, main)
    except ComponentError as error:
        return failed_by(name, error, limit=_COMPILED), None
    execution = await javascript.check(component, _no_stubs(contract))
    problem = read_outcome(execution, component.id).error
    if problem is not None:
        return failed_by(name, problem, limit=_COMPILED), None
    return passed(name, "compiles", _COMPILED), component


async def count_start(component: Component, javascript: JavaScriptRunner) -> Step:
    """The time of a first call, counted in fuel: the engine is warm, and each call parses the source. So the figure is
    the same on each machine, and where the clock stands still while code computes.
    """
    execution = await _call_example(component, javascript)
    limit_ms = component.contract.constraints.max_cold_start_ms
    took_ms = (execution.fuel_used or 0) / CODE_FUEL_A_MS
    figure, limit = f"{took_ms:.1f} ms", f"{limit_ms} ms"
    if took_ms <= limit_ms:
        return passed(StepName.COLD_START, figure, limit)
    finding = f"A call with config_example uses fuel for {figure}; the contract allows {limit}."
    advice = "Bundle only what is used, compute less at the module's top, or raise constraints.max_cold_start_ms."
    return failed(StepName.COLD_START, "COLD_START_TOO_SLOW", [finding], figure=figure, limit=limit, next_action=advice)


async def _call_example(component: Component, javascript: JavaScriptRunner) -> Execution:
    given = json.dumps(component.contract.config_example)
    return await javascript.run(component, given, _no_stubs(component.contract))


def _no_stubs(contract: Contract) -> ScenarioHostFunctions:
    return ScenarioHostFunctions(contract, NO_STUBS, TrialClock(), TrialRandom("cold"))
