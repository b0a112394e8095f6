"""A Worker with a Workflow whose instances do what their parameters say.

`POST /{method}` with a list calls a method of CloudflareWorkflows; `POST /refused` with [MESSAGE, METHOD, ...] does so
over a binding that always says that. `POST /overflow` ends the interpreter.

An instance gets {"service", "script"}: the URL of the test's service, and a list of acts, whose results it answers:

    ["do", NAME, {"retries", "timeout_ms"}]   a step that asks the service for its result; it fails as that does
    ["text", NAME, BYTES]                     a step with a result of that length
    ["many", COUNT]                           that many steps, one after the other
    ["sleep", NAME, MS]
    ["wait", NAME, TYPE, MS]                  the event's payload; "timeout" if there is none in time
    ["all", ACT, ...]                         acts at the same time
    ["nested", NAME, ACT]                     an act within a step
    ["raise", TEXT]
"""

import asyncio
import json
from dataclasses import asdict
from typing import Any

import js

from arcrun.errors import ArcrunError
from arcrun.ports import InstanceStoppedError, WorkflowSteps
from arcrun_edge.bindings import read_bindings
from arcrun_edge.javascript import to_object
from arcrun_edge.workflows.instances import CloudflareWorkflows
from arcrun_edge.workflows.steps import run_instance
from workers import Response, WorkerEntrypoint, WorkflowEntrypoint

RETRIES, TIMEOUT_MS = 3, 60_000
NESTED_TIMEOUT_MS = 2_000


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        method = js.URL.new(request.url).pathname.strip("/")
        if method == "health":
            return Response("{}")
        arguments = json.loads(await request.text())
        if method == "overflow":
            json.loads("[" * 10_000_000)
        instances = CloudflareWorkflows(read_bindings().PLAYER)
        if method == "refused":
            instances = CloudflareWorkflows(RefusingBinding(arguments.pop(0)))
            method = arguments.pop(0)
        try:
            result = await getattr(instances, method)(*arguments)
        except ArcrunError as error:
            return Response(json.dumps(error.to_json()), status=error.http_status)
        return Response(json.dumps(asdict(result) if method == "status" and result else result))


class RefusingBinding:
    def __init__(self, message: str) -> None:
        self._message = message

    def __getattr__(self, _name: str) -> Any:
        return lambda *_: js.Promise.reject(js.Error.new(self._message))


class Player(WorkflowEntrypoint):
    async def run(self, event: Any, step: Any) -> Any:
        payload = event["payload"]
        return await run_instance(step, lambda steps: Play(payload["service"], steps).play(payload["script"]))


class Play:
    def __init__(self, service: str, steps: WorkflowSteps) -> None:
        self._service, self._steps = service, steps

    async def play(self, script: list[Any]) -> str:
        await self._ask("started")
        try:
            return json.dumps([await self._act(act) for act in script])
        except InstanceStoppedError:
            await self._ask("stopped")
            raise

    async def _act(self, act: list[Any]) -> Any:
        kind, *arguments = act
        return await getattr(self, f"_{kind}")(*arguments)

    async def _do(self, name: str, options: dict[str, int] | None = None) -> str:
        options = {"retries": RETRIES, "timeout_ms": TIMEOUT_MS} | (options or {})
        try:
            return await self._steps.do(name, lambda: self._ask(name), **options)
        except TimeoutError:
            return "timeout"
        except ArcrunError as error:
            return f"{error.code}: {error.message}"

    async def _text(self, name: str, length: int) -> str:
        async def work() -> str:
            await self._ask(name)
            return "x" * length

        try:
            return str(len(await self._steps.do(name, work, retries=0, timeout_ms=TIMEOUT_MS)))
        except ArcrunError as error:
            return f"{error.code}: {error.message}"

    async def _many(self, count: int) -> int:
        async def work() -> str:
            return ""

        for i in range(count):
            await self._steps.do(f"step {i}", work, retries=0, timeout_ms=TIMEOUT_MS)
        return count

    async def _sleep(self, name: str, duration_ms: int) -> str:
        await self._steps.sleep(name, duration_ms)
        return "slept"

    async def _wait(self, name: str, event_type: str, timeout_ms: int) -> Any:
        try:
            return await self._steps.wait_for_event(name, event_type, timeout_ms)
        except TimeoutError:
            return "timeout"

    async def _all(self, *acts: list[Any]) -> list[Any]:
        return await asyncio.gather(*(self._act(act) for act in acts))

    async def _nested(self, name: str, act: list[Any]) -> Any:
        async def work() -> str:
            return json.dumps(await self._act(act))

        try:
            return json.loads(await self._steps.do(name, work, retries=0, timeout_ms=NESTED_TIMEOUT_MS))
        except TimeoutError:
            return "timeout"

    async def _raise(self, text: str) -> None:
        raise ValueError(text)

    async def _ask(self, name: str) -> str:
        answer = await js.fetch(f"{self._service}/{name}", to_object({"method": "POST"}))
        text: str = await answer.text()
        if not answer.ok:
            raise RuntimeError(text)
        return text
