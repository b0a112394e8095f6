"""Runs of workflows with `limits`: one object admits and counts those of a workflow. Imported with the first one."""

import hashlib
import json
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from arcrun.admissions import Counted
from arcrun.engine.engine import Trigger
from arcrun.engine.request import PlainRequest
from arcrun.errors import InputError, RateLimitedError, RequestError, TemplateError
from arcrun.limits import MAX_WAITING_RUNS
from arcrun.ports import Background
from arcrun.run_log.limited_runs import QueueingLimit
from arcrun.workflows.plan import Plan
from arcrun.workflows.triggers.model import OnLimit, StartLimit
from executor.durable.lasting import Lasting
from executor.records.runs import Runs
from executor.starts.leases import limit_lease

ROOM = "room in its limits"
BUSY_S = 1  # when to try again if a run must end first


@asynccontextmanager
async def admitted(runs: Runs, background: Background, plan: Plan, trigger: Trigger) -> AsyncIterator[None]:
    """A context for a run. Raises what `admit` does."""
    ticket = await admit(runs, plan, trigger)
    try:
        yield
    finally:
        background.start(runs.leave(ticket))


async def admit(runs: Runs, plan: Plan, trigger: Trigger) -> str:
    """The ticket with which the run leaves. Raises RateLimitedError RUN_LIMIT_REACHED, RequestError LIMIT_KEY_MISSING,
    UpstreamError.
    """
    counted = _list_counted(plan, trigger)
    ticket, outcome = await runs.admit(_hash([plan.name]), counted, limit_lease(plan, trigger))
    refused = outcome["refused"]
    if refused is not None:
        raise _build_refusal(plan, refused, outcome.get("retry_ms", 0))
    return ticket


async def admit_or_queue(lasting: Lasting, plan: Plan, trigger: Trigger, run_id: str) -> tuple[str, str]:
    """The ticket with which the run leaves, and what it waits for; empty if it begins. Raises what `admit` does."""
    limits: list[QueueingLimit] = [
        {**counted, "on_limit": limit.on_limit.value}
        for counted, limit in zip(_list_counted(plan, trigger), plan.start_limits, strict=True)
    ]
    admission = await lasting.runs.admit_or_queue(_hash([plan.name]), run_id, limits, limit_lease(plan, trigger))
    ticket, number = admission["ticket"], admission["number"]
    if admission["state"] == "admitted":
        return ticket, ""
    if admission["state"] == "refused":
        raise _build_refusal(plan, -1 if number is None else number, admission.get("retry_ms", 0))
    if not await lasting.runs.has_queue_room(run_id):
        await lasting.runs.leave(ticket)
        raise _build_refusal(plan, -1, 0)
    return ticket, ROOM if number is None else f"{ROOM}: {plan.start_limits[number].told}"


def _list_counted(plan: Plan, trigger: Trigger) -> list[Counted]:
    """Raises RequestError."""
    return [
        {
            "name": _hash([plan.name, number, _render_key(limit, trigger)]),
            "per_minute": limit.per_minute,
            "concurrent": limit.concurrent,
        }
        for number, limit in enumerate(plan.start_limits)
    ]


def _render_key(limit: StartLimit, trigger: Trigger) -> str:
    """The run's key; empty for a limit of all runs, and if the template is null. Raises RequestError."""
    if limit.key is None:
        return ""
    source = trigger.request or PlainRequest(trigger.input)
    try:
        return limit.key.render(trigger.input, source.describe(limit.key.request_fields))
    except (TemplateError, InputError) as error:
        raise RequestError(
            f"The request lacks what its limit is counted by: {limit.key.text}",
            code="LIMIT_KEY_MISSING",
            next_actions=["Send it."],
        ) from error


def _build_refusal(plan: Plan, number: int, retry_ms: float) -> RateLimitedError:
    """`number` is that of the limit, -1 of the object's."""
    retry_after_s = max(BUSY_S, math.ceil(retry_ms / 1_000))
    if number < 0:
        return RateLimitedError(retry_after_s, "More runs are counted than an object can hold.", "RUN_LIMIT_REACHED")
    limit = plan.start_limits[number]
    waiting = f", and as many wait as may: {MAX_WAITING_RUNS}" if limit.on_limit is OnLimit.QUEUE else ""
    return RateLimitedError(retry_after_s, f"This workflow takes {limit.told}{waiting}.", "RUN_LIMIT_REACHED")


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
