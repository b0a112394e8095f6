"""Cancels runs.

The wish is noted in the RunLog. A durable run reads it when it begins to be repeated: so its instance is paused, after
the step under way, and resumed; then its undos are run. One that is not durable asks every two seconds. An instance
that is still there after 25 s is terminated, and the run ends without its undos.

A quick run has no row while it is under way. The wish is noted by its id; a run that is two seconds old begins to ask
for it (arcrun/engine/tasks.py).
"""

from collections.abc import Awaitable, Callable

from arcrun.errors import ConflictError, NotFoundError, RunCancelledError, UpstreamError
from arcrun.ports import Clock
from executor.durable.acceptance import end_without_instance
from executor.durable.lasting import Lasting
from executor.records.runs import Runs

ASKING_MS = 2_000  # between two looks for a wish, of a run that is not durable
LOOKING_MS = 250
GRACE_MS = 25_000  # less than what the platform gives after an answer


async def cancel_run(lasting: Lasting | None, runs: Runs, run_id: str) -> bool:
    """Note the wish. Returns whether the run has an instance. Raises NotFoundError RUN_NOT_FOUND, ConflictError
    RUN_NOT_CANCELLABLE, UpstreamError.
    """
    if lasting is not None and await lasting.runs.ask_to_cancel(run_id):
        return True
    try:
        status = (await runs.find(run_id))["status"]
    except NotFoundError:
        if not await runs.ask_to_end(run_id):
            raise
        return False
    if status == "running" and await runs.ask_to_end(run_id):
        return False
    raise ConflictError(
        f"The run has ended: {status}." if status != "running" else "A hosted platform cancels no quick runs.",
        code="RUN_NOT_CANCELLABLE",
        next_actions=[f"Look at it: acr logs {run_id}"],
    )


async def stop_instance(lasting: Lasting, clock: Clock, run_id: str) -> None:
    """Let a run that is to be cancelled notice it; terminate its instance if it does not. Raises UpstreamError."""
    ends_ms, is_paused = clock.now_ms() + GRACE_MS, False
    try:
        await lasting.instances.pause(run_id)
    except NotFoundError:  # the run is queued
        await end_without_instance(lasting, run_id, RunCancelledError())
        return
    while clock.now_ms() < ends_ms:
        if await lasting.runs.find_start(run_id) is None:
            return
        instance = await lasting.instances.status(run_id)
        if instance is not None and instance.status == "paused" and not is_paused:
            is_paused = True
            await lasting.instances.resume(run_id)
        await clock.sleep(LOOKING_MS)
    await lasting.instances.terminate(run_id)
    await end_without_instance(lasting, run_id, RunCancelledError())


def ask_again(lasting: Lasting, clock: Clock, run_id: str) -> Callable[[], Awaitable[None]]:
    """What returns when a run that is not durable is to end."""

    async def wait() -> None:
        while True:
            await clock.sleep(ASKING_MS)
            try:
                if await lasting.runs.is_to_cancel(run_id):
                    return
            except UpstreamError:
                continue

    return wait
