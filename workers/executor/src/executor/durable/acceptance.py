"""Accepts a run: it is stored with what it is started with, and then its instance is created, under its id, unless it
is queued: its workflow is paused, or its limits have no room.

A run of which the instance could not be created is not accepted. If the platform dies between the two, `resume_runs`
creates it: the local platform's does at each start, and wakes those that it has.
"""

from collections.abc import Sequence

from arcrun.contracts.model import Contract
from arcrun.durable.links import KEY_BYTES
from arcrun.durable.waits import WAITS
from arcrun.engine.engine import Trigger
from arcrun.errors import ArcrunError, NotFoundError, RunError
from arcrun.limits import MAX_DURABLE_MS
from arcrun.workflows.model import KEEPS_ALL
from arcrun.workflows.plan import Plan
from arcrun.workflows.waiting import asks_people
from executor.accepted_runs import make_keepable
from executor.durable.answers import ENDED
from executor.durable.lasting import Lasting
from executor.durable.queueing import begin_if_resumed
from executor.durable.start import RunStart, load_start
from executor.records.runs import AcceptedRun, EndedRun
from executor.service import AcceptedTrigger, ExecutorService
from executor.starts.start_limits import admit, admit_or_queue
from executor.workflows import StoredWorkflow

PAUSE = "the end of its workflow's pause"
WAKING = "arcrun-wake"  # a type of event that no run waits for
PAGE = 100


async def accept_run(
    service: ExecutorService, lasting: Lasting, stored: StoredWorkflow, accepted: AcceptedTrigger
) -> AcceptedRun:
    """Raises InputError, NotConfiguredError, RateLimitedError, UpstreamError: then there is no run."""
    run, ticket = await prepare_run(service, lasting, stored, accepted.trigger, accepted.run_id)
    try:
        await accepted.accept(run)
        try:
            if stored.pause is not None:
                await begin_if_resumed(service, lasting, stored.name, run.run_id)
            elif not run.is_queued:
                await lasting.instances.create(run.run_id, {"run_id": run.run_id})
        except ArcrunError:
            await lasting.runs.drop_accepted(run.run_id)
            raise
    except ArcrunError:
        if ticket:
            await service.runs.leave(ticket)
        raise
    return run


async def prepare_run(
    service: ExecutorService, lasting: Lasting, stored: StoredWorkflow, trigger: Trigger, run_id: str
) -> tuple[AcceptedRun, str]:
    """What is stored of a run that is to be accepted, and the ticket with which it counts towards its workflow's
    limits. Raises what `accept_run` does.
    """
    plan = stored.plan
    if not plan.is_durable:  # the time of a durable one is mostly spent waiting
        trigger = service.clamp(trigger)
    await service.engine.check_input(plan, trigger)
    limit_ms = min(plan.timeout_ms, trigger.timeout_ms or plan.timeout_ms)
    ticket, waits_for = "", "" if stored.pause is None else PAUSE
    if plan.queues_runs:
        ticket, waits_for = await admit_or_queue(lasting, plan, trigger, run_id)
    elif plan.start_limits:
        ticket = await admit(service.runs, plan, trigger)
    try:
        start = await _build_start(service, lasting, stored, trigger, ticket)
        shown = await make_keepable(plan, trigger, service.engine.ports)
    except ArcrunError:
        if ticket:
            await service.runs.leave(ticket)
        raise
    run = AcceptedRun(
        *(run_id, stored.name, stored.version, trigger.kind, MAX_DURABLE_MS if plan.is_durable else limit_ms, shown),
        *(trigger.render_input(), plan.keeping, start.to_bytes(), waits_for, plan.queues_runs),
        request=trigger.request if plan.sees_request else None,
        replay_of="" if trigger.replay is None else trigger.replay.origin,
    )
    return run, ticket


async def _build_start(
    service: ExecutorService, lasting: Lasting, stored: StoredWorkflow, trigger: Trigger, ticket: str
) -> RunStart:
    callees = await find_callees(service, stored.plan)
    plans = [stored.plan, *(each.plan for each in callees.values())]
    ports = service.engine.ports
    return RunStart(
        stored.name,
        (stored.version, stored.plan.sha256),
        {name: (each.version, each.plan.sha256) for name, each in callees.items()},
        await find_pure(service, plans),
        trigger,
        ports.clock.now_ms(),
        ticket,
        (await lasting.find_base_url(), ports.random.token_bytes(KEY_BYTES)) if any(map(asks_people, plans)) else None,
        {} if stored.pause is not None else {each.name: each.to_json() for each in plans},
        stored.is_followed,
    )


async def find_callees(service: ExecutorService, plan: Plan) -> dict[str, StoredWorkflow]:
    """The workflows that a run may call, as they are now. Raises UpstreamError."""
    found: dict[str, StoredWorkflow] = {}
    pending = [plan]
    while pending:
        called = {call.workflow for call in pending.pop().calls if call.workflow and not call.is_detached}
        for name in called - found.keys():
            try:
                found[name] = await service.workflows.find_by_name(name)
            except NotFoundError:
                continue
            pending.append(found[name].plan)
    return found


async def find_pure(service: ExecutorService, plans: Sequence[Plan]) -> list[str]:
    """The components whose calls reach nothing outside, and do not wait. One that is not found is none of them."""
    pure = []
    for name in sorted({call.component for plan in plans for call in plan.calls if call.workflow is None}):
        try:
            contract = (await service.components.find(name)).contract
        except ArcrunError as error:
            if error.retriable:
                raise
            continue
        if not _reaches_outside(contract) and contract.canonical_id not in WAITS:
            pure.append(name)
    return pure


def _reaches_outside(contract: Contract) -> bool:
    return contract.reaches_outside or "sleep" in contract.capabilities


async def end_without_instance(lasting: Lasting, run_id: str, error: ArcrunError) -> None:
    """Record that a run has ended with `error`, if it has not ended yet."""
    if (found := await lasting.runs.find_start(run_id)) is not None:
        start = load_start(found[0])
        await lasting.runs.end_accepted(EndedRun(start.build_failed(run_id, error), KEEPS_ALL, b""))
        if start.ticket:
            await lasting.runs.leave(start.ticket)


async def _wake(lasting: Lasting, run_id: str) -> None:
    instance = await lasting.instances.status(run_id)
    if instance is not None and instance.status in ENDED:
        await give_up(lasting, run_id)
        return
    await lasting.instances.send_event(run_id, WAKING, {})
    await lasting.instances.resume(run_id)


async def give_up(lasting: Lasting, run_id: str) -> None:
    """Record that a run has failed whose instance has ended without it, and cannot be created again."""
    error = RunError(
        "The platform has ended the run's instance.",
        code="RUN_LOST",
        next_actions=["Look into the executor's log for the reason, and start the workflow again."],
    )
    await end_without_instance(lasting, run_id, error)


async def resume_runs(lasting: Lasting) -> int:
    """Create the instances that are missing, and wake those of all runs that have not ended. Returns how many runs.

    Raises UpstreamError.
    """
    count, cursor = 0, None
    while True:
        run_ids, cursor = await lasting.runs.list_unfinished(PAGE, cursor)
        for run_id in run_ids:
            if not await lasting.instances.create(run_id, {"run_id": run_id}):
                await _wake(lasting, run_id)
        count += len(run_ids)
        if cursor is None:
            return count
