"""Handlers that send something to a run under way: its owner an event, and a person a decision."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from arcrun.errors import ArcrunError, NotConfiguredError, PayloadTooLargeError, RequestError
from arcrun.limits import MAX_DECISION_BYTES, MAX_EVENT_BYTES
from arcrun_http.requests import read_body, read_json, read_object
from arcrun_http.responses import JsonResponse, render_error
from executor.service import ExecutorService

ID_HEADER = "idempotency-key"
_ROOM_BYTES = 1_024  # for white space around a payload of the greatest size


async def send_event(service: ExecutorService, request: Request) -> Response:
    """Send an event, whose payload is the body: 202, also if one of that id has come before."""
    from executor.durable.events import SentEvent, send_event  # noqa: PLC0415 - quick runs need none of it

    run_id: str = request.path_params["run_id"]
    if service.lasting is None:
        await service.runs.find(run_id)
        raise NotConfiguredError(
            "Runs that wait for events need the executor's Workflow.", code="DURABLE_NOT_AVAILABLE"
        )
    has_body = request.headers.get("content-length", "") != "0" and "content-type" in request.headers
    payload = await read_json(request, MAX_EVENT_BYTES + _ROOM_BYTES) if has_body else None
    event_id = request.headers.get(ID_HEADER) or service.runs.new_run_id()
    event = SentEvent(request.path_params["event"], event_id, payload)
    state = await send_event(service, service.lasting, run_id, event)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"id": event_id, "state": state}}, 202)


async def list_approvals(service: ExecutorService, request: Request) -> Response:
    """{"approvals": [{"node", "title", "text", "choices", "approvers"}]}: what a run asks people now."""
    from executor.durable.decisions import list_questions  # noqa: PLC0415 - as above

    run_id: str = request.path_params["run_id"]
    asked = await list_questions(service, run_id)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"approvals": asked}})


async def approve(service: ExecutorService, request: Request) -> Response:
    """Decide as the owner what people are asked: {"choice", "comment"}. Raises what `decide_as_owner` does."""
    from executor.durable.decisions import decide_as_owner  # noqa: PLC0415 - as above

    run_id, node = request.path_params["run_id"], request.path_params["node"]
    body = await read_object(request, allowed=("choice", "comment"))
    choice, comment = body.get("choice"), body.get("comment", "")
    if not isinstance(choice, str) or not isinstance(comment, str):
        raise RequestError("`choice` must be a string, and so must `comment`, which may be left out.")
    await decide_as_owner(service, run_id, node, choice, comment)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"node": node, "choice": choice}}, 202)


async def show_approval(service: ExecutorService, request: Request) -> Response:
    """The page of a link. Looking at it changes nothing: scanners of mail follow links."""
    from executor.durable.approval_page import DECIDED, UNKNOWN, show_question, show_refusal  # noqa: PLC0415 - as above
    from executor.durable.decisions import find_question  # noqa: PLC0415 - as above

    if service.lasting is None:
        return show_refusal(UNKNOWN, 404)
    try:
        question = await find_question(service.lasting, request.path_params["run_id"], request.path_params["ticket"])
    except ArcrunError as error:
        return render_error(error)
    if question is None:
        return show_refusal(UNKNOWN, 404)
    return show_refusal(DECIDED, 410) if question.is_decided else show_question(question)


async def decide(service: ExecutorService, request: Request) -> Response:
    """Decide, by the page's form."""
    from executor.durable.approval_page import (  # noqa: PLC0415 - as above
        DECIDED,
        NOT_CHOSEN,
        TOO_LONG,
        UNKNOWN,
        show_decision,
        show_question,
        show_refusal,
    )
    from executor.durable.decisions import decide, find_question  # noqa: PLC0415 - as above

    if service.lasting is None:
        return show_refusal(UNKNOWN, 404)
    try:
        form = parse_qs((await read_body(request, MAX_DECISION_BYTES)).decode(errors="replace"), keep_blank_values=True)
        question = await find_question(service.lasting, request.path_params["run_id"], request.path_params["ticket"])
        if question is None:
            return show_refusal(UNKNOWN, 404)
        chosen, comment = form.get("choice", []), form.get("comment", [""])[0]
        choice = chosen[0] if len(chosen) == 1 else ""
        if choice not in question.choices:
            return show_question(question, NOT_CHOSEN, 422)
        if question.is_decided or not await decide(service, service.lasting, question, choice, comment):
            return show_refusal(DECIDED, 410)
    except PayloadTooLargeError:
        return show_refusal(TOO_LONG, 413)
    except ArcrunError as error:
        return render_error(error)
    return show_decision(choice)
