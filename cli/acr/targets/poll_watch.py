"""Waits for a poll of a `watch` that a command has begun. One that has succeeded leaves no record: what it has found is
told with the schedule.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient

WAIT_S = 60
FIRST_LOOK_S, LONGEST_LOOK_S = 0.1, 2.0


def wait_for_poll(
    client: ExecutorClient, workflow: str, run_id: str, sleep: Callable[[float], None] = time.sleep
) -> Mapping[str, Any]:
    """What the poll has found, as `acr schedule list` has it. Raises CliError with the poll's own error if it has
    failed, POLL_NOT_ENDED; AnswerError.
    """
    look_s, waited_s = FIRST_LOOK_S, 0.0
    while (record := client.find_run(run_id)) is not None and record["status"] in ("running", "queued"):
        if waited_s >= WAIT_S:
            raise CliError(
                f"The poll has not ended within {WAIT_S} s.",
                f"What it finds: acr schedule list {workflow}",
                "POLL_NOT_ENDED",
            )
        sleep(look_s)
        waited_s += look_s
        look_s = min(2 * look_s, LONGEST_LOOK_S)
    if record is not None and (error := record.get("error")) is not None:
        raise CliError(f"The poll has failed: {error['message']}", f"See it: acr logs {run_id}", error["code"])
    found: Mapping[str, Any] = client.show_schedules(workflow, 0)[-1].get("watch") or {}
    return found
