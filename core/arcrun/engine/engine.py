"""The engine runs a plan for a trigger and builds the run's record."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from arcrun.credentials.redaction import Redactor
from arcrun.engine.answers.responder import Responder
from arcrun.engine.budget import PAID, RunLimits
from arcrun.engine.context import Answer, AnyReplay, Ledger, RunContext, RunPorts, Starter, TraceBudget
from arcrun.engine.input_check import require_input
from arcrun.engine.record import RunRecord
from arcrun.engine.request import PlainRequest, RequestSource, RunRequest
from arcrun.engine.scheduler import run_plan
from arcrun.engine.tasks import STRETCH_WORK, DurablePace, Pace, Slots
from arcrun.engine.trigger import LimitedBy, TriggerKind
from arcrun.errors import ArcrunError, InternalError, describe_fault
from arcrun.interruptible import Pause, run_steps_pausing
from arcrun.json_size import SMALL_CHARACTERS, SMALL_FACTOR, size_of_in_steps
from arcrun.json_text import write_json
from arcrun.limits import KIB, MAX_UNDO_MS
from arcrun.workflows.plan import Plan

if TYPE_CHECKING:
    from arcrun.durable.journal import Journal
    from arcrun.durable.links import Links
    from arcrun.engine.kept_values import KeptValues
    from arcrun.engine.progress import Progress

LARGE_INPUT = 64 * KIB  # from this weight on a condition may take a stretch or more

logger = logging.getLogger("arcrun")


@dataclass(slots=True)  # made for each run: a frozen one takes three times as long
class Trigger:
    """What starts a run. `timeout_ms` is how long its client waits, or what `limited_by` sets; `depth` is the number of
    runs in the chain before it. `undo_ms` is the time for undos if it fails. `body_bytes` is the size of the request's
    body; `text` is the body itself if it is exactly the input. `is_checked` is whether the input is known to fit the
    plan's input_schema. `request` is the request that templates see; None for a PlainRequest of the input. `interrupt`
    returns when the run is to end (RUN_CANCELLED).
    `gets_response` is whether its client gets the workflow's `response`. `links` are those with which people decide,
    `progress` what the run shows while it waits. `replay` is set if it replays another run. `answer_early` gets the
    record of the run so far if a line to `respond` fires, once. `kept` gets the run's values.
    """

    kind: TriggerKind
    input: Any
    timeout_ms: float | None = None
    depth: int = 0
    body_bytes: int = 0
    text: bytes = b""
    is_checked: bool = False
    limited_by: LimitedBy = LimitedBy.REQUEST
    request: RequestSource | None = None
    undo_ms: float = MAX_UNDO_MS
    gets_response: bool = True
    interrupt: Callable[[], Awaitable[None]] | None = None
    links: "Links | None" = None
    progress: "Progress | None" = None
    replay: AnyReplay | None = None
    answer_early: Callable[[RunRecord], None] | None = None
    kept: "KeptValues | None" = None

    def render_input(self) -> bytes:
        """The input as JSON. `text` is none if it is empty, white space, or begins with a byte order mark."""
        is_json = self.text[:1] <= b"}" and not self.text.isspace()
        return self.text if self.text and is_json else write_json(self.input).encode()


async def _weigh_input(trigger: Trigger, pause: Pause) -> int:
    """The weight of the input. It is estimated, not measured, for a small body."""
    if 0 < trigger.body_bytes <= SMALL_CHARACTERS:
        return SMALL_FACTOR * trigger.body_bytes
    return (await run_steps_pausing(size_of_in_steps(trigger.input), pause)).weight


@dataclass(frozen=True)
class Engine:
    ports: RunPorts
    limits: RunLimits = PAID

    async def check_input(self, plan: Plan, trigger: Trigger) -> None:
        """Raises InputError if the plan has an input_schema and the input does not fit; ComponentError, UpstreamError,
        CpuBudgetError if it cannot be checked.
        """
        if plan.input_schema is not None:
            await require_input(plan, trigger.input, self.ports.components, self.limits.open_budget())
            await self.ports.clock.pause()

    async def run(
        self,
        plan: Plan,
        trigger: Trigger,
        run_id: str,
        *,
        version: int = 0,
        journal: "Journal | None" = None,
        watch: Callable[[str], Awaitable[bool]] | None = None,
        starter: Starter | None = None,
    ) -> RunRecord:
        """Run a plan. Failures of nodes are not raised; the record reports them. A durable run has a `journal`, and is
        run by it. `watch` tells by its id whether somebody has asked that a run ends that is not durable; `starter`
        starts what is detached. Raises the errors of `check_input`, before anything runs.
        """
        if plan.input_schema is not None and not trigger.is_checked:
            await self.check_input(plan, trigger)
        context = self._build_context(plan, trigger, run_id, version, journal)
        context.watch = None if watch is None else partial(watch, run_id)
        context.starter = starter
        responder = None
        if plan.response is not None and trigger.gets_response:
            responder = context.responder = Responder(plan.response, context, run_id)
        answer, error = Answer(None, 0), None
        try:
            context.budget.work.take_read(trigger.body_bytes)
            if trigger.body_bytes > STRETCH_WORK:  # reading and weighing it are two stretches
                await self.ports.clock.pause()
            weight = await _weigh_input(trigger, self.ports.clock.pause)
            if weight > LARGE_INPUT:  # many may have arrived at once: start them one by one
                await self.ports.clock.pause()
            context.pace.count(3 * weight)  # it was read and weighed, and a node may write it
            answer = await run_plan(
                plan, trigger.input, context, trigger.timeout_ms, weight, limited_by=trigger.limited_by
            )
        except ArcrunError as raised:
            error = raised
        except Exception as fault:
            logger.error("The run %s failed with an unexpected error: %s", run_id, describe_fault(fault))
            error = InternalError()
        await context.undone.finish()
        if trigger.kept is not None:
            trigger.kept.secrets = context.secrets.values()
        if error is not None and responder is not None:
            await responder.answer_failure(error, trigger.input)
        record = RunRecord(
            run_id=run_id,
            workflow=plan.name,
            version=version,
            trigger=trigger.kind,
            started_ms=context.started_ms,
            duration_ms=context.since_start_ms(),
            data=answer.value,
            error=error,
            trace=context.ledger.trace(plan),
            weight=answer.weight,
            usage=context.usage,
            undone=context.undone.outcome,
            undos=context.undone.trace(),
            response=None if responder is None else responder.response,
            replay_of="" if trigger.replay is None else trigger.replay.origin,
        )
        await context.pace.rest()  # writing the answer is a separate stretch
        if not context.secrets:
            return record
        redactor = await run_steps_pausing(Redactor.build(context.secrets.values()), self.ports.clock.pause)
        return await run_steps_pausing(record.scrubbed(redactor), self.ports.clock.pause)

    def _build_context(
        self, plan: Plan, trigger: Trigger, run_id: str, version: int, journal: "Journal | None"
    ) -> RunContext:
        clock = self.ports.clock
        trace_budget, budget = TraceBudget(), self.limits.open_budget(depth=trigger.depth)
        context = RunContext(
            ports=self.ports,
            ledger=Ledger(trace_budget),
            started_ms=(journal or clock).now_ms(),
            budget=budget,
            pace=Pace(clock, budget.work) if journal is None else DurablePace(journal, clock, budget.work),
            slots=Slots(plan.concurrency),
            workflow=plan.name,
            trace_budget=trace_budget,
            journal=journal,
            interrupt=trigger.interrupt,
            run_id=run_id,
            links=trigger.links,
            progress=trigger.progress,
            replay=trigger.replay,
            kept=trigger.kept,
        )
        if trigger.replay is not None:
            context.secrets |= trigger.replay.name_secrets()
            context.origin = trigger.replay.origin
        if trigger.progress is not None:
            trigger.progress.enter("", plan, context)
        context.undone.left_ms = trigger.undo_ms
        if plan.sees_request:
            source = trigger.request or PlainRequest(trigger.input)
            context.request = RunRequest(source, context.started_ms, trigger.kind.value)
        if plan.responds:
            from arcrun.engine.answers.early_answer import EarlyAnswer  # noqa: PLC0415 - few runs answer early

            context.early_answer = EarlyAnswer(plan, trigger, context, version)
        return context
