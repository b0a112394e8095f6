"""Calls components: finds one, lends it its host functions, runs it and reads its outcome."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from arcrun.engine.budget import BudgetedHttpClient, SubrequestBudget
from arcrun.ports import AiModel, Clock, ComponentRunner, HttpClient, Random, TextDecoder
from arcrun.wasm.abi import Outcome, read_outcome
from arcrun.wasm.component import Component
from arcrun.wasm.host import PortHostFunctions
from executor.library import ComponentLibrary
from executor.share import WHOLE_PLATFORM

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
    turn: Callable[[], AbstractAsyncContextManager[None]] = WHOLE_PLATFORM.node

    async def find(self, reference: str) -> Component:
        return await self.library.find(reference)

    async def call(self, component: Component, input_value: Mapping[str, Any], budget: SubrequestBudget) -> Outcome:
        if component.module is not None:  # its sandbox is called over RPC
            budget.take()
        http = BudgetedHttpClient(self.http, budget)
        host = PortHostFunctions(
            component.contract,
            http,
            self.clock,
            self.random,
            ai=self.ai,
            decoder=self.decoder,
            reaches_local=self.reaches_local,
        )
        async with self.turn():
            stdin = json.dumps(input_value)
            if len(stdin) > STRETCH_CHARACTERS:  # to write it and to run the component are two stretches
                await self.clock.pause()
            execution = await self.runner.run(component, stdin, host)
        if len(execution.stdout) > STRETCH_CHARACTERS:
            await self.clock.pause()
        budget.require_kept()
        return read_outcome(execution, component.id)
