"""The registry over HTTP: its routes and their authentication."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun_http.app import build_service_app
from arcrun_http.auth import presented_key
from registry.callers import Caller, Keyring
from registry.catalogue import Catalogue
from registry.decisions import Decisions
from registry.handlers import AnalyticsHandlers, CatalogueHandlers, SubmissionHandlers
from registry.registry_object import RegistryObject
from registry.submissions import Submissions

Handler = Callable[[Request, Caller], Awaitable[Response]]


@dataclass(frozen=True)
class Registry:
    """The services behind the routes."""

    keyring: Keyring
    state: RegistryObject
    submissions: Submissions
    decisions: Decisions
    catalogue: Catalogue


def build_app(registry: Registry) -> Starlette:
    """The ASGI app. Without any configured key every route except GET /health refuses."""

    def known(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def identified(request: Request) -> Response:
            return await handler(request, registry.keyring.identify(presented_key(request)))

        return identified

    submitted = SubmissionHandlers(registry.submissions, registry.decisions)
    listed, analytics = CatalogueHandlers(registry.catalogue), AnalyticsHandlers(registry.state)
    submission, component = "/submit/{submission_id}", "/components/{canonical_id}"
    routes = [
        Route("/components", known(listed.search), methods=["GET"]),
        Route(component, known(listed.show), methods=["GET"]),
        Route(f"{component}/versions", known(listed.versions), methods=["GET"]),
        Route(f"{component}/module", known(listed.module), methods=["GET"]),
        Route("/submit", known(submitted.submit), methods=["POST"]),
        Route("/submit/key", known(submitted.show_key), methods=["GET"]),
        Route(submission, known(submitted.show), methods=["GET"]),
        Route(f"{submission}/approve", known(submitted.approve), methods=["PATCH"]),
        Route(f"{submission}/reject", known(submitted.reject), methods=["PATCH"]),
        Route("/analytics/record", known(analytics.record), methods=["POST"]),
        Route("/analytics", known(analytics.list), methods=["GET"]),
    ]
    return build_service_app(routes)
