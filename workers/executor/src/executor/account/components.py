"""Handlers that show components: what the registry tells of them, as far as the caller may see it."""

from collections.abc import Mapping

from starlette.requests import Request

from arcrun.errors import ComponentError
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService

_ASKED = ("q", "category", "sort", "limit", "cursor", "version")


async def list_components(service: ExecutorService, request: Request) -> JsonResponse:
    return await _ask(service, "/components", request)


async def show_component(service: ExecutorService, request: Request) -> JsonResponse:
    name: str = request.path_params["id"]
    return await _ask(service, f"/components/{name}", request)


async def list_versions(service: ExecutorService, request: Request) -> JsonResponse:
    name: str = request.path_params["id"]
    return await _ask(service, f"/components/{name}/versions", request)


async def _ask(service: ExecutorService, path: str, request: Request) -> JsonResponse:
    """The registry's answer. Without a registry there are none but the built-in ones, which need none."""
    registry = service.components.resolver.registry
    if registry is None:
        return build_success({"components": [], "total": 0, "cursor": None})
    query: Mapping[str, str] = {name: value for name, value in request.query_params.items() if name in _ASKED}
    status, answer = await registry.ask(path, query)
    if status >= 500:
        raise ComponentError("The registry failed.", code="REGISTRY_UNAVAILABLE", http_status=503, retriable=True)
    return JsonResponse(answer, status)
