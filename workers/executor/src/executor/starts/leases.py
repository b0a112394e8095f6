"""How long what a run holds in an object is taken, if the run dies with its Worker."""

from arcrun.engine.engine import Trigger
from arcrun.limits import MAX_DURABLE_MS, MAX_UNDO_MS
from arcrun.workflows.plan import Plan

SETTLING_MS = 10_000  # for what follows a run, in an isolate with much to do: its record, its answer, the write of both


def limit_lease(plan: Plan, trigger: Trigger) -> float:
    """How long a run may take, with its undos and what follows it, in milliseconds."""
    if plan.is_durable and not plan.sets_timeout and trigger.timeout_ms is None:
        return MAX_DURABLE_MS
    may_undo = plan.has_undos or any(call.workflow is not None for call in plan.calls)
    limit_ms = min(plan.timeout_ms, trigger.timeout_ms or plan.timeout_ms)
    return limit_ms + (MAX_UNDO_MS if may_undo else 0) + SETTLING_MS
