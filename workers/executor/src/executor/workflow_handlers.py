"""Handlers that check, store, show and delete workflows. They only translate between HTTP and the service.

Each gets the caller's service (executor/access.py).
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request

from arcrun.errors import ArcrunError, RequestError, UpstreamError, WorkflowError
from arcrun.limits import MAX_WORKFLOWS
from arcrun.rights import OWNER
from arcrun.templates.variables import Variables, find_variables_problem
from arcrun.workflows.diff import Source
from arcrun.workflows.parse import is_workflow_name
from arcrun.workflows.plan import Plan
from arcrun.workflows.stored_file import read_file_name
from arcrun.workspace.pause import OnTrigger
from arcrun_http.callers import actor_of
from arcrun_http.requests import parse_whole, read_cursor, read_object
from arcrun_http.responses import JsonResponse, build_success
from executor.heads import Head
from executor.service import ExecutorService, Push, starts_all_again
from executor.workflows import StoredWorkflow


async def validate(service: ExecutorService, request: Request) -> JsonResponse:
    body = await read_object(request, allowed=("workflow", "file", "workflows", "vars"))
    file = body.get("file")
    if not isinstance(file, str | None):
        raise RequestError("`file` must be a string: the file name that diagnostics show.")
    compilation = await service.validate(read_source(body), file, _read_names(body), read_variables(body))
    diagnostics = [finding.to_json() for finding in compilation.diagnostics]
    return build_success({"valid": compilation.plan is not None, "diagnostics": diagnostics})


async def push(service: ExecutorService, request: Request) -> JsonResponse:
    push = await _push(service, request)
    return build_success(await _render_push(service, request, push), 201 if push.changed else 200)


async def replace(service: ExecutorService, request: Request) -> JsonResponse:
    push = await _push(service, request, request.path_params["token"])
    return build_success(await _render_push(service, request, push))


async def _push(service: ExecutorService, request: Request, token: str | None = None) -> Push:
    body = await read_object(request, allowed=("workflow", "file", "force", "vars", "expected_version"))
    source, file, is_forced = read_source(body), read_file_name(body), body.get("force", False)
    if not isinstance(is_forced, bool):
        raise RequestError("`force` must be true or false.")
    expected = body.get("expected_version")
    if expected is not None and (type(expected) is not int or expected < 0):
        raise RequestError("`expected_version` must be an integer; 0 stands for a workflow that is not stored yet.")
    variables, grant = read_variables(body), getattr(request.state, "grant", OWNER)
    return await service.push(
        *(source, actor_of(request), token, variables),
        file=file,
        is_forced=is_forced,
        expected=expected,
        only=grant.workflow,
    )


async def list_workflows(service: ExecutorService, request: Request) -> JsonResponse:
    heads, cursor = await service.workflows.list_heads(read_cursor(request))
    listed = [
        {
            "name": head.name,
            "version": head.version,
            "latest": head.latest,
            "updated_at": head.updated_at,
            "format": head.format,
            "calls": _render_calls(head),
            "file": head.file,
            "token": head.token,
            "webhook_url": _webhook_url(request, head.token),
            "paused": _render_pause(head),
            **_show_address(service, request, head),
        }
        for head in heads
    ]
    return build_success({"workflows": listed, "cursor": cursor})


async def show_workflow(service: ExecutorService, request: Request) -> JsonResponse:
    return await _show(service, request, await service.workflows.find_name(request.path_params["token"]))


async def show_by_name(service: ExecutorService, request: Request) -> JsonResponse:
    return await _show(service, request, request.path_params["name"])


async def show_version(service: ExecutorService, request: Request) -> JsonResponse:
    name, number = request.path_params["name"], parse_whole(request.path_params["version"])
    if not number:
        raise RequestError("The version in the path must be an integer, 1 or more.")
    found = await service.workflows.find_version_source(name, number)
    told = {"pushed_at": found["pushed_at"], "workflow": found["source"], "vars": found["plan"].get("vars", {})}
    return build_success({"name": name, "version": number, **told})


async def roll_back(service: ExecutorService, request: Request) -> JsonResponse:
    version = read_version(await read_object(request, allowed=("version",)))
    name = request.path_params["name"]
    is_anew = await _would_start_all_again(service, name, version)
    head = await service.workflows.roll_back(name, version, actor_of(request))
    return build_success({**_render(service, request, head), **_tell_anew(is_anew=is_anew)})


async def _would_start_all_again(service: ExecutorService, name: str, version: int) -> bool:
    """Whether a rollback to that version would; False if the current one can no longer run. Raises NotFoundError."""
    plan = (await service.workflows.find_version(name, version)).plan
    if plan.triggers.watch is None:
        return False
    try:
        return starts_all_again((await service.workflows.find_current(name)).plan, plan)
    except WorkflowError:
        return False


async def pause(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.starts.pauses import pause_workflow  # noqa: PLC0415 - requests that run something need none of it

    on_trigger = await _read_on_trigger(request)
    head = await pause_workflow(service, request.path_params["name"], on_trigger, actor_of(request))
    return build_success({"name": head.name, "paused": _render_pause(head)})


async def resume(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.starts.pauses import resume_workflow  # noqa: PLC0415 - as above

    await read_object(request, allowed=())
    head, count = await resume_workflow(service, request.path_params["name"], actor_of(request))
    return build_success({"name": head.name, "paused": _render_pause(head), "released": count})


async def pause_all(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.starts import pauses  # noqa: PLC0415 - as above

    on_trigger = await _read_on_trigger(request)
    await pauses.pause_all(service, on_trigger, actor_of(request))
    return build_success({"paused": {"on_trigger": on_trigger.value, "all": True}})


async def resume_all(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.starts import pauses  # noqa: PLC0415 - as above

    await read_object(request, allowed=())
    still_paused, count = await pauses.resume_all(service, actor_of(request))
    return build_success({"still_paused": still_paused, "released": count})


async def list_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.list_schedules(service, request)


async def show_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.show_schedules(service, request)


async def pause_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.pause_schedules(service, request)


async def resume_schedules(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.resume_schedules(service, request)


async def run_schedule(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.run_schedule(service, request)


async def show_seen(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.show_seen(service, request)


async def add_seen(service: ExecutorService, request: Request) -> JsonResponse:
    from executor.schedules import handlers  # noqa: PLC0415 - as above

    return await handlers.add_seen(service, request)


async def rotate(service: ExecutorService, request: Request) -> JsonResponse:
    token = (await read_object(request, allowed=("token",))).get("token")
    if not isinstance(token, str | None):
        raise RequestError("`token` must be a string: the token that the workflow gets.")
    head = await service.workflows.rotate_token(request.path_params["token"], actor_of(request), token)
    return build_success(_render(service, request, head))


async def delete(service: ExecutorService, request: Request) -> JsonResponse:
    purges_store = request.query_params.get("purge_store", "0") not in ("", "0", "false")
    name, callers = await service.delete(request.path_params["token"], actor_of(request), purges_store=purges_store)
    return build_success({"name": name, "deleted": True, "called_by": callers})


async def _show(service: ExecutorService, request: Request, name: str) -> JsonResponse:
    """Show a workflow, even if it can no longer run: the caller may want to delete it."""
    head = await service.workflows.require_head(name)
    found = {
        "latest": head.latest,
        "file": head.file,
        "calls": _render_calls(head),
        "paused": _render_pause(head),
        "workflow": await service.workflows.find_source(head),
        "versions": await service.workflows.list_versions(name),
        "called_by": await service.workflows.find_callers(name),
        "refused": await _find_refused(service, name),
    }
    plan = await _find_plan(service, head)
    told = {
        "vars": None if plan is None else plan.variables,
        "steps": await _count_steps(service, plan) if plan is not None and plan.is_durable else None,
    }
    starts = {**await _show_schedules(service, plan), **await _show_chains(service, head, plan)}
    return build_success({**_render(service, request, head), **found, **told, **starts})


async def _find_plan(service: ExecutorService, head: Head) -> Plan | None:
    """The plan of the current version; None if it can no longer run."""
    with suppress(ArcrunError):
        return (await service.workflows.find(head.token)).plan
    return None


async def _count_steps(service: ExecutorService, plan: Plan) -> dict[str, Any] | None:
    """How many of the platform's steps a run takes; None if a component cannot be looked up now."""
    from arcrun.durable.purity import Purity  # noqa: PLC0415 - quick runs need none of it
    from arcrun.durable.step_counts import StepCounter  # noqa: PLC0415
    from executor.durable.acceptance import find_callees, find_pure  # noqa: PLC0415

    with suppress(ArcrunError):
        callees = {name: stored.plan for name, stored in (await find_callees(service, plan)).items()}
        pure = await find_pure(service, [plan, *callees.values()])
        return StepCounter(Purity(pure), callees).count(plan.graph).to_json()
    return None


