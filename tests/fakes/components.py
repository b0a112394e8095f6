"""Components that are Python functions (for the engine), and a ComponentRunner with scripted results (for services)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from arcrun.engine.budget import RunBudget
from arcrun.engine.input_check import VALIDATOR_ID, read_mismatches
from arcrun.errors import ComponentError
from arcrun.store.access import Caller
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions, Outcome, read_outcome
from arcrun.wasm.component import Component
from arcrun.wasm.costs import SANDBOX_FUEL
from fakes.contracts import build_contract

FUEL_A_CALL = 100
Input = dict[str, Any]
Behaviour = Mapping[str, Any] | Callable[[Input], Awaitable[Mapping[str, Any]]]


def exited(output: Any, *, exit_code: int = 0, stderr: str = "") -> Execution:
    """A call that ended by itself. `output` is written as JSON; a text is written as it is."""
    stdout = output if isinstance(output, str) else json.dumps(output)
    return Execution(ExitKind.EXITED, exit_code, "", stdout, stderr, 1 << 20, FUEL_A_CALL)


def trapped(message: str = "unreachable") -> Execution:
    return Execution(ExitKind.TRAPPED, -1, message, "", "", 1 << 20)


class FakeComponents:
    """The engine's `Components`. A behaviour is what the component writes, or an async function that answers it.

    `schemas` gives a component the fields of its input_schema; `contracts` overrides any field of its contract.
    `calls` lists (component, input), in order.
    """

    def __init__(
        self,
        behaviours: Mapping[str, Behaviour],
        schemas: Mapping[str, list[str]] | None = None,
        contracts: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self._behaviours = behaviours
        self.contracts = {
            name: build_contract(
                **{
                    "canonical_id": name,
                    "input_schema": open_schema((schemas or {}).get(name, [])),
                    **(contracts or {}).get(name, {}),
                }
            )
            for name in behaviours
        }
        self.calls: list[tuple[str, Input]] = []

    async def find(self, reference: str) -> Component:
        await asyncio.sleep(0)
        if reference not in self._behaviours:
            raise ComponentError(f"There is no component `{reference}`.", code="COMPONENT_NOT_FOUND", http_status=404)
        return Component(self.contracts[reference], sha256=reference)

    async def call(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        budget: RunBudget,
        cpu_ms: int | None = None,
        caller: Caller | None = None,
    ) -> Outcome:
        self.calls.append((component.id, dict(input_value)))
        behaviour = self._behaviours[component.id]
        output = await behaviour(dict(input_value)) if callable(behaviour) else behaviour
        return read_outcome(exited(output), component.id)

    async def find_mismatches(
        self, schema: Mapping[str, Any], value: Any, budget: RunBudget
    ) -> Sequence[tuple[str, str]]:
        """What the behaviour `validate_json` answers, if there is one."""
        if VALIDATOR_ID not in self._behaviours:
            return []
        return read_mismatches(
            await self.call(await self.find(VALIDATOR_ID), {"value": value, "schema": schema}, budget)
        )

    def inputs_of(self, reference: str) -> list[Input]:
        return [input_value for called, input_value in self.calls if called == reference]


def open_schema(fields: list[str]) -> dict[str, Any]:
    """Fields of any type, and room for others."""
    return {"type": "object", "properties": {name: {} for name in fields}, "additionalProperties": True}


class HostCalls(Protocol):
    """A component that asks the host."""

    async def run(self, stdin: str, host: HostFunctions) -> Execution: ...


Scripted = Execution | Callable[[str], Execution] | HostCalls


class ScriptedRunner:
    """Answers each call with the Execution of the component's id, or with what a function of stdin makes of it."""

    def __init__(self, script: Mapping[str, Scripted]) -> None:
        self._script = script
        self.calls: list[tuple[Component, str]] = []

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        self.calls.append((component, stdin))
        scripted = self._script[component.id]
        if not isinstance(scripted, Execution) and not callable(scripted):
            return await scripted.run(stdin, host)
        return scripted(stdin) if callable(scripted) else scripted


def echo(stdin: str) -> Execution:
    """A script that answers with its input as data."""
    return exited({"success": True, "data": json.loads(stdin)})
