"""The registry Worker: builds its app once for each isolate and serves it."""

from functools import cache
from typing import Any

from starlette.applications import Starlette

from arcrun_edge.asgi import serve
from registry.app import build_app
from workers import WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        return await serve(_app(), request)


@cache
def _app() -> Starlette:
    return build_app()
