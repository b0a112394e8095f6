"""The registry over HTTP: the routes, and who may use them."""

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from arcrun_http.app import build_service_app
from arcrun_http.auth import presented_key
from registry.analytics_handlers import AnalyticsHandlers
from registry.principals import Keyring, Principal
from registry.state import State

Handler = Callable[[Request, Principal], Awaitable[Response]]


def build_app(keyring: Keyring, state: State) -> Starlette:
    """The ASGI app. Without any key every route but GET /health refuses."""

    def known(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def identified(request: Request) -> Response:
            return await handler(request, keyring.identify(presented_key(request)))

        return identified

    analytics = AnalyticsHandlers(state)
    routes = [
        Route("/analytics/record", known(analytics.record), methods=["POST"]),
        Route("/analytics", known(analytics.list), methods=["GET"]),
    ]
    return build_service_app(routes)
