"""What a durable run shows while it waits: the records of the nodes that have ended, and of those that wait."""

from dataclasses import replace
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
        self._runs: dict[str, tuple[Plan, RunContext]] = {}  # the run, and the sub-workflows under way, by their steps

    def enter(self, step: str, plan: Plan, context: RunContext) -> None:
        """The run, whose step is "", or a sub-workflow has begun."""
        self._runs[step] = plan, context

    def leave(self, step: str) -> None:
        """A sub-workflow has ended."""
        del self._runs[step]

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
        if not self._runs:
            return []
        ended = [
            replace(record, node=f"{context.path}{record.node}")
            for plan, context in self._runs.values()
            for record in context.ledger.trace_so_far(plan)
        ]
        trace, (_, context) = (*ended, *self._waiting.values()), next(iter(self._runs.values()))
        pause = context.ports.clock.pause
        redactor = await run_steps_pausing(Redactor.build(context.secrets.values()), pause)
        return [entry.to_json() for entry in await run_steps_pausing(scrub_trace(trace, redactor), pause)]
