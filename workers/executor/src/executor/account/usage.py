"""Handlers that show what the platform has used, and what it may."""

from starlette.requests import Request

from arcrun.run_log.usage import sum_usage
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def show_usage(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform usage of runs' records today, in all and by object, and the records that were not written; of a
    tenant, what it takes of its limits.
    """
    limits, unwritten = service.engine.limits, service.runs.unwritten
    objects = await service.runs.measure()
    usage = sum_usage(objects, is_free=limits.is_free) if objects else []
    if (own := service.quota.limits) is not None:
        from executor.hosted.usage import measure_account  # noqa: PLC0415 - an own platform has no such limits

        usage = await measure_account(service, own)
    return build_success(
        {
            "plan": limits.to_json()["plan"],
            "usage": [each.to_json() for each in usage],
            "objects": objects,
            **({"unwritten": unwritten.to_json()} if unwritten.count else {}),
        }
    )


async def show_plan(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform plan whose limits apply to runs, and those limits; of a tenant, its own as `account`."""
    own = service.quota.limits
    account = {} if own is None else {"account": own.to_json()}
    return build_success({**service.engine.limits.to_json(), "has_sandbox": service.components.has_sandbox, **account})
