"""The engine over components that are Python functions, and workflows that are Python objects."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from arcrun.credentials.record import build_missing_error
from arcrun.engine.budget import PAID, RunLimits
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine, Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import NotFoundError
from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, load_plan
from fakes.components import FakeComponents, Input
from fakes.ports.system import SeededRandom
from fakes.ports.virtual_time import VirtualClock

RUN_ID = "01JD00000000000000000000AA"


@dataclass
class EngineBench:
    """`behaviours` are the components. `workflows` are those that CALLS_SUBFLOW finds; `secrets` the credentials."""

    behaviours: Mapping[str, Any]
    schemas: Mapping[str, Any] = field(default_factory=dict)
    contracts: Mapping[str, Any] = field(default_factory=dict)
    workflows: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    limits: RunLimits = PAID

    def __post_init__(self) -> None:
        self.components = FakeComponents(self.behaviours, self.schemas, self.contracts)
        ports = RunPorts(self.components, self, self, VirtualClock(), SeededRandom())
        self.engine = Engine(ports, self.limits)

    async def run(self, flow: list[str], input_value: Any = None, **more: Any) -> RunRecord:
        """Run a flow as it would run from storage. `more` are the workflow's other keys; `timeout_ms` the client's."""
        trigger = Trigger(
            TriggerKind.EXECUTE, {} if input_value is None else input_value, more.pop("client_timeout_ms", None)
        )
        return await self.engine.run(self.plan({"name": "w", "flow": flow, **more}), trigger, RUN_ID)

    def plan(self, source: Mapping[str, Any]) -> Plan:
        symbols = SymbolTable(self.components.contracts, workflows=self.workflows)
        return load_plan(require_plan(compile_workflow(parse_workflow(source), symbols)).to_json())

    async def find_plan(self, name: str) -> Plan:
        await asyncio.sleep(0)
        if name not in self.workflows:
            raise NotFoundError(f"There is no workflow `{name}`.", code="WORKFLOW_NOT_FOUND")
        return self.plan({"name": name, **self.workflows[name]})

    async def reveal(self, name: str) -> str:
        await asyncio.sleep(0)
        if name not in self.secrets:
            raise build_missing_error(name)
        return self.secrets[name]

    def inputs_of(self, component: str) -> list[Input]:
        return self.components.inputs_of(component)


def statuses(record: RunRecord) -> dict[str, str]:
    return {entry.node: entry.status.value for entry in record.trace}


def data(value: Any) -> Mapping[str, Any]:
    """What a component writes that answers `value`."""
    return {"success": True, "data": value}


def failure(code: str = "BAD", message: str = "It went wrong.", **more: Any) -> Mapping[str, Any]:
    return {"success": False, "error": {"code": code, "message": message, **more}}


async def echo(given: Input) -> Mapping[str, Any]:
    """A component that answers with its input."""
    return data(given)


def taking(duration_ms: float, output: Mapping[str, Any] | None = None) -> Any:
    """A component that answers after some time, with its input if it has no other output."""

    async def behave(given: Input) -> Mapping[str, Any]:
        await asyncio.sleep(duration_ms / 1000)
        return data(given) if output is None else output

    return behave


def in_turn(*outputs: Mapping[str, Any]) -> Any:
    """A component that answers differently each time; the last answer stays."""
    left = list(outputs)

    async def behave(_given: Input) -> Mapping[str, Any]:
        return left.pop(0) if len(left) > 1 else left[0]

    return behave
