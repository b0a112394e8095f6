"""What a durable run shows while it waits: the records of the nodes that have ended, and of those that wait."""

from typing import Any

from arcrun.credentials.redaction import Redactor
from arcrun.engine.context import RunContext
from arcrun.engine.record import NodeRecord, scrub_trace
from arcrun.interruptible import run_steps_pausing
from arcrun.workflows.plan import Plan


class Progress:
    """`version` changes whenever a node begins or ends to wait."""

    def __init__(self) -> None:
        self.version = 0
        self._waiting: dict[str, NodeRecord] = {}
        self._run: tuple[Plan, RunContext] | None = None

    def attach(self, plan: Plan, context: RunContext) -> None:
        """The run has begun."""
        self._run = plan, context

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def begin_wait(self, step: str, record: NodeRecord) -> None:
        self._waiting[step] = record
        self.version += 1

    def end_wait(self, step: str) -> None:
        del self._waiting[step]
        self.version += 1

    async def render(self) -> list[dict[str, Any]]:
        """The trace so far, without the secrets that the run has read."""
        if self._run is None:
            return []
        plan, context = self._run
        trace = (*context.ledger.trace_so_far(plan), *self._waiting.values())
        pause = context.ports.clock.pause
        redactor = await run_steps_pausing(Redactor.build(context.secrets.values()), pause)
        return [entry.to_json() for entry in await run_steps_pausing(scrub_trace(trace, redactor), pause)]
