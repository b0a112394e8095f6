"""Handlers of schedules. They only translate between HTTP and control.py."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from arcrun.errors import RequestError
from arcrun.limits import MAX_SEEN_KEYS, MAX_SHOWN_TIMES
from arcrun.workflows.triggers.watched_items import is_digest
from arcrun.workspace.watches import Seen
from arcrun_http.callers import actor_of
from arcrun_http.requests import parse_whole, read_cursor, read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.schedules import control
from executor.service import ExecutorService


async def list_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    schedules, cursor = await control.list_schedules(service, read_cursor(request), _read_count(request))
    return build_success({"schedules": schedules, "cursor": cursor})


async def show_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    name = request.path_params["name"]
    await service.workflows.require_head(name)
    return build_success({"schedules": await control.show_schedules(service, name, _read_count(request))})


async def pause_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    name = await _read_name(request)
    await control.pause_schedules(service, name, actor_of(request))
    return build_success({"schedules": await control.show_schedules(service, name)})


async def resume_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    name = await _read_name(request)
    await control.resume_schedules(service, name, actor_of(request))
    return build_success({"schedules": await control.show_schedules(service, name)})


async def run_schedule(service: ExecutorService, request: Request) -> JsonResponse:
    name, body = request.path_params["name"], await read_object(request, allowed=("number",))
    run_id, is_poll = await control.run_schedule(service, name, _read_number(body))
    return JsonResponse({"success": True, "run_id": run_id, "data": {"workflow": name, "poll": is_poll}}, 202)


async def show_seen(service: ExecutorService, request: Request) -> JsonResponse:
    """What is known of a workflow's watch: {"watch", "polled", "keys"}."""
    return build_success(await control.find_seen(service, request.path_params["name"]))


async def add_seen(service: ExecutorService, request: Request) -> JsonResponse:
    """Take over what another platform knows: {"kept"} is false if the workflow watches something else."""
    seen = _read_seen(await read_object(request, allowed=("watch", "polled", "keys")))
    return build_success({"kept": await control.add_seen(service, request.path_params["name"], seen)})


async def _read_name(request: Request) -> str:
    """The workflow's name, of a request whose body says nothing."""
    await read_object(request, allowed=())
    name: str = request.path_params["name"]
    return name


def _read_count(request: Request) -> int:
    text = request.query_params.get("count")
    count = control.SHOWN_TIMES if text is None else parse_whole(text)
    if count is None or not 0 <= count <= MAX_SHOWN_TIMES:
        raise RequestError(f"`count` must be an integer from 0 to {MAX_SHOWN_TIMES}.")
    return count


def _read_seen(body: Mapping[str, Any]) -> Seen:
    watch, is_polled, keys = body.get("watch"), body.get("polled"), body.get("keys")
    if (
        not isinstance(watch, str)
        or not isinstance(is_polled, bool)
        or not isinstance(keys, list)
        or len(keys) > MAX_SEEN_KEYS
        or not all(map(is_digest, keys))
    ):
        raise RequestError(
            f"The body must be {{watch, polled, keys}} as GET has it, with at most {MAX_SEEN_KEYS} keys."
        )
    return {"watch": watch, "polled": is_polled, "keys": keys}


def _read_number(body: Mapping[str, Any]) -> int:
    number = body.get("number", 1)
    if not isinstance(number, int) or isinstance(number, bool):
        raise RequestError("`number` must be an integer, 1 or more.")
    return number
