"""Handlers that run workflows and components, and that end, repeat and decide runs; account/runs.py shows them. They
only translate between HTTP and the service.

Each gets the caller's service (executor/access.py). A failed run's cause is shown to the holder of the API key, but not
to a caller who has only the webhook's URL.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from arcrun.engine.budget import DEPTH_HEADER
from arcrun.engine.engine import Trigger
from arcrun.engine.record import RunRecord
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import (
    ArcrunError,
    InternalError,
    RequestError,
    RunError,
    RunFailedError,
    WorkflowPausedError,
)
from arcrun.json_text import write_json
from arcrun.limits import (
    MAX_ANSWER_WAIT_MS,
    MAX_RUN_DEPTH,
    MAX_RUN_TIMEOUT_MS,
)
from arcrun.workflows.plan import Plan
from arcrun.workspace.pause import OnTrigger
from arcrun_http.requests import (
    body_of,
    is_plain_json,
    parse_whole,
    read_json,
    read_object,
)
from arcrun_http.responses import LINES, JsonLines, JsonResponse, render_error
from executor.service import ExecutorService
from executor.workflow_handlers import read_source, read_variables
from executor.workflows import StoredWorkflow

KEEP_ALIVE_S = 15
KEY_HEADER = "idempotency-key"  # of requests that also show the API key
# Of all that a webhook answers: it shares its origin with the console, and its URL is a secret. The sandbox takes its
# origin from a page: no cookie of the visitor goes with what it asks, and nothing that it asks can be read.
CONFINING_HEADERS = (
    (b"content-security-policy", b"sandbox allow-forms allow-scripts allow-popups"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


async def execute(service: ExecutorService, request: Request) -> Response:
    body = await read_object(request, allowed=("workflow", "component", "input", "vars"))
    if ("workflow" in body) == ("component" in body):
        raise RequestError(
            "The body must have either `workflow` or `component`.",
            next_actions=['Send {"component": "string_ops", "input": {...}} or {"workflow": "...", "input": {...}}.'],
        )
    if wants_async(request):
        raise RequestError(
            "POST /execute does not accept ?async=1: only a stored workflow can run asynchronously.",
            next_actions=[
                "Store the workflow (POST /webhooks) and run it by its webhook with ?async=1.",
                "Or wait for the run's end: omit `async`.",
            ],
        )
    input_value = body.get("input", {})
    if "workflow" in body:
        source, variables = read_source(body), read_variables(body)
        trigger = build_trigger(request, TriggerKind.EXECUTE, input_value)

        def run(run_id: str | None) -> Awaitable[RunRecord]:
            return service.execute_workflow(source, trigger, run_id, variables)

        return await answer_run(service, request, run)
    if not isinstance(body["component"], str) or not isinstance(input_value, dict):
        raise RequestError("`component` must be a string and `input` an object.")
    outcome = await service.execute_component(body["component"], input_value, depth=read_depth(request))
    return JsonResponse(outcome.envelope, outcome.error.http_status if outcome.error else 200)


async def cancel(service: ExecutorService, request: Request) -> Response:
    """Let a run end: 202, and an accepted one is `cancelled` within half a minute, another within some seconds. Raises
    what `cancel_run` does.
    """
    from executor.durable.cancellation import cancel_run, stop_instance  # noqa: PLC0415 - as below

    run_id: str = request.path_params["run_id"]
    has_instance = await cancel_run(service.lasting, service.runs, run_id)
    if has_instance and service.lasting is not None:
        service.background.start(stop_instance(service.lasting, service.engine.ports.clock, run_id))
    return JsonResponse({"success": True, "run_id": run_id, "data": {"status": "cancelling"}}, 202)


async def decide(service: ExecutorService, request: Request) -> Response:
    """Decide about a call that a crash cut off: 202. Raises what `decide` and `read_decision` do."""
    from executor.durable import cut_off_calls  # noqa: PLC0415 - as below

    run_id, node = request.path_params["run_id"], request.path_params["node"]
    decision = cut_off_calls.read_decision(await read_object(request, allowed=("decision", "data")))
    if (lasting := service.lasting) is None:
        raise cut_off_calls.build_nothing_error(node, (await service.runs.find(run_id))["status"], [], run_id)
    await cut_off_calls.decide(lasting, service.runs, run_id, node, decision)
    service.background.start(cut_off_calls.repeat_instance(lasting, service.engine.ports.clock, run_id))
    told = {"node": node, "decision": decision["decision"]}
    return JsonResponse({"success": True, "run_id": run_id, "data": told}, 202)


async def dismiss(service: ExecutorService, request: Request) -> Response:
    """Deal with a dead letter by hand. Raises what `dismiss_run` does."""
    from executor.durable.dead_letters import dismiss_run  # noqa: PLC0415 - as below

    run_id: str = request.path_params["run_id"]
    await dismiss_run(service.lasting, service.runs, run_id)
    return JsonResponse({"success": True, "run_id": run_id, "data": {"status": "dismissed"}})


async def replay(service: ExecutorService, request: Request) -> Response:
    """Run a run again, from its beginning or from a node (executor/replays/handlers.py)."""
    from executor.replays import handlers  # noqa: PLC0415 - other runs need none of it

    return await handlers.replay(service, request)


async def retry(service: ExecutorService, request: Request) -> Response:
    """Run again what has failed of a run, and what was to follow."""
    from executor.replays import handlers  # noqa: PLC0415 - as above

    return await handlers.retry(service, request)


async def resume(service: ExecutorService, _request: Request) -> Response:
    """Go on with the accepted runs that have not ended: {"runs": how many there are}."""
    from executor.durable.acceptance import resume_runs  # noqa: PLC0415 - quick runs need none of it

    count = 0 if service.lasting is None else await resume_runs(service.lasting)
    return JsonResponse({"success": True, "data": {"runs": count}})


async def trigger(service: ExecutorService, request: Request, *, shows_key: bool) -> Response:
    """Run a webhook's workflow. A request that also has the API key sees more."""
    try:
        stored = await service.workflows.find(request.path_params["token"])
        if (cors := stored.plan.triggers.webhook.cors) is None:
            response = await _answer_webhook(service, request, stored, shows_key=shows_key)
        else:
            from executor.webhooks.cors import answer_shared  # noqa: PLC0415 - as below

            webhook = stored.plan.triggers.webhook
            response = await answer_shared(
                request, webhook, cors, lambda: _answer_webhook(service, request, stored, shows_key=shows_key)
            )
    except ArcrunError as error:
        response = render_error(error)
    response.raw_headers.extend(CONFINING_HEADERS)
    return response


