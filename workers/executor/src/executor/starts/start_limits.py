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
from arcrun.ports import Background
from arcrun.workflows.plan import Plan
from arcrun.workflows.triggers.model import StartLimit
from executor.records.runs import Runs
from executor.starts.leases import limit_lease

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
    counted: list[Counted] = [
        {
            "name": _hash([plan.name, number, _render_key(limit, trigger)]),
            "per_minute": limit.per_minute,
            "concurrent": limit.concurrent,
        }
        for number, limit in enumerate(plan.start_limits)
    ]
    ticket, outcome = await runs.admit(_hash([plan.name]), counted, limit_lease(plan, trigger))
    refused = outcome["refused"]
    if refused is not None:
        retry_after_s = max(BUSY_S, math.ceil(outcome.get("retry_ms", 0) / 1_000))
        raise _build_refusal(plan.start_limits[refused] if refused >= 0 else None, retry_after_s)
    return ticket


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


def _build_refusal(limit: StartLimit | None, retry_after_s: int) -> RateLimitedError:
    if limit is None:
        return RateLimitedError(retry_after_s, "More runs are counted than an object can hold.", "RUN_LIMIT_REACHED")
    parts = {"a minute": limit.per_minute, "at once": limit.concurrent}
    allowed = " and ".join(f"{number} {what}" for what, number in parts.items() if number is not None)
    whose = f" for each {limit.key.text}" if limit.key else ""
    return RateLimitedError(retry_after_s, f"This workflow takes {allowed}{whose}.", "RUN_LIMIT_REACHED")


def _hash(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