async def _find_refused(service: ExecutorService, name: str) -> dict[str, Any] | None:
    """What `verify` has refused; None also if the Workspace's code is older and does not count it."""
    with suppress(UpstreamError):
        refused = await service.refusals.find(name)
        return None if refused is None else refused.to_json()
    return None


def _render(service: ExecutorService, request: Request, stored: StoredWorkflow | Head) -> dict[str, Any]:
    return {
        "name": stored.name,
        "version": stored.version,
        "token": stored.token,
        "webhook_url": _webhook_url(request, stored.token),
        "updated_at": stored.updated_at,
        **_show_address(service, request, stored),
    }


def _show_address(service: ExecutorService, request: Request, stored: StoredWorkflow | Head) -> dict[str, Any]:
    """{"email_address"} of a workflow that takes messages, where the platform's mail domain is known."""
    domain = request.app.state.mail_domain
    takes_mail = stored.takes_mail if isinstance(stored, Head) else stored.plan.triggers.mail is not None
    if not takes_mail or not domain:
        return {}
    from arcrun.mail.addresses import render_address  # noqa: PLC0415 - few workflows have any

    tag = service.workflows.build_mail_tag(stored.name, stored.token)
    return {"email_address": render_address(stored.name, tag, domain)}


def _render_calls(head: Head) -> list[str] | None:
    return None if head.calls is None else list(head.calls)


