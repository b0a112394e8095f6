"""RunInstances over the binding of a Workflow: https://developers.cloudflare.com/workflows/build/workers-api/#workflow"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import js
from pyodide.ffi import JsException

from arcrun.errors import ArcrunError, ConflictError, NotFoundError, RateLimitedError
from arcrun.ports import RunInstance
from arcrun_edge.bindings import is_local
from arcrun_edge.faults import build_fault
from arcrun_edge.javascript import to_object

# In the platform's messages. Locally they are "(instance.already_exists) Workflow instance with id ... already exists"
# and "instance.not_found", at Cloudflare "(instance.already_exists) Instance already exists" and so on.
_EXISTS = "instance.already_exists"
_MISSING = ("instance.not_found", "Engine was never started")
_ENDED = ("instance.in_finite_state", "instance.cannot_terminate")
_LIMITED = re.compile(r"\b429\b|rate.?limit|too many", re.IGNORECASE)
# The local engine would put an event that is the first since its start in the place of a kept one of the same type. An
# event of a type that no instance waits for makes it read what it has kept.
_WAKING = "waking"
RETRY_AFTER_S = 1  # the platform counts instances by the second


class CloudflareWorkflows:
    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        options = {"id": instance_id, "params": _to_json(params)}
        try:
            await self._binding.create(to_object(options))
        except JsException as error:
            if _EXISTS in str(error.message):
                return False
            raise _build_error(instance_id, error) from None
        return True

    async def create_batch(self, instances: Mapping[str, Mapping[str, Any]]) -> Collection[str]:
        batch = [{"id": instance_id, "params": params} for instance_id, params in instances.items()]
        try:
            created = await self._binding.createBatch(_to_json(batch))
        except JsException as error:
            raise _build_error("of a batch", error) from None
        return [instance.id for instance in created]

    async def status(self, instance_id: str) -> RunInstance | None:
        try:
            with _naming_errors(instance_id):
                found = await (await self._binding.get(instance_id)).status()
        except NotFoundError:
            return None
        status: dict[str, Any] = json.loads(js.JSON.stringify(found))
        return RunInstance(status["status"], status.get("output"), status.get("error"))

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        event = to_object({"type": event_type, "payload": _to_json(payload)})
        with _naming_errors(instance_id):
            instance = await self._binding.get(instance_id)
            if is_local():
                await instance.sendEvent(to_object({"type": _WAKING}))
            await instance.sendEvent(event)

    async def pause(self, instance_id: str) -> None:
        with _naming_errors(instance_id):
            await (await self._binding.get(instance_id)).pause()

    async def resume(self, instance_id: str) -> None:
        with _naming_errors(instance_id):
            await (await self._binding.get(instance_id)).resume()

    async def terminate(self, instance_id: str) -> None:
        with _naming_errors(instance_id):
            await (await self._binding.get(instance_id)).terminate()

    async def delete(self, instance_id: str) -> None:
        with _naming_errors(instance_id):
            await (await self._binding.get(instance_id)).delete()


@contextmanager
def _naming_errors(instance_id: str) -> Iterator[None]:
    try:
        yield
    except JsException as error:
        raise _build_error(instance_id, error) from None


def _build_error(instance_id: str, error: JsException) -> ArcrunError:
    said = str(error.message)
    if any(phrase in said for phrase in _MISSING):
        return NotFoundError(f"There is no instance {instance_id}.", code="INSTANCE_NOT_FOUND")
    if any(phrase in said for phrase in _ENDED):
        return ConflictError(f"The instance {instance_id} has ended.", code="INSTANCE_ENDED")
    if _LIMITED.search(said):
        return RateLimitedError(RETRY_AFTER_S, "Too many runs are being started.", "TOO_MANY_INSTANCES")
    return build_fault("Cloudflare Workflows", error, "WORKFLOWS_FAILED")


def _to_json(value: Any) -> Any:
    return js.JSON.parse(json.dumps(value))
