"""Builds a service's ASGI app: its routes, GET /health, and error responses in arcrun's shape."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from arcrun import __version__
from arcrun_http.responses import EXCEPTION_HANDLERS


async def health(_request: Request) -> JSONResponse:
    """Answer {"ok": true, "version"}."""
    return JSONResponse({"ok": True, "version": __version__})


def build_service_app(routes: Sequence[Route] = ()) -> Starlette:
    app = Starlette(routes=[Route("/health", health), *routes], exception_handlers=EXCEPTION_HANDLERS)
    app.router.redirect_slashes = False  # a redirect would not be in arcrun's shape
    return app
