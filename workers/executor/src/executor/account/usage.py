"""Handlers that show what the platform has used, and what it may."""

from starlette.requests import Request

from arcrun.run_log.usage import sum_usage
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def show_usage(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform usage of runs' records today, in all and by object, and the records that were not written."""
    limits, unwritten = service.engine.limits, service.runs.unwritten
    objects = await service.runs.measure()
    return build_success(
        {
            "plan": limits.to_json()["plan"],
            "usage": [each.to_json() for each in sum_usage(objects, is_free=limits.is_free)] if objects else [],
            "objects": objects,
            **({"unwritten": unwritten.to_json()} if unwritten.count else {}),
        }
    )


async def show_plan(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform plan whose limits apply to runs, and those limits."""
    return build_success({**service.engine.limits.to_json(), "has_sandbox": service.components.has_sandbox})
