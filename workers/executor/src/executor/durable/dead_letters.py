"""Deals with dead letters: accepted runs that have failed or are lost, whose record and input are kept until then."""

from contextlib import suppress

from arcrun.errors import ConflictError, NotFoundError
from executor.durable.acceptance import give_up
from executor.durable.lasting import Lasting
from executor.records.runs import Runs


async def dismiss_run(lasting: Lasting | None, runs: Runs, run_id: str) -> None:
    """Dismiss a dead letter. One that is lost ends with that, as failed. Raises NotFoundError RUN_NOT_FOUND,
    ConflictError RUN_NOT_DEAD, UpstreamError.
    """
    if lasting is not None and await lasting.runs.settle_dead_letter(run_id):
        return
    status = (await runs.find(run_id))["status"]
    if lasting is None or status != "lost" or await lasting.runs.find_start(run_id) is None:
        raise ConflictError(
            f"The run is no dead letter: {status}.",
            code="RUN_NOT_DEAD",
            details={"status": status},
            next_actions=["List those that are: acr logs --failed"],
        )
    with suppress(NotFoundError, ConflictError):  # there is no instance, or it has ended
        await lasting.instances.terminate(run_id)
    await give_up(lasting, run_id)
    await lasting.runs.settle_dead_letter(run_id)
