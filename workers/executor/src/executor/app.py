"""The executor over HTTP: its routes and their authentication."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun.rights import OWNER, Right
from arcrun_http.app import build_service_app
from arcrun_http.auth import SESSION
from executor import run_handlers as runs
from executor import workflow_handlers as workflows
from executor.access import Access, identify
from executor.keys.scopes import Rule, Scope, limit_answer, require
from executor.service import ExecutorService

READ, RUN, PUSH, ADMIN = Right
_WEBHOOK_CALL = re.compile(r"/webhooks/[^/]+/trigger(?:/.*)?", re.DOTALL)
Handler = Callable[[ExecutorService, Request], Awaitable[Response]]


def late(module: str, name: str) -> Callable[[Any, Request], Awaitable[Response]]:
    """A handler that is imported with the first request that it serves: what starts runs needs none of it. Those of
    browsers, which are not signed in yet, get the access in place of a service.
    """

    async def handle(given: Any, request: Request) -> Response:
        answer: Response = await getattr(import_module(module), name)(given, request)
        return answer

    return handle


events, stores, keys, sessions = (
    partial(late, f"executor.{module}")
    for module in ("event_handlers", "store_handlers", "keys.handlers", "sessions.handlers")
)
audit, checks, components, credentials, records, usage = (
    partial(late, f"executor.account.{module}")
    for module in ("audit", "checks", "components", "credentials", "runs", "usage")
)


def build_app(
    access: Access,
    public_url: str | None = None,
    mail_domain: str | None = None,
    platform_id: str | None = None,
) -> Starlette:
    """The ASGI app. `access` chooses the service by a request's API key or, for a webhook, by its token.

    `public_url` is the public base URL of webhooks; without it answers contain only their paths.
    `mail_domain` is the domain of the workflows' mail addresses; without it answers contain none. `platform_id` tells
    platforms of one host apart, in the names of cookies.
    """

    def protected(handler: Handler, right: Right, scope: Scope) -> Callable[[Request], Awaitable[Response]]:
        rule = Rule(right, scope)

        async def serve(request: Request) -> Response:
            service, grant = await identify(access, request)
            if grant is OWNER:
                return await handler(service, request)
            await require(service, request, grant, rule)
            answer = limit_answer(await handler(service, request), grant, rule)
            if SESSION in request.scope:
                answer.headers.setdefault("cache-control", "no-store")
            return answer

        return serve

    def open_to_links(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return await handler(await access.of_link(request), request)

        return serve

    async def trigger(request: Request) -> Response:
        service, refusal = await access.of_webhook(request)
        if refusal is not None:
            return await runs.refuse(service, request, refusal)
        return await runs.trigger(service, request, shows_key=await access.shows_key(request))

    webhook = "/webhooks/{token}"
    routes = [
        Route(f"{webhook}/trigger", trigger, methods=["POST"]),
        Route("/execute", protected(runs.execute, PUSH, Scope.ACCOUNT), methods=["POST"]),
        Route("/webhooks/named/{name}/trigger", protected(runs.trigger_by_name, RUN, Scope.NAME), methods=["POST"]),
        Route("/runs", protected(records("list_runs"), READ, Scope.RUNS), methods=["GET"]),
        Route("/runs/resume", protected(runs.resume, PUSH, Scope.ACCOUNT), methods=["POST"]),
        Route("/runs/recent", protected(records("list_recent"), READ, Scope.LIST), methods=["GET"]),
        Route("/runs/unsettled", protected(records("count_unsettled"), READ, Scope.LIST), methods=["GET"]),
        Route("/runs/{run_id}", protected(records("show_run"), READ, Scope.RUN), methods=["GET"]),
        Route("/runs/{run_id}/follow", protected(records("follow"), READ, Scope.RUN), methods=["GET"]),
        Route("/runs/{run_id}/input", protected(records("show_input"), RUN, Scope.RUN), methods=["GET"]),
        Route(
            "/runs/{run_id}/attachments/{number}",
            protected(records("show_attachment"), RUN, Scope.RUN),
            methods=["GET"],
        ),
        Route("/runs/{run_id}/cancel", protected(runs.cancel, RUN, Scope.RUN), methods=["POST"]),
        Route("/runs/{run_id}/dismiss", protected(runs.dismiss, RUN, Scope.RUN), methods=["POST"]),
        Route("/runs/{run_id}/events/{event}", protected(events("send_event"), RUN, Scope.RUN), methods=["POST"]),
        Route("/runs/{run_id}/approvals", protected(events("list_approvals"), READ, Scope.RUN), methods=["GET"]),
        Route("/runs/{run_id}/approvals/{node:path}", protected(events("approve"), RUN, Scope.RUN), methods=["POST"]),
        Route("/runs/{run_id}/decisions/{node:path}", protected(runs.decide, RUN, Scope.RUN), methods=["POST"]),
        Route("/approvals/{run_id}/{ticket}", open_to_links(events("show_approval")), methods=["GET"]),
        Route("/approvals/{run_id}/{ticket}", open_to_links(events("decide")), methods=["POST"]),
        Route(
            "/accounts/{account}/approvals/{run_id}/{ticket}", open_to_links(events("show_approval")), methods=["GET"]
        ),
        Route("/accounts/{account}/approvals/{run_id}/{ticket}", open_to_links(events("decide")), methods=["POST"]),
        Route("/runs/{run_id}/replay", protected(runs.replay, RUN, Scope.RUN), methods=["POST"]),
        Route("/runs/{run_id}/retry", protected(runs.retry, RUN, Scope.RUN), methods=["POST"]),
        Route("/data-keys/renew", protected(records("renew_keys"), ADMIN, Scope.ACCOUNT), methods=["POST"]),
        Route("/usage", protected(usage("show_usage"), READ, Scope.ANY), methods=["GET"]),
        Route("/plan", protected(usage("show_plan"), READ, Scope.ANY), methods=["GET"]),
        Route("/checks", protected(checks("show_checks"), READ, Scope.ACCOUNT), methods=["GET"]),
        Route("/validate", protected(workflows.validate, PUSH, Scope.ANY), methods=["POST"]),
        Route("/webhooks", protected(workflows.push, PUSH, Scope.PUSH), methods=["POST"]),
        Route("/webhooks", protected(workflows.list_workflows, READ, Scope.LIST), methods=["GET"]),
        Route("/webhooks/pause", protected(workflows.pause_all, PUSH, Scope.ACCOUNT), methods=["POST"]),
        Route("/webhooks/resume", protected(workflows.resume_all, PUSH, Scope.ACCOUNT), methods=["POST"]),
        Route("/webhooks/named/{name}", protected(workflows.show_by_name, READ, Scope.NAME), methods=["GET"]),
        Route("/webhooks/named/{name}/rollback", protected(workflows.roll_back, PUSH, Scope.NAME), methods=["POST"]),
        Route("/webhooks/named/{name}/pause", protected(workflows.pause, PUSH, Scope.NAME), methods=["POST"]),
        Route("/webhooks/named/{name}/resume", protected(workflows.resume, PUSH, Scope.NAME), methods=["POST"]),
        Route(
            "/webhooks/named/{name}/versions/{version}",
            protected(workflows.show_version, READ, Scope.NAME),
            methods=["GET"],
        ),
        Route(webhook, protected(workflows.show_workflow, READ, Scope.TOKEN), methods=["GET"]),
        Route(webhook, protected(workflows.replace, PUSH, Scope.TOKEN), methods=["PUT"]),
        Route(webhook, protected(workflows.delete, PUSH, Scope.TOKEN), methods=["DELETE"]),
        Route(f"{webhook}/rotate", protected(workflows.rotate, PUSH, Scope.TOKEN), methods=["POST"]),
        Route("/schedules", protected(workflows.list_schedules, READ, Scope.LIST), methods=["GET"]),
        Route("/schedules/{name}", protected(workflows.show_schedules, READ, Scope.NAME), methods=["GET"]),
        Route("/schedules/{name}/pause", protected(workflows.pause_schedules, PUSH, Scope.NAME), methods=["POST"]),
        Route("/schedules/{name}/resume", protected(workflows.resume_schedules, PUSH, Scope.NAME), methods=["POST"]),
        Route("/schedules/{name}/run", protected(workflows.run_schedule, RUN, Scope.NAME), methods=["POST"]),
        Route("/schedules/{name}/seen", protected(workflows.show_seen, READ, Scope.NAME), methods=["GET"]),
        Route("/schedules/{name}/seen", protected(workflows.add_seen, PUSH, Scope.NAME), methods=["PUT"]),
        Route("/stores", protected(stores("list_stores"), READ, Scope.LIST), methods=["GET"]),
        Route("/stores", protected(stores("purge_all"), ADMIN, Scope.ACCOUNT), methods=["DELETE"]),
        Route("/stores/{kind}/{name}", protected(stores("list_entries"), READ, Scope.STORE), methods=["GET"]),
        Route("/stores/{kind}/{name}", protected(stores("purge"), PUSH, Scope.STORE), methods=["DELETE"]),
        Route("/stores/{kind}/{name}/entries", protected(stores("put_entries"), PUSH, Scope.STORE), methods=["PUT"]),
        Route("/stores/{kind}/{name}/entry", protected(stores("show_entry"), READ, Scope.STORE), methods=["GET"]),
        Route("/stores/{kind}/{name}/entry", protected(stores("put_entry"), PUSH, Scope.STORE), methods=["PUT"]),
        Route("/stores/{kind}/{name}/entry", protected(stores("delete_entry"), PUSH, Scope.STORE), methods=["DELETE"]),
        Route("/components", protected(components("list_components"), READ, Scope.ANY), methods=["GET"]),
        Route("/components/{id}/versions", protected(components("list_versions"), READ, Scope.ANY), methods=["GET"]),
        Route("/components/{id}", protected(components("show_component"), READ, Scope.ANY), methods=["GET"]),
        Route("/audit", protected(audit("list_lines"), READ, Scope.ACCOUNT), methods=["GET"]),
        Route("/audit", protected(audit("note"), ADMIN, Scope.ACCOUNT), methods=["POST"]),
        Route("/keys", protected(keys("list_keys"), ADMIN, Scope.ACCOUNT), methods=["GET"]),
        Route("/keys", protected(keys("create"), ADMIN, Scope.ACCOUNT), methods=["POST"]),
        Route("/keys/{name}", protected(keys("revoke"), ADMIN, Scope.ACCOUNT), methods=["DELETE"]),
        Route("/credentials", protected(credentials("list_credentials"), PUSH, Scope.ACCOUNT), methods=["GET"]),
        Route("/credentials/uses", protected(credentials("list_uses"), PUSH, Scope.ACCOUNT), methods=["GET"]),
        Route("/credentials/{name}", protected(credentials("put"), ADMIN, Scope.ACCOUNT), methods=["PUT"]),
        Route("/credentials/{name}", protected(credentials("delete"), ADMIN, Scope.ACCOUNT), methods=["DELETE"]),
        Route("/session", partial(sessions("show"), access), methods=["GET"]),
        Route("/session", partial(sessions("sign_in"), access), methods=["POST"]),
        Route("/session", partial(sessions("sign_out"), access), methods=["DELETE"]),
        Route("/session/links", protected(sessions("make_link"), READ, Scope.ANY), methods=["POST"]),
        Route("/sessions", protected(sessions("list_sessions"), ADMIN, Scope.ACCOUNT), methods=["GET"]),
        Route("/sessions", protected(sessions("revoke_all"), ADMIN, Scope.ACCOUNT), methods=["DELETE"]),
        Route("/sessions/{id}", protected(sessions("revoke"), ADMIN, Scope.ACCOUNT), methods=["DELETE"]),
        Route(
            "/credentials/{name}/try", protected(credentials("try_credential"), PUSH, Scope.ACCOUNT), methods=["POST"]
        ),
        Route("/console", _to_console, methods=["GET"]),
        _for_any_method(f"{webhook}/trigger", trigger),
        _for_any_method(f"{webhook}/trigger/{{path:path}}", trigger),
    ]
    app = build_service_app(routes)
    app.state.public_url = (public_url or "").rstrip("/")
    app.state.mail_domain = mail_domain or ""
    app.state.platform_id = platform_id or ""
    return app


async def _to_console(_request: Request) -> Response:
    """Its files come before this Worker (wrangler.toml); what somebody types leads there."""
    return Response(status_code=308, headers={"location": "/console/"})


def is_webhook_call(path: str) -> bool:
    """Whether it is the path of a webhook, whose refusals have headers of its own."""
    return _WEBHOOK_CALL.fullmatch(path) is not None


def _for_any_method(path: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose handler says itself which methods it takes. What its path ends with may have line breaks."""
    route = Route(path, handler)
    route.methods = None
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route
