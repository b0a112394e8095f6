"""Seals the results of a tenant's runs in its RunLog, which is outside its KV.

A sealed result is JSON {"sealed"}, of all that the result of an account's own run has, and {"trace"} once the run has
waited: both base64 of the data key's number, an IV and the ciphertext, as in run_inputs.py.
"""

import base64
import json
from typing import Any

from arcrun.errors import NotConfiguredError
from executor.records.run_inputs import RunInputs


class SealedResults:
    """`inputs` seals under the tenant's data key."""

    def __init__(self, inputs: RunInputs) -> None:
        self._inputs = inputs

    async def seal(self, run_id: str, result: str) -> str:
        """Raises NotConfiguredError."""
        return json.dumps({"sealed": await self._seal(_result_of(run_id), result)})

    async def seal_trace(self, run_id: str, trace: str) -> str:
        """Raises NotConfiguredError."""
        return json.dumps(await self._seal(_trace_of(run_id), trace))

    async def open(self, run_id: str, text: str | bytes) -> dict[str, Any]:
        """Raises DecryptionError, NotConfiguredError."""
        stored = json.loads(text)
        result: dict[str, Any] = await self._open(_result_of(run_id), stored["sealed"])
        return (
            {**result, "trace": await self._open(_trace_of(run_id), stored["trace"])} if "trace" in stored else result
        )

    async def _seal(self, purpose: str, text: str) -> str:
        sealed = await self._inputs.seal_part(purpose, text.encode())
        if sealed is None:
            raise NotConfiguredError("The records of the account's runs cannot be sealed now.")
        return base64.b64encode(sealed).decode()

    async def _open(self, purpose: str, sealed: str) -> Any:
        return json.loads(await self._inputs.open_part(purpose, base64.b64decode(sealed)))


def _result_of(run_id: str) -> str:
    return f"result of run {run_id}"


def _trace_of(run_id: str) -> str:
    return f"trace of run {run_id}"
