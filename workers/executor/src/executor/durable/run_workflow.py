"""What an instance of the Workflow `arcrun-run` does."""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.ports import WorkflowSteps

RETRIES = 3
STEP_TIMEOUT_MS = 60_000


async def run_workflow(payload: Mapping[str, Any], steps: WorkflowSteps) -> str:
    """{"run_id"} as JSON. `payload` is {"run_id"}."""
    run_id: str = payload["run_id"]

    async def run() -> str:
        return json.dumps({"run_id": run_id})

    return await steps.do("run", run, retries=RETRIES, timeout_ms=STEP_TIMEOUT_MS)