async def refuse(service: ExecutorService, request: Request, refusal: ArcrunError) -> Response:
    """Answer a webhook's request that its account has no room for. A page that may read its answers may read this."""
    response: Response | None = None
    if "origin" in request.headers:
        from executor.webhooks.cors import answer_refused  # noqa: PLC0415 - as below

        response = await answer_refused(service, request, refusal)
    response = response or render_error(refusal)
    response.raw_headers.extend(CONFINING_HEADERS)
    return response


async def _answer_webhook(
    service: ExecutorService, request: Request, stored: StoredWorkflow, *, shows_key: bool
) -> Response:
    webhook = stored.plan.triggers.webhook
    if request.method not in webhook.methods:
        from executor.webhook_requests import answer_without_run  # noqa: PLC0415 - as below

        return answer_without_run(request.method, webhook)
    if webhook.verify is not None:
        from executor.signatures.verification import verify_caller  # noqa: PLC0415 - as below

        if answer := await verify_caller(service, request, stored.name, webhook.verify):
            return answer
    if stored.pause is not None and stored.pause.on_trigger is OnTrigger.REFUSE:
        raise WorkflowPausedError(is_of_all=stored.pause.is_of_all)
    return await _run(service, request, stored, TriggerKind.WEBHOOK, is_owner=shows_key)


async def trigger_by_name(service: ExecutorService, request: Request) -> Response:
    """Run a workflow for its owner, whatever methods its webhook takes, and also while that is paused."""
    stored = await service.workflows.find_by_name(request.path_params["name"])
    return await _run(service, request, stored, TriggerKind.NAME, is_owner=True)


