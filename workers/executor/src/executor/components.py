"""Calls components: finds one, lends it its host functions, runs it and reads its outcome."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from arcrun.engine.budget import BudgetedHttpClient, RunBudget
from arcrun.errors import ComponentError
from arcrun.json_text import write_json
from arcrun.limits import CALL_CPU_MS, MAX_NODE_CPU_MS
from arcrun.ports import AiModel, Clock, HttpClient, Random, TextDecoder
from arcrun.wasm.abi import Execution, HostFunctions, Outcome, read_outcome
from arcrun.wasm.component import Component, ComponentRunner
from arcrun.wasm.fuel import fuel_of_bundled, fuel_of_stored
from arcrun.wasm.host import PortHostFunctions
from executor.library import ComponentLibrary

VALIDATOR_ID = "validate_json"
STRETCH_CHARACTERS = 256 * 1024  # of JSON, which take some 10 ms to write or to read


@dataclass(frozen=True)
class ComponentCaller:
    """The engine's `Components`, over the library and the platform's runner. `turn` is entered around each call."""

    library: ComponentLibrary
    runner: ComponentRunner
    http: HttpClient
    clock: Clock
    random: Random
    ai: AiModel | None = None
    decoder: TextDecoder | None = None
    reaches_local: bool = False
    has_sandbox: bool = True
    turn: Callable[[], AbstractAsyncContextManager[None]] | None = None
    most_cpu_ms: int = MAX_NODE_CPU_MS

    async def find(self, reference: str) -> Component:
        return await self.library.find(reference)

    def call(
        self, component: Component, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None = None
    ) -> Coroutine[Any, Any, Outcome]:
        if cpu_ms is not None:
            self.require_cpu(component.id, cpu_ms)
        if component.module is None and (cpu_ms or 0) <= CALL_CPU_MS:
            return self._call(component, input_value, budget, fuel_of_bundled(component.id, cpu_ms))
        return self._call_in_sandbox(component, input_value, budget, cpu_ms)

    def require_cpu(self, component_id: str, cpu_ms: int) -> None:
        """Raises ComponentError CPU_MS_LIMIT."""
        if cpu_ms > self.most_cpu_ms:
            raise ComponentError(
                f"`{component_id}` is to compute for {cpu_ms} ms (cpu_ms), and {self.most_cpu_ms} are the limit of "
                "this platform for an account.",
                code="CPU_MS_LIMIT",
                http_status=422,
                next_actions=[f"Set cpu_ms to {self.most_cpu_ms} or less, and give the component less to do at once."],
                details={"cpu_ms": cpu_ms, "limit_ms": self.most_cpu_ms},
            )

    async def _call_in_sandbox(
        self, component: Component, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None
    ) -> Outcome:
        fuel = fuel_of_bundled(component.id, cpu_ms) if component.module is None else fuel_of_stored(cpu_ms)
        if component.module is None:
            component = await self._move_to_sandbox(component, budget)
        budget.subrequests.take()  # its sandbox is called over RPC
        async with budget.sandboxes.turn(component.sha256, self.clock):
            return await self._call(component, input_value, budget, fuel)

    async def _move_to_sandbox(self, component: Component, budget: RunBudget) -> Component:
        """The bundled component with its code: where it may compute for longer, nobody else may wait for it.

        Raises ComponentError SANDBOX_UNAVAILABLE, CODE_NOT_STORED.
        """
        if not self.has_sandbox:
            raise ComponentError(
                f"`{component.id}` is to compute for more than {CALL_CPU_MS} ms (cpu_ms), which takes a sandbox, "
                "and this Worker has no LOADER binding to make one.",
                code="SANDBOX_UNAVAILABLE",
                http_status=503,
                next_actions=[
                    f"Set cpu_ms to {CALL_CPU_MS} or less, and give the component less to do at once.",
                    "Or move the account to the Workers paid plan, which has the Worker Loader, and deploy again.",
                ],
            )
        budget.subrequests.take(3)
        return await self.library.find_sandboxed(component)

    async def _call(
        self, component: Component, input_value: Mapping[str, Any], budget: RunBudget, fuel: int
    ) -> Outcome:
        if self.turn is None:
            execution = await self._execute(component, input_value, budget, fuel)
        else:
            async with self.turn():
                execution = await self._execute(component, input_value, budget, fuel)
        if len(execution.stdout) > STRETCH_CHARACTERS:
            await self.clock.pause()
        budget.subrequests.require_kept()
        if budget.work.is_limited:
            budget.work.take_read(len(execution.stdout))
            budget.work.take_fuel(execution.fuel_used or 0)
        return read_outcome(execution, component.id)

    async def _execute(
        self, component: Component, input_value: Mapping[str, Any], budget: RunBudget, fuel: int
    ) -> Execution:
        stdin = write_json(input_value)
        if budget.work.is_limited:
            budget.work.take_written(len(stdin))
            fuel = budget.work.clamp_fuel(fuel)
        if len(stdin) > STRETCH_CHARACTERS:  # to write it and to run the component are two stretches
            await self.clock.pause()
        key = id(component.contract)  # which its host functions keep
        host = budget.lent.get(key)
        if host is None:
            host = budget.lent[key] = self._lend(component, budget)
        return await self.runner.run(component, stdin, host, fuel)

    def _lend(self, component: Component, budget: RunBudget) -> HostFunctions:
        """To all calls of a component in a run."""
        return PortHostFunctions(
            component.contract,
            BudgetedHttpClient(self.http, budget.subrequests),
            self.clock,
            self.random,
            ai=self.ai,
            decoder=self.decoder,
            reaches_local=self.reaches_local,
        )

    async def find_mismatch(self, schema: Mapping[str, Any], value: Any, budget: RunBudget) -> tuple[str, str] | None:
        """By the bundled validate_json, whose work is bounded whatever the schema is."""
        validator = await self.library.find(VALIDATOR_ID)
        outcome = await self.call(validator, {"value": value, "schema": schema}, budget)
        if outcome.error is not None:
            raise ComponentError(
                f"The input_schema cannot be used: {outcome.error.message}",
                code="INVALID_CONTRACT",
                next_actions=["Let the component's author write it with the keywords of validate_json."],
            )
        errors = outcome.envelope["data"]["errors"]
        return (_name_field(errors[0]["path"]), str(errors[0]["message"])) if errors else None


def _name_field(pointer: str) -> str:
    """A JSON Pointer as people write a path: `/items/0/name` is `items.0.name`."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:]]
    return ".".join(steps) or "the input"