def _render_pause(head: Head) -> dict[str, Any] | None:
    return None if head.pause is None else head.pause.to_json()


async def _render_push(service: ExecutorService, request: Request, push: Push) -> dict[str, Any]:
    return {
        **_render(service, request, push.stored),
        "changed": push.changed,
        "rewritten": push.rewritten,
        "diff": push.diff.to_json(),
        "diagnostics": [finding.to_json() for finding in push.compilation.diagnostics],
        **_tell_anew(is_anew=push.starts_all_again),
        **await _show_schedules(service, push.stored.plan),
    }


def _tell_anew(*, is_anew: bool) -> dict[str, Any]:
    """{"starts_all_again"} of a version whose watch begins anew, with `first: all`."""
    return {"starts_all_again": True} if is_anew else {}


async def _show_schedules(service: ExecutorService, plan: Plan | None) -> dict[str, Any]:
    """{"schedules"} of a workflow that has any, with their next times."""
    if plan is None or not plan.triggers.all_schedules:
        return {}
    from executor.schedules.control import show_schedules  # noqa: PLC0415 - as above

    return {"schedules": await show_schedules(service, plan.name)}


def _webhook_url(request: Request, token: str) -> str:
    """The URL of a webhook, from the configuration: the caller controls the Host header."""
    return f"{request.app.state.public_url}/webhooks/{token}/trigger"


def read_variables(body: Mapping[str, Any]) -> Variables:
    """The project's `vars` of a body, empty if it has none. Raises RequestError INVALID_VARS."""
    given = body.get("vars", {})
    if problem := find_variables_problem(given):
        raise RequestError(
            f"`vars` cannot be used: {problem}.",
            code="INVALID_VARS",
            next_actions=['Send plain settings by name: "vars": {"api": "https://api.example.com"}.'],
        )
    return dict(given)


def read_source(body: Mapping[str, Any]) -> Source:
    """The `workflow` of a body. Raises RequestError."""
    source = body.get("workflow")
    if not isinstance(source, str | dict):
        raise RequestError("`workflow` must be YAML text or an object.")
    return source


async def _read_on_trigger(request: Request) -> OnTrigger:
    """The `on_trigger` of a body. Raises RequestError."""
    told = (await read_object(request, allowed=("on_trigger",))).get("on_trigger", OnTrigger.REFUSE.value)
    if told not in [each.value for each in OnTrigger]:
        raise RequestError(f"`on_trigger` must be one of {', '.join(OnTrigger)}.")
    return OnTrigger(told)


def _read_names(body: Mapping[str, Any]) -> list[str]:
    """The `workflows` of a body: names that count as stored. Raises RequestError."""
    names = body.get("workflows", [])
    if not isinstance(names, list) or len(names) > MAX_WORKFLOWS or not all(is_workflow_name(name) for name in names):
        raise RequestError("`workflows` must be a list of workflow names, which count as stored.")
    return names


def read_version(body: Mapping[str, Any]) -> int:
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise RequestError("`version` must be an integer, 1 or more.")
    return version


async def _show_chains(service: ExecutorService, head: Head, plan: Plan | None) -> dict[str, Any]:
    """{"after", "followed_by", "failure_of"}: the workflows that it follows, those that follow it, and those whose
    failures start it; each if there are any.
    """
    after = [] if plan is None else [*plan.triggers.after]
    handles = None if plan is None else plan.triggers.failure_of
    followed_by: list[str] = []
    if head.is_followed:
        followed_by = sorted(name for name, of in await service.workflows.list_follows() if of == head.name)
    told = {"after": after, "followed_by": followed_by, "failure_of": [] if handles is None else [*handles.workflows]}
    return {name: names for name, names in told.items() if names}
