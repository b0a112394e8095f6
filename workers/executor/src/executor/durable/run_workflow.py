"""What an instance of the Workflow `arcrun-run` does: it runs an accepted run to its end.

One that is not durable is one step: it is run once, and again only if it was lost with its isolate. A durable one has a
journal (arcrun/durable/journal.py).
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from arcrun.durable.journal import Journal
from arcrun.durable.purity import Purity
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.engine.kept_values import KeptValues
from arcrun.engine.progress import Progress
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, NotFoundError
from arcrun.limits import FREE_RUN_STEPS, MAX_RUN_STEPS, MAX_RUN_TIMEOUT_MS, MAX_UNDO_MS
from arcrun.ports import Clock, WorkflowSteps
from arcrun.workflows.model import KEEPS_ALL, Keeping, Recording
from arcrun.workflows.plan import Plan
from executor.durable.answers import render_output, render_run
from executor.durable.cancellation import ask_again
from executor.durable.cut_off_calls import RunDecisions
from executor.durable.inbox import RunInbox
from executor.durable.lasting import Lasting
from executor.durable.notes import Notes
from executor.durable.outside import OutsideClock, OutsideComponents, OutsideWorkflows
from executor.durable.patience import patiently
from executor.durable.plans import find_plan
from executor.durable.start import RunStart, load_start
from executor.durable.step_box import StepBox
from executor.hosted.hidden_names import HiddenSteps
from executor.hosted.turns import in_turn
from executor.records.runs import EndedRun, render_passed_on
from executor.service import ExecutorService

logger = logging.getLogger("arcrun")

RETRIES = 3  # the platform's, of a step that is lost with its isolate
TIMEOUT_MS = MAX_RUN_TIMEOUT_MS + MAX_UNDO_MS + 60_000


async def run_workflow(service: ExecutorService, payload: Mapping[str, Any], steps: WorkflowSteps) -> str:
    """The instance's output (answers.py); `payload` is {"run_id"}. Raises UpstreamError."""
    clock, lasting, run_id = service.engine.ports.clock, service.lasting, str(payload["run_id"])
    await clock.pause()  # what has accepted it may not have answered yet
    assert lasting is not None  # the binding that has called this is there
    found = await patiently(clock, lambda: lasting.runs.find_start(run_id))
    if found is None:  # it has ended, or was not accepted after all
        return render_output("unknown")
    if lasting.names is not None:
        steps = HiddenSteps(steps, lasting.names)
    run = InstanceRun(service, lasting, run_id, load_start(found[0]), steps, is_to_cancel=found[1])
    return await run.run_to_end()