async def _run(
    service: ExecutorService, request: Request, stored: StoredWorkflow, kind: TriggerKind, *, is_owner: bool
) -> Response:
    trigger = await read_trigger(service, request, stored.plan, kind, has_key=is_owner)
    wait_ms = find_wait_ms(service, request, stored, kind, is_owner=is_owner)
    if wait_ms is not None:
        trigger.gets_response = wait_ms > 0

    async def wait(accepted: Response) -> Response:
        """The answer of the run, if it comes in time."""
        from executor.durable.waiting import answer_in_time  # noqa: PLC0415 - quick runs need none of it

        is_early = stored.plan.responds and kind is TriggerKind.WEBHOOK
        return await answer_in_time(service, request, accepted, wait_ms or 0, is_owner=is_owner, is_early=is_early)

    if (is_owner and KEY_HEADER in request.headers) or (
        kind is TriggerKind.WEBHOOK and stored.plan.triggers.webhook.idempotency is not None
    ):
        from executor.starts.idempotency import answer_once  # noqa: PLC0415 - requests without a key need none of it

        render: Callable[[RunRecord], Response] = partial(answer_caller, request=request)
        if is_owner:
            render = partial(answer_owner, with_trace=wants_trace(request))
        is_accepted = wait_ms is not None
        answer = await answer_once(
            service, request, stored, trigger, is_owner=is_owner, is_accepted=is_accepted, render=render
        )
        if answer is not None:
            return await wait(answer) if wait_ms else answer
    if wait_ms is None:
        if is_owner:
            return await answer_run(service, request, lambda run_id: service.run(stored, trigger, run_id))
        return answer_caller(await service.run(stored, trigger), request)
    started = await service.start(stored, trigger, is_owner=is_owner)
    accepted = answer_accepted(started.run_id, is_queued=started.is_queued)
    return await wait(accepted) if wait_ms else accepted


def find_wait_ms(
    service: ExecutorService, request: Request, stored: StoredWorkflow, kind: TriggerKind, *, is_owner: bool
) -> int | None:
    """How long the request waits for the end of its run; None if the run is done for the request, not accepted. Raises
    RequestError.
    """
    plan = stored.plan
    if stored.pause is not None:
        return 0  # it is queued
    own_ms = plan.triggers.webhook.wait_ms if kind is TriggerKind.WEBHOOK else None
    if own_ms and service.lasting is None and not plan.is_durable and not plan.queues_runs:
        own_ms = None  # accepted or not, it is done in this isolate
    is_async = wants_async(request)
    if own_ms is None and not plan.is_durable and not plan.queues_runs and not is_async:
        return None
    if is_owner and "wait_ms" in _query(request):
        return read_wait(request)
    return 0 if is_async else own_ms or 0


async def answer_run(
    service: ExecutorService, request: Request, run: Callable[[str | None], Awaitable[RunRecord]]
) -> Response:
    """The answer to a run's owner: one object or, for a client that accepts lines, {"run_id"} at once and then that
    object. A run that is answered in lines goes on without its client, for as long as the platform lets it.
    """
    with_trace = wants_trace(request)
    if request.headers.get("accept") != LINES:
        return answer_owner(await run(None), with_trace=with_trace)
    run_id = service.runs.new_run_id()

    async def answer() -> Response:
        return answer_owner(await run(run_id), with_trace=with_trace)

    return answer_in_lines(service, run_id, answer)


def answer_in_lines(service: ExecutorService, run_id: str, make: Callable[[], Awaitable[Response]]) -> JsonLines:
    """{"run_id"} at once, and then the answer; empty lines between them keep the connection."""
    ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        answer: Response = render_error(InternalError())
        try:
            answer = await make()
        except ArcrunError as error:
            answer = render_error(error)
        finally:
            if not ended.done():
                ended.set_result(bytes(answer.body))

    async def list_lines() -> AsyncIterator[bytes]:
        yield write_json({"run_id": run_id}).encode()
        while not ended.done():
            if not (await asyncio.wait({ended}, timeout=KEEP_ALIVE_S))[0]:
                yield b""  # or the connection would be closed as idle
        yield ended.result()

    service.background.start(work())
    return JsonLines(list_lines())


def answer_owner(record: RunRecord, *, with_trace: bool) -> JsonResponse:
    """{"success", "run_id", "data" or "error", "duration_ms"}, and "trace" and "undos", truncated as in a stored
    record.
    """
    answer = record.to_json()
    if with_trace:
        answer |= {"trace": record.render_trace(), **record.render_undos()}
    return JsonResponse(answer, record.error.http_status if record.error else 200)


