"""The ports of a durable run: its journal knows of all that it waits for."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any

from arcrun.durable.journal import Journal
from arcrun.engine.budget import RunBudget
from arcrun.engine.context import Components
from arcrun.ports import Clock
from arcrun.store.access import Caller
from arcrun.wasm.abi import Outcome
from arcrun.wasm.component import Component
from arcrun.workflows.plan import Plan


class OutsideClock:
    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock, self._journal = clock, journal

    def now_ms(self) -> float:
        return self._clock.now_ms()

    async def sleep(self, duration_ms: float) -> None:
        await self._journal.outside(self._clock.sleep(duration_ms))

    async def pause(self) -> None:
        await self._journal.outside(self._clock.pause())


class OutsideComponents:
    def __init__(self, components: Components, journal: Journal) -> None:
        self._components, self._journal = components, journal

    async def find(self, reference: str) -> Component:
        return await self._journal.outside(self._components.find(reference))

    def call(
        self,
        component: Component,
        input_value: Mapping[str, Any],
        budget: RunBudget,
        cpu_ms: int | None = None,
        caller: Caller | None = None,
    ) -> Coroutine[Any, Any, Outcome]:
        return self._components.call(component, input_value, budget, cpu_ms, caller)  # within a step

    async def find_mismatches(
        self, schema: Mapping[str, Any], value: Any, budget: RunBudget
    ) -> Sequence[tuple[str, str]]:
        return await self._journal.outside(self._components.find_mismatches(schema, value, budget))


class OutsideWorkflows:
    def __init__(self, find: Callable[[str], Awaitable[Plan]], journal: Journal) -> None:
        self._find, self._journal = find, journal

    async def find_plan(self, name: str) -> Plan:
        return await self._journal.outside(self._find(name))
