"""RunInstances over the binding of a Workflow: https://developers.cloudflare.com/workflows/build/workers-api/#workflow"""

import json
from collections.abc import Mapping
from typing import Any

import js
from pyodide.ffi import JsException

from arcrun.errors import NotFoundError
from arcrun.ports import RunInstance
from arcrun_edge.faults import build_fault
from arcrun_edge.javascript import to_object

# In the platform's messages:
_EXISTS = ("instance.already_exists", "already exists")
_MISSING = ("instance.not_found", "does not exist")
_ENDED = ("instance.cannot_terminate",)


class CloudflareWorkflows:
    def __init__(self, binding: Any) -> None:
        self._binding = binding

    async def create(self, instance_id: str, params: Mapping[str, Any]) -> bool:
        try:
            await self._binding.create(to_object({"id": instance_id, "params": _to_json(params)}))
        except JsException as error:
            if _says(error, _EXISTS):
                return False
            raise _build_fault(error) from None
        return True

    async def status(self, instance_id: str) -> RunInstance | None:
        try:
            found = await (await self._binding.get(instance_id)).status()
        except JsException as error:
            if _says(error, _MISSING):
                return None
            raise _build_fault(error) from None
        status: dict[str, Any] = json.loads(js.JSON.stringify(found))
        return RunInstance(status["status"], status.get("output"), status.get("error"))

    async def send_event(self, instance_id: str, event_type: str, payload: Any) -> None:
        await self._call(instance_id, "sendEvent", to_object({"type": event_type, "payload": _to_json(payload)}))

    async def pause(self, instance_id: str) -> None:
        await self._call(instance_id, "pause")

    async def resume(self, instance_id: str) -> None:
        await self._call(instance_id, "resume")

    async def terminate(self, instance_id: str) -> None:
        try:
            await self._call(instance_id, "terminate")
        except _EndedError:
            return

    async def _call(self, instance_id: str, method: str, *arguments: Any) -> None:
        try:
            await getattr(await self._binding.get(instance_id), method)(*arguments)
        except JsException as error:
            if _says(error, _MISSING):
                raise NotFoundError(f"There is no instance {instance_id}.", code="INSTANCE_NOT_FOUND") from None
            if _says(error, _ENDED):
                raise _EndedError from None
            raise _build_fault(error) from None


class _EndedError(Exception):
    pass


def _says(error: JsException, phrases: tuple[str, ...]) -> bool:
    return any(phrase in str(error.message) for phrase in phrases)


def _build_fault(error: JsException) -> Exception:
    return build_fault("Cloudflare Workflows", error, "WORKFLOWS_FAILED")


def _to_json(value: Any) -> Any:
    return js.JSON.parse(json.dumps(value))