def answer_caller(record: RunRecord, request: Request) -> Response:
    """The workflow's own response or, without one, {"success", "run_id", "data"}. Every failure is WORKFLOW_FAILED with
    the run's id: only the owner may see its cause.
    """
    if record.response is None:
        return answer_plainly(record)
    from executor.webhooks.responses import build_response  # noqa: PLC0415 - most workflows have none

    return build_response(record.response, answer_plainly(record), request)


def answer_plainly(record: RunRecord) -> JsonResponse:
    if record.error is None:
        return JsonResponse({"success": True, "run_id": record.run_id, "data": record.data})
    failure = RunFailedError(record.run_id)
    answer = {"success": False, "run_id": record.run_id, "error": failure.to_json()}
    return JsonResponse(answer, failure.http_status)


def answer_accepted(run_id: str, *, is_queued: bool) -> JsonResponse:
    """The answer before the run: {"success", "run_id", "data": {"status"}}."""
    status = "queued" if is_queued else "running"
    return JsonResponse({"success": True, "run_id": run_id, "data": {"status": status}}, 202)


async def read_trigger(
    service: ExecutorService, request: Request, plan: Plan, kind: TriggerKind, *, has_key: bool
) -> Trigger:
    """A trigger whose input is the body; `?timeout_ms=N` is how long the client waits for the run."""
    is_plain = request.method == "POST" and "path" not in request.path_params and is_plain_json(request)
    if is_plain and not plan.sees_request:
        value, text = await read_json(request), body_of(request)
        return Trigger(kind, value, read_timeout(request), read_depth(request), len(text), text)
    from executor.webhook_requests import read_webhook_request  # noqa: PLC0415 - plain JSON needs none of it

    clock, decoder = service.engine.ports.clock, service.components.decoder
    value, source = await read_webhook_request(request, plan.triggers.webhook, clock, decoder, has_key=has_key)
    size, text = len(source.body.content), source.body.content if is_plain else b""
    return Trigger(kind, value, read_timeout(request), read_depth(request), size, text, request=source)


def build_trigger(request: Request, kind: TriggerKind, input_value: Any) -> Trigger:
    """A trigger whose input is a part of the body."""
    return Trigger(kind, input_value, read_timeout(request), read_depth(request), len(body_of(request)))


def read_depth(request: Request) -> int:
    """The number of runs that led to the request: the greatest of several headers, which proxies join with commas.
    Raises RunError RUN_TOO_DEEP.
    """
    listed = ",".join(request.headers.getlist(DEPTH_HEADER)).split(",")
    depth = max(parse_whole(text.strip()) or 0 for text in listed)
    if depth > MAX_RUN_DEPTH:
        raise RunError(
            f"Runs start each other by HTTP requests more than {MAX_RUN_DEPTH} levels deep.",
            code="RUN_TOO_DEEP",
            next_actions=["Look for a workflow that calls its own webhook, directly or through others."],
        )
    return depth


def read_timeout(request: Request) -> float | None:
    """`?timeout_ms=` in milliseconds; None if it is missing. Raises RequestError."""
    text = _query(request).get("timeout_ms")
    if text is None:
        return None
    timeout_ms = parse_whole(text)
    if timeout_ms is None or not 1 <= timeout_ms <= MAX_RUN_TIMEOUT_MS:
        raise RequestError(f"`timeout_ms` must be an integer from 1 to {MAX_RUN_TIMEOUT_MS}.")
    return timeout_ms


def read_wait(request: Request, most_ms: int = MAX_ANSWER_WAIT_MS) -> int:
    """`?wait_ms=` in milliseconds, 0 if it is missing. Raises RequestError."""
    wait_ms = parse_whole(_query(request).get("wait_ms", "0"))
    if wait_ms is None or wait_ms > most_ms:
        raise RequestError(f"`wait_ms` must be an integer from 0 to {most_ms}.")
    return wait_ms


def wants(request: Request, name: str) -> bool:
    """Whether a query parameter says yes."""
    return _query(request).get(name, "0") not in ("", "0", "false")


def wants_async(request: Request) -> bool:
    return wants(request, "async")


def wants_trace(request: Request) -> bool:
    """`?trace=1`. Only requests with the API key get a trace."""
    return wants(request, "trace")


def _query(request: Request) -> Mapping[str, str]:
    """The query parameters; most requests have none, so that nothing needs to be parsed."""
    return request.query_params if request.scope["query_string"] else {}
