"""The service over HTTP. So far it says only that it is there."""

from starlette.applications import Starlette
from starlette.routing import Route

from arcrun_http.errors import EXCEPTION_HANDLERS
from arcrun_http.health import health


def build_app() -> Starlette:
    return Starlette(routes=[Route("/health", health)], exception_handlers=EXCEPTION_HANDLERS)
