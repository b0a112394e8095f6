"""A service's ASGI app: its routes, GET /health, and errors in arcrun's shape."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import Route

from arcrun_http.errors import EXCEPTION_HANDLERS
from arcrun_http.health import health


def build_service_app(routes: Sequence[Route] = ()) -> Starlette:
    app = Starlette(routes=[Route("/health", health), *routes], exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False  # another path is another route, and gets an answer in the same shape
    return app
