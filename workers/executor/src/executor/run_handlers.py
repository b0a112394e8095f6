"""Handlers that run something, and those that show what was run. They translate and nothing else.

Each gets the service of whoever asks (executor/access.py). What a run answers differs: the holder of the API key sees
its cause of failure, whoever has only the webhook's URL does not.
"""

from dataclasses import asdict

from starlette.requests import Request

from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.errors import ArcrunError, RequestError, RunFailedError
from arcrun.run_log.usage import sum_usage
from arcrun_http.requests import read_count, read_object
from arcrun_http.responses import JsonResponse
from executor.requests import (
    build_trigger,
    read_cursor,
    read_depth,
    read_filter,
    read_source,
    read_trigger,
    wants_async,
    wants_trace,
)
from executor.service import ExecutorService
from executor.workflows import StoredWorkflow


async def execute(service: ExecutorService, request: Request) -> JsonResponse:
    body = await read_object(request, allowed=("workflow", "component", "input"))
    if ("workflow" in body) == ("component" in body):
        raise RequestError(
            "The body must have either `workflow` or `component`.",
            next_actions=['Send {"component": "string_ops", "input": {...}} or {"workflow": "...", "input": {...}}.'],
        )
    if wants_async(request):
        raise RequestError(
            "POST /execute takes no ?async=1: a run that nobody waits for is one of a stored workflow, which its record"
            " names.",
            next_actions=[
                "Store the workflow (POST /webhooks) and run it by its webhook with ?async=1.",
                "Or wait for the run's end: leave `async` out.",
            ],
        )
    input_value = body.get("input", {})
    if "workflow" in body:
        record = await service.execute_workflow(read_source(body), build_trigger(request, "execute", input_value))
        return answer_owner(record, with_trace=wants_trace(request))
    if not isinstance(body["component"], str) or not isinstance(input_value, dict):
        raise RequestError("`component` must be a text and `input` an object.")
    outcome = await service.execute_component(body["component"], input_value, depth=read_depth(request))
    return JsonResponse(outcome.envelope, outcome.error.http_status if outcome.error else 200)


async def trigger(service: ExecutorService, request: Request, *, shows_key: bool) -> JsonResponse:
    """By the token alone, or with the API key besides, which sees more."""
    stored = await service.workflows.find(request.path_params["token"])
    return await _run(service, request, stored, await read_trigger(request, "webhook"), is_owner=shows_key)


async def trigger_by_name(service: ExecutorService, request: Request) -> JsonResponse:
    stored = await service.workflows.find_by_name(request.path_params["name"])
    return await _run(service, request, stored, await read_trigger(request, "name"), is_owner=True)


async def _run(
    service: ExecutorService, request: Request, stored: StoredWorkflow, trigger: Trigger, *, is_owner: bool
) -> JsonResponse:
    if not wants_async(request):
        record = await service.run(stored, trigger)
        return answer_owner(record, with_trace=wants_trace(request)) if is_owner else answer_caller(record)
    run_id = await service.start(stored, trigger, is_owner=is_owner)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"status": "running"}}, 202)


async def list_runs(service: ExecutorService, request: Request) -> JsonResponse:
    limit = read_count(request, "limit", 50)
    unwritten = service.runs.unwritten
    try:
        runs, cursor = await service.runs.list(read_filter(request), limit, read_cursor(request))
    except ArcrunError as error:
        if unwritten.count:  # what hinders the list may be what has hindered the records
            error.details["unwritten"] = unwritten.to_json()
        raise
    missing = {"unwritten": unwritten.to_json()} if unwritten.count else {}
    return JsonResponse({"success": True, "data": {"runs": runs, "cursor": cursor, **missing}})


async def show_run(service: ExecutorService, request: Request) -> JsonResponse:
    return JsonResponse({"success": True, "data": await service.runs.find(request.path_params["run_id"])})


async def renew_keys(service: ExecutorService, _request: Request) -> JsonResponse:
    """After a change of the encryption key: what inputs of runs are sealed under is wrapped under the new one."""
    renewed = await service.runs.renew_keys()
    return JsonResponse({"success": True, "data": asdict(renewed) if renewed else None})


async def show_usage(service: ExecutorService, _request: Request) -> JsonResponse:
    """What the records of runs have taken of the platform today, of each object too; and what could not be written."""
    limits, unwritten = service.engine.limits, service.runs.unwritten
    objects = await service.runs.measure()
    data = {
        "plan": limits.to_json()["plan"],
        "usage": [each.to_json() for each in sum_usage(objects, is_free=limits.is_free)] if objects else [],
        "objects": objects,
        **({"unwritten": unwritten.to_json()} if unwritten.count else {}),
    }
    return JsonResponse({"success": True, "data": data})


async def show_plan(service: ExecutorService, _request: Request) -> JsonResponse:
    """Which of the platform's plans runs are kept to, and what follows."""
    has_sandbox = service.components.has_sandbox
    return JsonResponse({"success": True, "data": {**service.engine.limits.to_json(), "has_sandbox": has_sandbox}})


def answer_owner(record: RunRecord, *, with_trace: bool) -> JsonResponse:
    """{"success", "run_id", "data" or "error", "duration_ms"}, and "trace", its values cut as in a stored record."""
    answer = record.to_json()
    if with_trace:
        answer["trace"] = record.render_trace()
    return JsonResponse(answer, record.error.http_status if record.error else 200)


def answer_caller(record: RunRecord) -> JsonResponse:
    """{"success", "run_id", "data"}; of a failure WORKFLOW_FAILED and the run's id, whatever it was: the cause is the
    owner's to see.
    """
    if record.error is None:
        return JsonResponse({"success": True, "run_id": record.run_id, "data": record.data})
    failure = RunFailedError(record.run_id)
    answer = {"success": False, "run_id": record.run_id, "error": failure.to_json()}
    return JsonResponse(answer, failure.http_status)
