"""Queued runs: accepted while their workflow is paused, they get their instances when it is resumed.

The RunLog's objects create these at their alarms. A run that an isolate has queued after that, because it did not yet
know of the end of the pause, begins at once.
"""

from arcrun.errors import WorkflowPausedError
from arcrun.workspace.pause import OnTrigger, Pause
from executor.durable.lasting import Lasting
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow


async def require_queue(lasting: Lasting | None, stored: StoredWorkflow, pause: Pause, run_id: str) -> None:
    """Raises WorkflowPausedError if the pause refuses the run, or it cannot be queued; UpstreamError."""
    if pause.on_trigger is not OnTrigger.QUEUE or lasting is None or stored.plan.start_limits:
        raise WorkflowPausedError(is_of_all=pause.is_of_all)
    if not await lasting.runs.has_queue_room(run_id):
        raise WorkflowPausedError(
            "The workflow is paused, and holds as many runs as it may.", is_of_all=pause.is_of_all
        )


async def begin_if_resumed(service: ExecutorService, lasting: Lasting, name: str, run_id: str) -> None:
    """Begin a run that has just been queued, if its workflow is not paused any more. Raises UpstreamError."""
    head = await service.workflows.find_head(name)
    if head is None or head.pause is None:
        await lasting.instances.create(run_id, {"run_id": run_id})
        await lasting.runs.leave_queue(run_id)
