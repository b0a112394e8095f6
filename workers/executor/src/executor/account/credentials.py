"""Handlers of stored credentials: listed by name, set, removed, tried, and never told."""

from starlette.requests import Request

from arcrun.credentials.record import validate_name
from arcrun.errors import NotFoundError, RequestError
from arcrun.limits import MAX_SECRET_BYTES, MAX_TRIED_URL_CHARACTERS
from arcrun_http.callers import actor_of
from arcrun_http.requests import read_cursor, read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def list_credentials(service: ExecutorService, _request: Request) -> JsonResponse:
    names = sorted(await service.vault.list_names())
    return build_success({"credentials": [{"name": name} for name in names]})


async def list_uses(service: ExecutorService, request: Request) -> JsonResponse:
    """Which workflows need which credentials, a page of workflows at a time."""
    from executor.account.credential_uses import find_uses  # noqa: PLC0415 - few requests need it

    uses, cursor = await find_uses(service, read_cursor(request))
    return build_success({"uses": uses, "cursor": cursor})


async def put(service: ExecutorService, request: Request) -> JsonResponse:
    name, value = request.path_params["name"], (await read_object(request, allowed=("value",))).get("value")
    validate_name(name)
    if not isinstance(value, str) or not value or len(value.encode("utf-8", "replace")) > MAX_SECRET_BYTES:
        raise RequestError(f"`value` must be a text of 1 to {MAX_SECRET_BYTES} bytes: the secret.")
    await service.vault.store(name, value, service.engine.ports.random)
    await service.audit.note("credential.put", name, actor_of(request), is_told=True)
    return build_success({"name": name})


async def delete(service: ExecutorService, request: Request) -> JsonResponse:
    name = request.path_params["name"]
    if not await service.vault.remove(name):
        raise NotFoundError(
            f"There is no credential `{name[:60]}`.",
            code="CREDENTIAL_NOT_FOUND",
            next_actions=["List them: acr creds list"],
        )
    if service.components.open_tokens is not None:
        await service.components.open_tokens().forget([name])
    await service.audit.note("credential.delete", name, actor_of(request), is_told=True)
    return build_success({"name": name, "deleted": True})


async def try_credential(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.authorization.trial import Trial, try_credential  # noqa: PLC0415 - few requests need it

    body = await read_object(request, allowed=("auth", "url"))
    auth, url, name = body.get("auth"), body.get("url", ""), request.path_params["name"]
    validate_name(name)
    if auth is not None and not isinstance(auth, dict):
        raise RequestError("`auth` must be an object, as a node has it.")
    if not isinstance(url, str) or len(url) > MAX_TRIED_URL_CHARACTERS:
        raise RequestError(f"`url` must be a string of at most {MAX_TRIED_URL_CHARACTERS} characters.")
    return build_success(await try_credential(service, Trial(name, auth, url)))
