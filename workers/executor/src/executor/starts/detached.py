"""Runs that a node of another run starts, with `detach`. Imported with the first of them."""

from typing import Any

from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import RunError
from arcrun.limits import MAX_RUN_DEPTH
from executor.service import ExecutorService


async def start_detached(service: ExecutorService, workflow: str, value: Any, run_id: str, depth: int) -> None:
    """Accept a run of the workflow under `run_id`, as its current version is; nothing if that has been done.

    Raises NotFoundError, WorkflowError; RunError RUN_TOO_DEEP; and what ExecutorService.start does.
    """
    if depth > MAX_RUN_DEPTH:
        raise _build_depth_error()
    if service.lasting is not None and await service.lasting.instances.status(run_id) is not None:
        return
    stored = await service.workflows.find_by_name(workflow)
    trigger = Trigger(TriggerKind.WORKFLOW, value, depth=depth, gets_response=False)
    await service.start(stored, trigger, is_owner=True, run_id=run_id)


def _build_depth_error() -> RunError:
    return RunError(
        f"Runs start each other more than {MAX_RUN_DEPTH} levels deep.",
        code="RUN_TOO_DEEP",
        next_actions=["Look for a workflow that starts itself, directly or through others."],
    )
