"""Calls components: finds one, lends it its host functions, runs it and reads its outcome."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.engine.budget import BudgetedHttpClient, SubrequestBudget
from arcrun.ports import AiModel, Clock, ComponentRunner, HttpClient, Random
from arcrun.wasm.abi import Outcome, read_outcome
from arcrun.wasm.component import Component
from arcrun.wasm.host import PortHostFunctions
from executor.library import ComponentLibrary


@dataclass(frozen=True)
class ComponentCaller:
    """The engine's `Components`, over the library and the platform's runner."""

    library: ComponentLibrary
    runner: ComponentRunner
    http: HttpClient
    clock: Clock
    random: Random
    ai: AiModel | None = None

    async def find(self, reference: str) -> Component:
        return await self.library.find(reference)

    async def call(self, component: Component, input_value: Mapping[str, Any], budget: SubrequestBudget) -> Outcome:
        if component.module is not None:  # its sandbox is called over RPC
            budget.take()
        http = BudgetedHttpClient(self.http, budget)
        host = PortHostFunctions(component.contract, http, self.clock, self.random, self.ai)
        execution = await self.runner.run(component, json.dumps(input_value), host)
        return read_outcome(execution, component.id)
