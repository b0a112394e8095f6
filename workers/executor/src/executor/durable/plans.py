"""The plans that a run was accepted with: neither a push nor a deletion in the middle of it changes anything for it."""

from arcrun.engine.trigger import TriggerKind
from arcrun.errors import NotFoundError
from arcrun.workflows.plan import Plan, load_plan
from executor.durable.patience import patiently
from executor.durable.start import RunStart
from executor.service import ExecutorService


async def find_plan(service: ExecutorService, start: RunStart, name: str) -> Plan:
    """The plan of a workflow that the run may call, or of its own. Raises NotFoundError, WorkflowError PLAN_OUTDATED,
    UpstreamError.
    """
    version, digest = start.pins[name]
    is_poll = start.trigger.kind is TriggerKind.POLL
    try:
        return await patiently(
            service.engine.ports.clock, lambda: _look_for_plan(service, name, version, digest, is_poll=is_poll)
        )
    except NotFoundError:
        if name not in start.plans:
            raise
        return load_plan(start.plans[name])


async def _look_for_plan(service: ExecutorService, name: str, version: int, digest: str, *, is_poll: bool) -> Plan:
    choose = _choose_poll if is_poll else _choose_whole
    workflows = service.workflows
    current = await workflows.find_by_name(name)  # this isolate knows it, most often
    if current.version == version and (plan := choose(current.plan)).sha256 == digest:
        return plan
    plan = choose((await workflows.find_version(name, version)).plan)
    if plan.sha256 != digest:
        raise NotFoundError(
            f"Version {version} of `{name}` is not the one that the run began with.",
            code="VERSION_NOT_FOUND",
            next_actions=["The workflow was deleted, and pushed anew: start the run again."],
        )
    return plan


def _choose_whole(plan: Plan) -> Plan:
    return plan


def _choose_poll(plan: Plan) -> Plan:
    """Of a version that is not the run's, and watches nothing, the whole: it is none that the run began with."""
    from arcrun.workflows.polls import load_poll  # noqa: PLC0415 - few workflows watch

    return plan if plan.triggers.watch is None else load_poll(plan.triggers.watch)
