"""Handlers that show what the account has used, and what it may."""

from collections.abc import Sequence

from starlette.requests import Request

from arcrun.run_log.protocol import Measured
from arcrun.run_log.usage import Usage, sum_usage
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def show_usage(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform usage of runs' records today, in all and by object, and the records that were not written; of a
    tenant, what it takes of its limits.
    """
    unwritten = service.runs.unwritten
    usage, objects = await measure(service)
    return build_success(
        {
            "plan": service.engine.limits.to_json()["plan"],
            "usage": [each.to_json() for each in usage],
            "objects": objects,
            **({"unwritten": unwritten.to_json()} if unwritten.count else {}),
        }
    )


async def measure(service: ExecutorService) -> tuple[list[Usage], Sequence[Measured]]:
    """What is used, and by which objects of the RunLog; a tenant has none. Raises UpstreamError."""
    if (own := service.quota.limits) is not None:
        from executor.hosted.usage import measure_account  # noqa: PLC0415 - an own platform has no such limits

        return await measure_account(service, own), ()
    objects = await service.runs.measure()
    return sum_usage(objects, is_free=service.engine.limits.is_free) if objects else [], objects


async def show_plan(service: ExecutorService, _request: Request) -> JsonResponse:
    """The platform plan whose limits apply to runs, and those limits; of a tenant, its own as `account`."""
    own = service.quota.limits
    told = {**service.engine.limits.to_json(), "has_sandbox": service.components.has_sandbox}
    return build_success(told if own is None else {**told, "account": own.to_json()})
