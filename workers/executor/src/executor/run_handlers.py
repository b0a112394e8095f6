"""Handlers that run something, and those that show what was run. They translate and nothing else.

Each gets the service of whoever asks (executor/access.py).
"""

from starlette.requests import Request

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.errors import RequestError
from arcrun_http.bodies import read_object
from arcrun_http.queries import read_count
from arcrun_http.responses import JsonResponse
from executor.requests import read_source, read_timeout, read_trigger, wants_async
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow


async def execute(service: ExecutorService, request: Request) -> JsonResponse:
    body = await read_object(request, allowed=("workflow", "component", "input"))
    if ("workflow" in body) == ("component" in body):
        raise RequestError(
            "The body must have either `workflow` or `component`.",
            next_actions=['Send {"component": "string_ops", "input": {...}} or {"workflow": "...", "input": {...}}.'],
        )
    input_value = body.get("input", {})
    if "workflow" in body:
        trigger = Trigger("execute", input_value, read_timeout(request))
        return _render_run(await service.execute_workflow(read_source(body), trigger))
    if not isinstance(body["component"], str) or not isinstance(input_value, dict):
        raise RequestError("`component` must be a text and `input` an object.")
    outcome = await service.execute_component(body["component"], input_value)
    return JsonResponse(outcome.envelope, outcome.error.http_status if outcome.error else 200)


async def trigger(service: ExecutorService, request: Request) -> JsonResponse:
    stored = await service.workflows.find(request.path_params["token"])
    return await _run(service, request, stored, "webhook")


async def trigger_by_name(service: ExecutorService, request: Request) -> JsonResponse:
    stored = await service.workflows.find_by_name(request.path_params["name"])
    return await _run(service, request, stored, "name")


async def _run(service: ExecutorService, request: Request, stored: StoredWorkflow, kind: str) -> JsonResponse:
    trigger = await read_trigger(request, kind)
    if not wants_async(request):
        return _render_run(await service.run(stored, trigger))
    run_id = await service.start(stored, trigger)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"status": "running"}}, 202)


async def list_runs(service: ExecutorService, request: Request) -> JsonResponse:
    query = request.query_params
    limit = read_count(request, "limit", 50)
    runs, cursor = await service.runs.list(query.get("workflow"), limit, query.get("cursor"))
    return JsonResponse({"success": True, "data": {"runs": runs, "cursor": cursor}})


async def show_run(service: ExecutorService, request: Request) -> JsonResponse:
    return JsonResponse({"success": True, "data": await service.runs.find(request.path_params["run_id"])})


def _render_run(record: RunRecord) -> JsonResponse:
    return JsonResponse(record.to_json(), record.error.http_status if record.error else 200)
