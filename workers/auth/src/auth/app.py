"""The service over HTTP. So far it says only that it is there."""

from starlette.applications import Starlette

from arcrun_http.app import build_service_app


def build_app() -> Starlette:
    return build_service_app()
