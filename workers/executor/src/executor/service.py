"""What the executor does, free of HTTP: execute, push, trigger."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.engine.engine import Engine
from arcrun.engine.record import RunRecord
from arcrun.wasm.abi import Outcome
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, build_plan
from executor.components import ComponentCaller
from executor.webhooks import Webhook, WebhookStore


@dataclass(frozen=True)
class ExecutorService:
    components: ComponentCaller
    webhooks: WebhookStore
    engine: Engine

    async def execute_component(self, reference: str, input_value: Mapping[str, Any]) -> Outcome:
        return await self.components.call(await self.components.find(reference), input_value)

    async def execute_workflow(self, source: str | Mapping[str, Any], input_value: Any) -> RunRecord:
        return await self.engine.run(await self._compile(source), input_value)

    async def push(self, source: str | Mapping[str, Any]) -> Webhook:
        return await self.webhooks.save(source, await self._compile(source))

    async def trigger(self, token: str, input_value: Any) -> RunRecord:
        return await self.engine.run((await self.webhooks.find(token)).plan, input_value)

    async def trigger_by_name(self, name: str, input_value: Any) -> RunRecord:
        return await self.engine.run((await self.webhooks.find_by_name(name)).plan, input_value)

    async def _compile(self, source: str | Mapping[str, Any]) -> Plan:
        workflow = parse_workflow(source)
        references = {node.component for node in workflow.nodes.values()}
        unknown = [name for name in references if not await self.components.library.exists(name)]
        return build_plan(workflow, unknown)
