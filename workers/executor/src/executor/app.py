"""The executor over HTTP: its routes and their authentication."""

import re
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun_http.app import build_service_app
from executor import audit_handlers as audit
from executor import credential_handlers as credentials
from executor import event_handlers as events
from executor import run_handlers as runs
from executor import store_handlers as stores
from executor import workflow_handlers as workflows
from executor.access import Access
from executor.service import ExecutorService

_WEBHOOK_CALL = re.compile(r"/webhooks/[^/]+/trigger(?:/.*)?", re.DOTALL)
Handler = Callable[[ExecutorService, Request], Awaitable[Response]]


def build_app(access: Access, public_url: str | None = None, mail_domain: str | None = None) -> Starlette:
    """The ASGI app. `access` chooses the service by a request's API key or, for a webhook, by its token.

    `public_url` is the public base URL of webhooks; without it answers contain only their paths.
    `mail_domain` is the domain of the workflows' mail addresses; without it answers contain none.
    """

    def protected(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def serve(request: Request) -> Response:
            return await handler(await access.of_key(request), request)

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
        Route("/execute", protected(runs.execute), methods=["POST"]),
        Route("/webhooks/named/{name}/trigger", protected(runs.trigger_by_name), methods=["POST"]),
        Route("/runs", protected(runs.list_runs), methods=["GET"]),
        Route("/runs/resume", protected(runs.resume), methods=["POST"]),
        Route("/runs/unsettled", protected(runs.count_unsettled), methods=["GET"]),
        Route("/runs/{run_id}", protected(runs.show_run), methods=["GET"]),
        Route("/runs/{run_id}/follow", protected(runs.follow), methods=["GET"]),
        Route("/runs/{run_id}/input", protected(runs.show_input), methods=["GET"]),
        Route("/runs/{run_id}/attachments/{number}", protected(runs.show_attachment), methods=["GET"]),
        Route("/runs/{run_id}/cancel", protected(runs.cancel), methods=["POST"]),
        Route("/runs/{run_id}/dismiss", protected(runs.dismiss), methods=["POST"]),
        Route("/runs/{run_id}/events/{event}", protected(events.send_event), methods=["POST"]),
        Route("/runs/{run_id}/approvals", protected(events.list_approvals), methods=["GET"]),
        Route("/runs/{run_id}/approvals/{node:path}", protected(events.approve), methods=["POST"]),
        Route("/runs/{run_id}/decisions/{node:path}", protected(runs.decide), methods=["POST"]),
        Route("/approvals/{run_id}/{ticket}", open_to_links(events.show_approval), methods=["GET"]),
        Route("/approvals/{run_id}/{ticket}", open_to_links(events.decide), methods=["POST"]),
        Route("/accounts/{account}/approvals/{run_id}/{ticket}", open_to_links(events.show_approval), methods=["GET"]),
        Route("/accounts/{account}/approvals/{run_id}/{ticket}", open_to_links(events.decide), methods=["POST"]),
        Route("/runs/{run_id}/replay", protected(runs.replay), methods=["POST"]),
        Route("/runs/{run_id}/retry", protected(runs.retry), methods=["POST"]),
        Route("/data-keys/renew", protected(runs.renew_keys), methods=["POST"]),
        Route("/usage", protected(runs.show_usage), methods=["GET"]),
        Route("/plan", protected(runs.show_plan), methods=["GET"]),
        Route("/validate", protected(workflows.validate), methods=["POST"]),
        Route("/webhooks", protected(workflows.push), methods=["POST"]),
        Route("/webhooks", protected(workflows.list_workflows), methods=["GET"]),
        Route("/webhooks/pause", protected(workflows.pause_all), methods=["POST"]),
        Route("/webhooks/resume", protected(workflows.resume_all), methods=["POST"]),
        Route("/webhooks/named/{name}", protected(workflows.show_by_name), methods=["GET"]),
        Route("/webhooks/named/{name}/rollback", protected(workflows.roll_back), methods=["POST"]),
        Route("/webhooks/named/{name}/pause", protected(workflows.pause), methods=["POST"]),
        Route("/webhooks/named/{name}/resume", protected(workflows.resume), methods=["POST"]),
        Route("/webhooks/named/{name}/versions/{version}", protected(workflows.show_version), methods=["GET"]),
        Route(webhook, protected(workflows.show_workflow), methods=["GET"]),
        Route(webhook, protected(workflows.replace), methods=["PUT"]),
        Route(webhook, protected(workflows.delete), methods=["DELETE"]),
        Route(f"{webhook}/rotate", protected(workflows.rotate), methods=["POST"]),
        Route("/schedules", protected(workflows.list_schedules), methods=["GET"]),
        Route("/schedules/{name}", protected(workflows.show_schedules), methods=["GET"]),
        Route("/schedules/{name}/pause", protected(workflows.pause_schedules), methods=["POST"]),
        Route("/schedules/{name}/resume", protected(workflows.resume_schedules), methods=["POST"]),
        Route("/schedules/{name}/run", protected(workflows.run_schedule), methods=["POST"]),
        Route("/schedules/{name}/seen", protected(workflows.show_seen), methods=["GET"]),
        Route("/schedules/{name}/seen", protected(workflows.add_seen), methods=["PUT"]),
        Route("/stores", protected(stores.list_stores), methods=["GET"]),
        Route("/stores", protected(stores.purge_all), methods=["DELETE"]),
        Route("/stores/{kind}/{name}", protected(stores.list_entries), methods=["GET"]),
        Route("/stores/{kind}/{name}", protected(stores.purge), methods=["DELETE"]),
        Route("/stores/{kind}/{name}/entries", protected(stores.put_entries), methods=["PUT"]),
        Route("/stores/{kind}/{name}/entry", protected(stores.show_entry), methods=["GET"]),
        Route("/stores/{kind}/{name}/entry", protected(stores.put_entry), methods=["PUT"]),
        Route("/stores/{kind}/{name}/entry", protected(stores.delete_entry), methods=["DELETE"]),
        Route("/credentials/{name}/try", protected(credentials.try_credential), methods=["POST"]),
        Route("/audit", protected(audit.list_lines), methods=["GET"]),
        Route("/audit", protected(audit.note), methods=["POST"]),
        _for_any_method(f"{webhook}/trigger", trigger),
        _for_any_method(f"{webhook}/trigger/{{path:path}}", trigger),
    ]
    app = build_service_app(routes)
    app.state.public_url = (public_url or "").rstrip("/")
    app.state.mail_domain = mail_domain or ""
    return app


def is_webhook_call(path: str) -> bool:
    """Whether it is the path of a webhook, whose refusals have headers of its own."""
    return _WEBHOOK_CALL.fullmatch(path) is not None


def _for_any_method(path: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route whose handler says itself which methods it takes. What its path ends with may have line breaks."""
    route = Route(path, handler)
    route.methods = None
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route
