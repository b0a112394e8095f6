"""Begins the runs of workflows that start by themselves: each an accepted run of the current version, under an id that
is made of its time. So a run that has begun already does not begin again, whatever has become of the alarm that began
it.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, NotFoundError, RunError, WorkflowError, WorkflowPausedError
from arcrun.ports import Clock
from arcrun.workflows.model import Recording
from arcrun.workflows.triggers.schedules import Schedule, keys_of
from arcrun.workflows.triggers.watch import is_watch_key
from arcrun.workspace.chains import ToldEnd
from arcrun.workspace.starts import Starts
from executor.durable.acceptance import PAUSE, prepare_run
from executor.durable.answers import ENDED
from executor.durable.lasting import Lasting
from executor.durable.queueing import begin_if_resumed, require_queue
from executor.records.runs import AcceptedRun, EndedRun
from executor.schedules.request import ScheduledRequest
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow

FAILURES = "failure_of"  # the key of what failures start
AFTER = "after"  # the key of what follows runs
WATCHED = "watch"  # the key of what a watch has found

logger = logging.getLogger("arcrun")


@dataclass(frozen=True)
class DueRun:
    """A time of the schedule `key` of a workflow, and the run that it starts. Of a workflow that handles failures `key`
    is FAILURES, and `told` the run's input; of one that follows another's runs AFTER, and `told` the ToldEnd; of an
    item that a watch has found WATCHED, and `told` its row. All but these keys are as the Workspace has them
    (arcrun/workspace/starts.py): `name` is the id of the workflow's name.
    """

    name: str
    key: str
    due_ms: float
    run_id: str
    told: Any = None


class Fate(Enum):
    BEGUN = auto()  # or it had begun before, or has failed at once
    REFUSED = auto()  # the workflow is paused, or cannot run at all
    GONE = auto()  # the current version is not started by it
    LATER = auto()  # something that the platform needs does not answer
    FULL = auto()  # whoever's run it is may start no more now: the oldest is next


@dataclass(frozen=True)
class AcceptedStarter:
    """Begins due runs as accepted ones."""

    service: ExecutorService
    lasting: Lasting

    async def begin(self, due: Sequence[DueRun]) -> Mapping[str, Fate]:
        batch = _Batch(self.service, self.lasting)
        await batch.begin(due)
        return batch.fates

    async def list_running(self, run_ids: Sequence[str]) -> Sequence[str]:
        return await self.lasting.runs.list_running(run_ids)

    async def forget(self, run_id: str) -> None:
        with suppress(ArcrunError):
            await self.lasting.instances.delete(run_id)


@dataclass(frozen=True)
class _Prepared:
    run: AcceptedRun
    ticket: str


class _Batch:
    """Begins at most MAX_FIRINGS runs together: their rows in one call of each object of the RunLog, their instances in
    one of the platform. `fates` says what has become of each, by its run's id.
    """

    def __init__(self, service: ExecutorService, lasting: Lasting) -> None:
        self._service, self._lasting = service, lasting
        self._found: dict[str, StoredWorkflow | Fate] = {}
        self.fates: dict[str, Fate] = {}

    async def begin(self, due: Sequence[DueRun]) -> None:
        prepared = [ready for each in due if (ready := await self._prepare(each)) is not None]
        if not prepared:
            return
        try:
            accepted = await self._lasting.runs.accept_new([each.run for each in prepared])
            refused = {*accepted["refused"]}
            self.fates |= dict.fromkeys(refused, Fate.FULL)
            await self._leave([each for each in prepared if each.run.run_id in refused])
            prepared = [each for each in prepared if each.run.run_id not in refused]
            unfinished = {*accepted["unfinished"]}
            started = {each.run.run_id for each in prepared if each.run.run_id in unfinished and not each.run.is_queued}
            created = {*await self._create(started)}
            await self._drop_unkept([each.run for each in prepared if each.run.run_id in started - created])
            await self._begin_queued([each.run for each in prepared if each.run.waits_for == PAUSE])
        except ArcrunError as error:
            logger.warning("Runs of schedules could not begin, and will be tried again: %s", error.message)
            await self._leave(prepared)
            return
        for each in prepared:
            self.fates[each.run.run_id] = Fate.BEGUN
        await self._leave([each for each in prepared if not _counts(each.run, unfinished, created)])

    async def _prepare(self, due: DueRun) -> _Prepared | None:
        self.fates[due.run_id] = Fate.LATER
        try:
            found = await self._find(due.name)
            if due.key == AFTER and not isinstance(found, Fate):
                return await self._prepare_following(found, due)
            if due.key == FAILURES and not isinstance(found, Fate):
                return await self._prepare_handler(found, due)
            if due.key == WATCHED and not isinstance(found, Fate):
                return await self._prepare_watched(found, due)
            if is_watch_key(due.key) and not isinstance(found, Fate):
                return await self._prepare_poll(found, due)
            trigger = None if isinstance(found, Fate) else self._build_trigger(found, due)
            if isinstance(found, Fate) or trigger is None:
                self.fates[due.run_id] = found if isinstance(found, Fate) else Fate.GONE
                return None
            return await self._prepare_run(found, trigger, due)
        except WorkflowPausedError:
            self.fates[due.run_id] = Fate.REFUSED
        except ArcrunError as error:
            logger.warning("A run of %s could not be prepared: %s", due.name, error.code)
        except Exception:  # of one workflow: the others begin all the same
            logger.exception("A run of %s could not be prepared", due.name)
        return None

    async def _prepare_following(self, stored: StoredWorkflow, due: DueRun) -> _Prepared | None:
        from executor.schedules.following import build_following_trigger  # noqa: PLC0415 - few workflows follow others

        starts, told = self._service.workflows.starts, due.told["workflow"]
        followed = next((name for name in stored.plan.triggers.after if starts.id_of(name) == told), None)
        if followed is None:
            self.fates[due.run_id] = Fate.GONE
            return None
        try:
            end: ToldEnd = due.told | {"workflow": followed}
            trigger = await build_following_trigger(self._lasting, end)
        except RunError as error:
            await self._record_failure(stored, Trigger(TriggerKind.AFTER, None, depth=due.told["depth"]), due, error)
            self.fates[due.run_id] = Fate.BEGUN
            return None
        return await self._prepare_run(stored, trigger, due)

    async def _prepare_handler(self, stored: StoredWorkflow, due: DueRun) -> _Prepared | None:
        from executor.schedules.following import require_depth  # noqa: PLC0415 - as above

        if stored.plan.triggers.failure_of is None:
            self.fates[due.run_id] = Fate.GONE
            return None
        workflows = self._service.workflows
        told = dict(await workflows.starts.open_failures(due.told, workflows.find_name_by_id))
        depth = told.pop("depth", 1)
        trigger = Trigger(TriggerKind.FAILURE, told, depth=depth, gets_response=False)
        try:
            require_depth(depth)
        except RunError as error:
            await self._record_failure(stored, trigger, due, error)
            self.fates[due.run_id] = Fate.BEGUN
            return None
        return await self._prepare_run(stored, trigger, due)

    async def _prepare_watched(self, stored: StoredWorkflow, due: DueRun) -> _Prepared | None:
        from executor.schedules.watched import build_watched_trigger  # noqa: PLC0415 - few workflows watch

        watch = stored.plan.triggers.watch
        if watch is None or watch.identity != due.told["watch"]:
            self.fates[due.run_id] = Fate.GONE
            return None
        try:
            trigger = await build_watched_trigger(self._lasting, due.told)
        except RunError as error:
            await self._record_failure(stored, Trigger(TriggerKind.WATCH, None), due, error)
            self.fates[due.run_id] = Fate.BEGUN
            return None
        return await self._prepare_run(stored, trigger, due)

    async def _prepare_poll(self, stored: StoredWorkflow, due: DueRun) -> _Prepared | None:
        """A paused workflow is not polled: what is new by then the first poll after it finds."""
        from executor.schedules.polling import as_poll, build_poll_trigger  # noqa: PLC0415 - as above

        watch = stored.plan.triggers.watch
        if watch is None or watch.schedule_key != due.key:
            self.fates[due.run_id] = Fate.GONE
            return None
        if stored.pause is not None:
            raise WorkflowPausedError
        trigger = build_poll_trigger(watch, due.due_ms, self._clock.now_ms())
        return await self._prepare_run(as_poll(stored, watch), trigger, due)

    async def _find(self, name: str) -> StoredWorkflow | Fate:
        if name not in self._found:
            try:
                self._found[name] = await self._service.workflows.find_current_by_id(name)
            except NotFoundError:
                self._found[name] = Fate.GONE
            except WorkflowError as error:
                logger.warning("%s is due, and cannot run: %s", name, error.message)
                self._found[name] = Fate.REFUSED
        return self._found[name]

    def _build_trigger(self, stored: StoredWorkflow, due: DueRun) -> Trigger | None:
        """None if the current version is not started by it."""
        schedule = _find_schedule(stored, due.key, self._service.workflows.starts)
        if schedule is None:
            return None
        value = {} if schedule.input is None else schedule.input
        request = ScheduledRequest(value, schedule, due.due_ms, self._clock.now_ms() - due.due_ms)
        return Trigger(TriggerKind.SCHEDULE, value, request=request, gets_response=False)

    @property
    def _clock(self) -> Clock:
        return self._service.engine.ports.clock

    async def _prepare_run(self, stored: StoredWorkflow, trigger: Trigger, due: DueRun) -> _Prepared | None:
        if stored.pause is not None:
            await require_queue(self._lasting, stored, stored.pause, due.run_id)
        try:
            return _Prepared(*await prepare_run(self._service, self._lasting, stored, trigger, due.run_id))
        except ArcrunError as error:
            if error.retriable:
                raise
            await self._record_failure(stored, trigger, due, error)
        self.fates[due.run_id] = Fate.BEGUN
        return None

    async def _record_failure(self, stored: StoredWorkflow, trigger: Trigger, due: DueRun, error: ArcrunError) -> None:
        """Show a run that cannot begin, such as one whose input does not fit, among those that have failed."""
        record = RunRecord(
            run_id=due.run_id,
            workflow=stored.name,
            version=stored.version,
            trigger=trigger.kind,
            started_ms=self._clock.now_ms(),
            duration_ms=0,
            data=None,
            error=error,
            trace=(),
        )
        await self._service.runs.add_accepted(EndedRun(record, stored.plan.keeping, b"", depth=trigger.depth + 1))

    async def _create(self, run_ids: set[str]) -> Collection[str]:
        """Create the instances. Returns those that are new."""
        if not run_ids:
            return ()
        return await self._lasting.instances.create_batch({each: {"run_id": each} for each in sorted(run_ids)})

    async def _drop_unkept(self, runs: Sequence[AcceptedRun]) -> None:
        """Runs that had an instance already: of one that leaves no record of its success, and has ended, nothing is
        kept.
        """
        for run in runs:
            if run.keeping.recording in (Recording.NONE, Recording.ERRORS):
                instance = await self._lasting.instances.status(run.run_id)
                if instance is not None and instance.status in ENDED:
                    await self._lasting.runs.drop_accepted(run.run_id)

    async def _begin_queued(self, runs: Sequence[AcceptedRun]) -> None:
        for run in runs:
            await begin_if_resumed(self._service, self._lasting, run.workflow, run.run_id)

    async def _leave(self, prepared: Sequence[_Prepared]) -> None:
        for each in prepared:
            if each.ticket:
                await self._service.runs.leave(each.ticket)


def _counts(run: AcceptedRun, unfinished: Collection[str], created: Collection[str]) -> bool:
    """Whether the run counts towards its workflow's limits under the ticket of this preparation. One that had begun
    before has a ticket of its own, unless its limits queue: then it is given the same again.
    """
    if run.is_limited:
        return run.run_id in unfinished
    return run.run_id in created or run.is_queued


def _find_schedule(stored: StoredWorkflow, key: str, starts: Starts) -> Schedule | None:
    schedules = stored.plan.triggers.schedules
    return dict(zip(map(starts.key_of, keys_of(schedules)), schedules, strict=True)).get(key)
