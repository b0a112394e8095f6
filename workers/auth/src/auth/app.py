"""The auth service over HTTP: its routes and their authentication."""

from starlette.applications import Starlette
from starlette.routing import Route

from arcrun_http.app import build_service_app
from auth.handlers import AccountHandlers
from auth.service import AccountService


def build_app(service: AccountService) -> Starlette:
    """The ASGI app. Without MASTER_KEY every route except /health refuses."""
    handlers = AccountHandlers(service)
    routes = [
        Route("/register", handlers.register, methods=["POST"]),
        Route("/me", handlers.of_tenant(handlers.show), methods=["GET"]),
        Route("/me", handlers.of_tenant(handlers.delete), methods=["DELETE"]),
        Route("/me/api-key/rotate", handlers.of_tenant(handlers.rotate_key), methods=["POST"]),
    ]
    return build_service_app(routes)
