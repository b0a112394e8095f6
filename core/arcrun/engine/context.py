"""What a run works with: the ports that its nodes use, and what the nodes share."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from arcrun.analytics import Tally
from arcrun.engine.budget import RunBudget
from arcrun.engine.ledger import Ledger, LiveValues, Room
from arcrun.engine.tasks import Pace, RunTasks, Slots
from arcrun.errors import RunError
from arcrun.limits import MAX_SUBFLOW_DEPTH
from arcrun.ports import Clock, Random
from arcrun.wasm.abi import Outcome
from arcrun.wasm.component import Component
from arcrun.workflows.plan import Plan


class Components(Protocol):
    """The components that a run may call. Both methods raise ComponentError, UpstreamError."""

    async def find(self, reference: str) -> Component: ...

    def call(
        self, component: Component, input_value: Mapping[str, Any], budget: RunBudget, cpu_ms: int | None = None
    ) -> Coroutine[Any, Any, Outcome]:
        """`cpu_ms` is how long it may compute, None for as long as is usual. Raises CpuBudgetError too."""

    async def find_mismatch(self, schema: Mapping[str, Any], value: Any, budget: RunBudget) -> tuple[str, str] | None:
        """What in `value` a schema does not allow that somebody else wrote: the field, and what it must be. In bounded
        time. Raises ComponentError INVALID_CONTRACT, and what `call` raises.
        """


class Workflows(Protocol):
    """The workflows that CALLS_SUBFLOW may lead to."""

    async def find_plan(self, name: str) -> Plan:
        """Raises NotFoundError WORKFLOW_NOT_FOUND, WorkflowError PLAN_OUTDATED, UpstreamError."""


class Credentials(Protocol):
    """The stored secrets."""

    async def reveal(self, name: str) -> str:
        """Raises CredentialError, NotConfiguredError, UpstreamError."""


@dataclass(frozen=True)
class RunPorts:
    components: Components
    workflows: Workflows
    credentials: Credentials
    clock: Clock
    random: Random


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class RunContext:
    """One run of one plan. A sub-workflow keeps its own ledger, and shares the rest.

    `started_ms` is the time of the clocks, and what a record's times count from. `secrets` has what was read so far,
    `usage` each call of a component so far.
    """

    ports: RunPorts
    ledger: Ledger
    started_ms: float
    budget: RunBudget
    pace: Pace
    slots: Slots
    tasks: RunTasks = field(default_factory=RunTasks)
    room: Room = field(default_factory=Room)
    live: LiveValues = field(default_factory=LiveValues)
    secrets: dict[str, str] = field(default_factory=dict)
    found: dict[str, Component] = field(default_factory=dict)
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)  # one look-up for all nodes that want the same
    usage: Tally = field(default_factory=Tally)
    depth: int = 0

    def since_start_ms(self) -> float:
        return self.ports.clock.now_ms() - self.started_ms

    async def find_component(self, reference: str) -> Component:
        """Found once a run, so that all calls of a run have the same version."""
        if reference not in self.found:
            async with self.locks.setdefault(reference, asyncio.Lock()):
                if reference not in self.found:
                    self.found[reference] = await self._look_up(reference)
        return self.found[reference]

    async def _look_up(self, reference: str) -> Component:
        component = await self.ports.components.find(reference)
        if component.module is not None:  # from the bucket: module, contract, the metered one read and perhaps written
            self.budget.subrequests.take(4)
        return component

    async def reveal(self, name: str) -> str:
        """The secret `name`, which is then scrubbed from the record."""
        if name not in self.secrets:
            async with self.locks.setdefault(f"credential {name}", asyncio.Lock()):
                if name not in self.secrets:
                    self.budget.subrequests.take()
                    self.secrets[name] = await self.ports.credentials.reveal(name)
        return self.secrets[name]

    def enter_subflow(self, plan: Plan) -> "RunContext":
        """Raises RunError SUBFLOW_TOO_DEEP."""
        if self.depth >= MAX_SUBFLOW_DEPTH:
            raise RunError(
                f"Workflows call each other more than {MAX_SUBFLOW_DEPTH} deep.",
                code="SUBFLOW_TOO_DEEP",
                next_actions=["Look for a workflow that calls itself without an end."],
            )
        return replace(self, ledger=Ledger(plan, self.room), depth=self.depth + 1)
