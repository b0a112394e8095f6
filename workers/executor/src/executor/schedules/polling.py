"""Polls of a `watch`: accepted runs of its component. One that has succeeded tells the Workspace what it has listed,
and hands over what is new, before it ends: lost in the middle it is repeated, and what the Workspace knows starts
nothing.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import ArcrunError, NotFoundError
from arcrun.interruptible import run_steps_pausing
from arcrun.limits import MAX_ITEMS_CHARACTERS
from arcrun.workflows.polls import load_poll
from arcrun.workflows.triggers.watch import First, Watch
from arcrun.workflows.triggers.watched_items import WatchedItem, list_items_in_steps
from arcrun.workspace.watches import FoundItem
from executor.durable.lasting import Lasting
from executor.durable.patience import patiently
from executor.durable.start import RunStart
from executor.schedules.request import ScheduledRequest
from executor.schedules.watched import seal_item
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow


def as_poll(stored: StoredWorkflow, watch: Watch) -> StoredWorkflow:
    """The workflow as a poll of it sees it: no run follows it. Raises WorkflowError PLAN_OUTDATED."""
    return replace(stored, plan=load_poll(watch), is_followed=False)


def build_poll_trigger(watch: Watch, due_ms: float, now_ms: float) -> Trigger:
    request = ScheduledRequest({}, watch.schedule, due_ms, now_ms - due_ms)
    return Trigger(TriggerKind.POLL, {}, request=request, gets_response=False)


async def hand_over(service: ExecutorService, lasting: Lasting, start: RunStart, record: RunRecord) -> RunRecord:
    """Tell the Workspace what a poll has found. Returns its record, with the error if it cannot be told."""
    try:
        watch = await _find_watch(service, start)
    except NotFoundError:  # it was deleted meanwhile
        return record
    except ArcrunError as error:
        return _fail(record, error)
    if watch is None:
        return record
    if record.error is None:
        try:
            pause = service.engine.ports.clock.pause
            items = await run_steps_pausing(list_items_in_steps(watch, record.data), pause)
            await _report(service, lasting, start, watch, items)
        except ArcrunError as error:
            record = _fail(record, error)
    if record.error is not None:
        with suppress(ArcrunError):
            watches, code = service.workflows.watches, record.error.code
            await watches.note_failed_poll(start.workflow, watch.identity, start.started_ms, code)
    return record


def _fail(record: RunRecord, error: ArcrunError) -> RunRecord:
    return replace(record, error=error, data=None)


async def _find_watch(service: ExecutorService, start: RunStart) -> Watch | None:
    """What the version watches that the poll is of. Raises NotFoundError if that was deleted, UpstreamError."""

    async def find() -> Watch | None:
        current = await service.workflows.find_by_name(start.workflow)
        if current.version == start.pin[0]:
            return current.plan.triggers.watch
        return (await service.workflows.find_version(start.workflow, start.pin[0])).plan.triggers.watch

    return await patiently(service.engine.ports.clock, find)


async def _report(
    service: ExecutorService, lasting: Lasting, start: RunStart, watch: Watch, items: Sequence[WatchedItem]
) -> None:
    """Raises UpstreamError, NotConfiguredError."""
    watches, clock = service.workflows.watches, service.engine.ports.clock
    by_digest = {item.digest: item for item in items}
    keys = await patiently(
        clock,
        lambda: watches.note_poll(
            {
                "name_id": start.workflow,
                "watch": watch.identity,
                "at_ms": start.started_ms,
                "keys": [*by_digest],
                "begins": watch.first is First.ALL,
            }
        ),
    )
    batch, size = list[FoundItem](), 0
    for key in keys:
        found = await seal_item(lasting, watch.identity, by_digest[key])
        if batch and size + len(found["item"]) > MAX_ITEMS_CHARACTERS:
            await _add(service, start, watch, batch)
            batch, size = [], 0
        batch.append(found)
        size += len(found["item"])
    if batch:
        await _add(service, start, watch, batch)


async def _add(service: ExecutorService, start: RunStart, watch: Watch, batch: list[FoundItem]) -> None:
    watches, clock = service.workflows.watches, service.engine.ports.clock
    await patiently(clock, lambda: watches.add_items(start.workflow, watch.identity, batch))
