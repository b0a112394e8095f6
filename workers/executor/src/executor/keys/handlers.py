"""Handlers of access keys. They only translate between HTTP and the store."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from arcrun.errors import RequestError
from arcrun.limits import MAX_KEY_LIFETIME_S, MAX_NAME_CHARACTERS
from arcrun.rights import RIGHTS, Grant
from arcrun.workflows.parse import is_workflow_name
from arcrun_http.callers import actor_of
from arcrun_http.requests import read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.service import ExecutorService


async def create(service: ExecutorService, request: Request) -> JsonResponse:
    body = await read_object(request, allowed=("name", "can", "workflow", "expires_in_s"))
    name, grant, lifetime_s = _read_name(body), _read_grant(body), _read_lifetime(body)
    lifetime_ms = None if lifetime_s is None else lifetime_s * 1000
    text, key = await service.keys.create(name, grant, lifetime_ms, actor_of(request))
    return build_success({**key.to_json(), "key": text}, 201)


async def list_keys(service: ExecutorService, _request: Request) -> JsonResponse:
    return build_success({"keys": [key.to_json() for key in await service.keys.list()]})


async def revoke(service: ExecutorService, request: Request) -> JsonResponse:
    name = request.path_params["name"]
    await service.keys.revoke(name, actor_of(request))
    service.sessions.forget()
    return build_success({"name": name, "revoked": True})


def _read_name(body: Mapping[str, Any]) -> str:
    name = body.get("name")
    if not isinstance(name, str) or not is_workflow_name(name):
        raise RequestError(
            f"`name` must be 1 to {MAX_NAME_CHARACTERS} letters, digits and `_`, as workflows' names are.",
            next_actions=['Send {"name": "dashboard", "can": "read"}.'],
        )
    return name


def _read_grant(body: Mapping[str, Any]) -> Grant:
    can, workflow = body.get("can"), body.get("workflow")
    if can not in RIGHTS:
        raise RequestError(f"`can` must be one of {', '.join(RIGHTS)}.")
    if workflow is not None and (not isinstance(workflow, str) or not is_workflow_name(workflow)):
        raise RequestError("`workflow` must be the name of a workflow.")
    if workflow is not None and can == "admin":
        raise RequestError("`admin` is for the whole account: leave out `workflow`, or choose another right.")
    return Grant(RIGHTS[can], workflow or "")


def _read_lifetime(body: Mapping[str, Any]) -> int | None:
    lifetime_s = body.get("expires_in_s")
    if lifetime_s is None:
        return None
    if isinstance(lifetime_s, bool) or not isinstance(lifetime_s, int) or not 1 <= lifetime_s <= MAX_KEY_LIFETIME_S:
        raise RequestError(f"`expires_in_s` must be a whole number from 1 to {MAX_KEY_LIFETIME_S}.")
    return lifetime_s
