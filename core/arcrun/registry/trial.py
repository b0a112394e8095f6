"""Runs of a component under review: scenarios with stubs, a clock that only waits advance, and fixed randomness."""

import hashlib
import json
from dataclasses import dataclass

from arcrun.contracts.model import Contract, Scenario
from arcrun.errors import ComponentError
from arcrun.registry.scenarios import ScenarioHostFunctions, find_deviation
from arcrun.wasm.abi import Execution, read_outcome
from arcrun.wasm.component import Component, ComponentRunner

START_MS = 1_767_225_600_000.0  # 2026-01-01T00:00:00Z
VALIDATOR_ID = "validate_json"
NO_STUBS = Scenario(name="", given={}, then_contains="", then=None, http=())


class TrialClock:
    """A clock that starts at START_MS. `sleep` advances it without waiting."""

    def __init__(self) -> None:
        self._now_ms = START_MS

    def now_ms(self) -> float:
        return self._now_ms

    async def sleep(self, duration_ms: float) -> None:
        self._now_ms += duration_ms

    async def pause(self) -> None:
        """Return immediately: nothing else waits."""


@dataclass(frozen=True)
class TrialRandom:
    """Random bytes determined by the seed."""

    seed: str

    def token_bytes(self, count: int) -> bytes:
        return hashlib.shake_256(self.seed.encode()).digest(count)


@dataclass(frozen=True)
class Trial:
    """One scenario's run. `code` and `finding` describe the failure, and are empty if there is none."""

    scenario: Scenario
    execution: Execution
    code: str = ""
    finding: str = ""


async def run_scenario(component: Component, scenario: Scenario, runner: ComponentRunner, seed: str) -> Trial:
    """Run a scenario. Nothing that the component does raises an error here."""
    host = ScenarioHostFunctions(component.contract, scenario, TrialClock(), TrialRandom(seed))
    execution = await runner.run(component, json.dumps(scenario.given), host)
    outcome = read_outcome(execution, component.id)
    if outcome.error is not None and outcome.error.http_status != ComponentError.http_status:
        return Trial(scenario, execution, outcome.error.code, outcome.error.message)
    # A refusal by the component may be what the scenario expects.
    deviation = find_deviation(scenario, execution, host)
    return Trial(scenario, execution, "SCENARIO_FAILED" if deviation else "", deviation or "")


@dataclass(frozen=True)
class SchemaValidator:
    """Validates with the built-in validate_json in a sandbox, because neither schemas nor outputs are trusted."""

    component: Component
    runner: ComponentRunner

    async def find_deviation(self, schema: object, text: str) -> tuple[str, str] | None:
        """A code and a sentence if the JSON `text` does not match `schema`, or if the schema is unusable; else None."""
        host = ScenarioHostFunctions(self.component.contract, NO_STUBS, TrialClock(), TrialRandom(""))
        given = json.dumps({"json_string": text, "schema": schema})
        outcome = read_outcome(await self.runner.run(self.component, given, host), self.component.id)
        if outcome.error is not None:
            return "INVALID_SCHEMA", f"output_schema cannot be used: {outcome.error.message}"
        errors = outcome.envelope["data"]["errors"]
        if not errors:
            return None
        told = "; ".join(f"{error['path'] or 'data'} {error['message']}" for error in errors[:3])
        return "OUTPUT_OUTSIDE_SCHEMA", f"the output does not match output_schema: {told}"


async def check_output(contract: Contract, trial: Trial, validator: SchemaValidator) -> Trial:
    """The trial, changed to a failure if it succeeded with data that does not match the contract's output_schema."""
    outcome = read_outcome(trial.execution, contract.canonical_id)
    if trial.code or outcome.error is not None:
        return trial
    data = json.dumps(outcome.envelope.get("data"))
    deviation = await validator.find_deviation(contract.output_schema, data)
    return Trial(trial.scenario, trial.execution, *deviation) if deviation else trial
