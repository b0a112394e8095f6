"""Pauses workflows, and lets them go on. The pause lies in their heads, which every request reads; the runs that it has
queued lie in the RunLog.
"""

from arcrun.errors import ConflictError, NotConfiguredError
from arcrun.workspace.audit import Actor
from arcrun.workspace.pause import OnTrigger
from executor.heads import Head
from executor.service import ExecutorService


async def pause_workflow(service: ExecutorService, name: str, on_trigger: OnTrigger, actor: Actor) -> Head:
    """Raises NotFoundError WORKFLOW_NOT_FOUND; NotConfiguredError, ConflictError QUEUE_NOT_AVAILABLE."""
    if on_trigger is OnTrigger.QUEUE:
        _require_instances(service)
        await _require_no_limits(service, name)
    return await service.workflows.pause(name, on_trigger, actor)


async def pause_all(service: ExecutorService, on_trigger: OnTrigger, actor: Actor) -> None:
    """Raises NotConfiguredError QUEUE_NOT_AVAILABLE."""
    if on_trigger is OnTrigger.QUEUE:
        _require_instances(service)
    await service.workflows.pause_all(on_trigger, actor)


async def resume_workflow(service: ExecutorService, name: str, actor: Actor) -> tuple[Head, int]:
    """Returns the head, which is still paused while all workflows are, and how many queued runs begin. Raises
    NotFoundError WORKFLOW_NOT_FOUND.
    """
    head = await service.workflows.pause(name, None, actor)
    if head.pause is not None or service.lasting is None:
        return head, 0
    return head, await service.lasting.runs.release_queue(name)


async def resume_all(service: ExecutorService, actor: Actor) -> tuple[list[str], int]:
    """Returns the workflows that stay paused, by themselves, and how many queued runs of the others begin."""
    await service.workflows.pause_all(None, actor)
    paused = await service.workflows.list_paused()
    return paused, 0 if service.lasting is None else await service.lasting.runs.release_queue(None, paused)


def _require_instances(service: ExecutorService) -> None:
    if service.lasting is None:
        raise NotConfiguredError(
            "To queue runs takes the executor's Workflow and its encryption key.",
            code="QUEUE_NOT_AVAILABLE",
            next_actions=["Pause with on_trigger `refuse`: requests get 503 with Retry-After."],
        )


async def _require_no_limits(service: ExecutorService, name: str) -> None:
    if (await service.workflows.find_by_name(name)).plan.start_limits:
        raise ConflictError(
            f"`{name}` has `limits`: its runs are counted when they are accepted, so they cannot be queued.",
            code="QUEUE_NOT_AVAILABLE",
            next_actions=["Pause it with on_trigger `refuse`, or push it without `limits` first."],
        )
