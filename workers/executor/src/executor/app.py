"""The executor over HTTP. Handlers translate and nothing else."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from arcrun.engine.record import RunRecord
from arcrun.errors import RequestError
from arcrun_http.app import build_service_app
from arcrun_http.auth import require_api_key
from arcrun_http.bodies import read_json, read_object
from arcrun_http.responses import JsonResponse
from executor.service import ExecutorService


def build_app(service: ExecutorService, api_key: str | None) -> Starlette:
    """The ASGI app. Without `api_key` every management route refuses."""
    handlers = Handlers(service)
    protected = require_api_key(api_key)
    routes = [
        Route("/execute", protected(handlers.execute), methods=["POST"]),
        Route("/webhooks", protected(handlers.push), methods=["POST"]),
        Route("/webhooks/named/{name}/trigger", protected(handlers.trigger_by_name), methods=["POST"]),
        Route("/webhooks/{token}/trigger", handlers.trigger, methods=["POST"]),
    ]
    return build_service_app(routes)


class Handlers:
    def __init__(self, service: ExecutorService) -> None:
        self._service = service

    async def execute(self, request: Request) -> JsonResponse:
        body = await read_object(request, allowed=("workflow", "component", "input"))
        if ("workflow" in body) == ("component" in body):
            raise RequestError(
                "The body must have either `workflow` or `component`.",
                next_actions=[
                    'Send {"component": "string_ops", "input": {...}} or {"workflow": "...", "input": {...}}.'
                ],
            )
        input_value = body.get("input", {})
        if "workflow" in body:
            return _run_response(await self._service.execute_workflow(_workflow_source(body), input_value))
        if not isinstance(body["component"], str) or not isinstance(input_value, dict):
            raise RequestError("`component` must be a text and `input` an object.")
        outcome = await self._service.execute_component(body["component"], input_value)
        return JsonResponse(outcome.envelope, outcome.error.http_status if outcome.error else 200)

    async def push(self, request: Request) -> JsonResponse:
        body = await read_object(request, allowed=("workflow",))
        webhook = await self._service.push(_workflow_source(body))
        url = str(request.url.replace(path=f"/webhooks/{webhook.token}/trigger", query=""))
        data = {"name": webhook.name, "token": webhook.token, "webhook_url": url, "updated_at": webhook.updated_at}
        return JsonResponse({"success": True, "data": data}, 201)

    async def trigger(self, request: Request) -> JsonResponse:
        return _run_response(await self._service.trigger(request.path_params["token"], await read_json(request)))

    async def trigger_by_name(self, request: Request) -> JsonResponse:
        return _run_response(await self._service.trigger_by_name(request.path_params["name"], await read_json(request)))


def _workflow_source(body: Mapping[str, Any]) -> str | Mapping[str, Any]:
    source = body.get("workflow")
    if not isinstance(source, str | dict):
        raise RequestError("`workflow` must be YAML text or an object.")
    return source


def _run_response(record: RunRecord) -> JsonResponse:
    return JsonResponse(record.to_json(), record.error.http_status if record.error else 200)
