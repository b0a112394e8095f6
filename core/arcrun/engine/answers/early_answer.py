"""The answer of a run before its end: what the first line to `respond` brings, and the workflow's response then."""

from arcrun.credentials.redaction import Redactor
from arcrun.engine.context import Answer, RunContext
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.interruptible import run_steps_pausing
from arcrun.workflows.plan import Plan


class EarlyAnswer:
    """Answers the client of one run once; what leads to `respond` after that changes nothing."""

    def __init__(self, plan: Plan, trigger: Trigger, context: RunContext, version: int) -> None:
        self._plan, self._trigger, self._context, self._version = plan, trigger, context, version
        self._is_given = False

    async def give(self, answer: Answer) -> None:
        """Make the answer, and tell the trigger. Raises RunError ANSWER_TOO_LARGE, RESPONSE_FAILED; CpuBudgetError."""
        if self._is_given:
            return
        self._is_given = True
        context = self._context
        answer.require_bounds()
        if context.responder is not None:
            await context.responder.answer()
        if self._trigger.answer_early is not None:
            self._trigger.answer_early(await self._build_record(answer))

    async def _build_record(self, answer: Answer) -> RunRecord:
        """The record of the run so far, as if it had succeeded, without the secrets that it has read."""
        context = self._context
        record = RunRecord(
            run_id=context.run_id,
            workflow=self._plan.name,
            version=self._version,
            trigger=self._trigger.kind,
            started_ms=context.started_ms,
            duration_ms=context.since_start_ms(),
            data=answer.value,
            error=None,
            trace=context.ledger.trace_so_far(self._plan),
            weight=answer.weight,
            response=None if context.responder is None else context.responder.response,
        )
        pause = context.ports.clock.pause
        redactor = await run_steps_pausing(Redactor.build(context.secrets.values()), pause)
        return await run_steps_pausing(record.scrubbed(redactor), pause)