@dataclass
class InstanceRun:
    service: ExecutorService
    lasting: Lasting
    run_id: str
    start: RunStart
    steps: WorkflowSteps
    is_to_cancel: bool
    early: RunRecord | None = None  # what has been answered

    async def run_to_end(self) -> str:
        try:
            plan = await find_plan(self.service, self.start, self.start.workflow)
        except ArcrunError as error:
            if error.retriable:
                raise
            return await self._end(KEEPS_ALL, self.start.build_failed(self.run_id, error))
        if not plan.is_durable:
            async with in_turn(self.service.quota, self._clock):
                return await self.steps.do("run", lambda: self._run_whole(plan), retries=RETRIES, timeout_ms=TIMEOUT_MS)
        box = StepBox(self.lasting, self._clock, self.run_id)
        kept = KeptValues()
        output = await self._end_kept(plan, await self._run_durable(plan, box, kept), kept)
        await box.clear()
        return output

    @property
    def _clock(self) -> Clock:
        return self.service.engine.ports.clock

    async def _run_whole(self, plan: Plan) -> str:
        start = self.start
        interrupt = ask_again(self.lasting, self._clock, self.run_id)
        kept = KeptValues()
        trigger = replace(start.trigger, interrupt=interrupt, kept=kept)
        engine = self.service.engine
        record = await engine.run(plan, trigger, self.run_id, version=start.pin[0], starter=self.service)
        if start.trigger.kind is TriggerKind.POLL:
            return await self._end_poll(plan, record)
        return await self._end_kept(plan, record, kept)

    async def _end_poll(self, plan: Plan, record: RunRecord) -> str:
        """Nothing is kept for a retry: the next poll does the same."""
        from executor.schedules.polling import hand_over  # noqa: PLC0415 - few workflows watch

        return await self._end(plan.keeping, await hand_over(self.service, self.lasting, self.start, record))

    async def _run_durable(self, plan: Plan, box: StepBox, kept: KeptValues) -> RunRecord:
        engine, start = self.service.engine, self.start
        purity, progress = Purity(start.pure), Progress()
        notes = Notes(self.lasting, engine.ports.clock, self.run_id, progress)
        journal = Journal(
            self.run_id,
            self.steps,
            box,
            RunInbox(self.lasting, engine.ports.clock, self.run_id),
            engine.ports.clock,
            started_ms=start.started_ms,
            purity=purity,
            most_steps=FREE_RUN_STEPS if engine.limits.is_free else MAX_RUN_STEPS,
            on_rest=notes.rest if plan.keeping.recording is not Recording.NONE else None,
            decisions=RunDecisions(self.lasting, engine.ports.clock, self.run_id),
        )
        ports = RunPorts(
            OutsideComponents(engine.ports.components, journal),
            OutsideWorkflows(self._find_callee, journal),
            engine.ports.credentials,
            OutsideClock(engine.ports.clock, journal),
            engine.ports.random,
        )
        interrupt = journal.interrupt if self.is_to_cancel else None
        links = start.open_links(self.run_id)
        trigger = replace(start.trigger, interrupt=interrupt, links=links, progress=progress, kept=kept)
        if plan.responds and trigger.kind is TriggerKind.WEBHOOK and trigger.gets_response:
            trigger.answer_early = partial(self._answer_early, journal)
        run = Engine(ports, engine.limits).run(
            plan, trigger, self.run_id, version=start.pin[0], journal=journal, starter=self.service
        )
        try:
            return await journal.run(run)
        finally:
            notes.stop()

    def _answer_early(self, journal: Journal, record: RunRecord) -> None:
        """Keep what is answered to the client that waits; again if the isolate is lost behind it."""
        self.early = record
        content = render_run(record)
        journal.leave_behind(patiently(self._clock, lambda: self.lasting.runs.note_early_answer(self.run_id, content)))

    async def _find_callee(self, name: str) -> Plan:
        if name not in self.start.callees:
            raise NotFoundError(f"There is no workflow `{name}`.", code="WORKFLOW_NOT_FOUND")
        return await find_plan(self.service, self.start, name)

    async def _end_kept(self, plan: Plan, record: RunRecord, kept: KeptValues) -> str:
        """Store the record, and of one that has not succeeded its values, for a retry."""
        values_bytes = 0
        if record.error is not None and plan.keeping.recording is not Recording.NONE:
            try:
                values = await kept.render(plan, self._clock.pause)
                values_bytes = await patiently(self._clock, lambda: self.lasting.runs.keep_values(self.run_id, values))
            except ArcrunError as error:
                logger.warning("The values of run %s could not be kept: %s", self.run_id, error.code)
        return await self._end(plan.keeping, record, values_bytes)

    async def _end(self, keeping: Keeping, record: RunRecord, values_bytes: int = 0) -> str:
        """Store the record, once more if the isolate is lost behind it. Returns the instance's output."""
        passed_on = render_passed_on(record) if self.start.is_followed else None
        depth = self.start.trigger.depth + 1
        shown = record.shortened()
        ended = EndedRun(shown, keeping, b"", values_bytes=values_bytes, answer=passed_on, depth=depth)
        answer = await self._choose_answer(record)  # before what was answered early goes with the run's start
        await patiently(self._clock, lambda: self.lasting.runs.end_accepted(ended))
        self.service.usage.add(record.usage)
        if self.start.ticket:
            await self.service.runs.leave(self.start.ticket)
        return render_output(record.status, None if answer is None else await self._keep_answer(answer))

    async def _choose_answer(self, record: RunRecord) -> bytes | None:
        """What is answered to a client that waits; None if none does. What an isolate before this one has answered
        early counts, for other steps may have ended by then.
        """
        if not self.start.trigger.gets_response:
            return None
        if self.early is None:
            return render_run(record)
        with suppress(ArcrunError):
            if (first := await self.lasting.runs.find_early_answer(self.run_id)) is not None:
                return first
        return render_run(self.early)

    async def _keep_answer(self, answer: bytes) -> str | None:
        """Keep it. Without it the client gets the run's id: the record is stored."""
        try:
            return await self.lasting.runs.keep_answer(self.run_id, answer)
        except ArcrunError as error:
            logger.warning("The answer of run %s could not be kept: %s", self.run_id, error.code)
            return None
