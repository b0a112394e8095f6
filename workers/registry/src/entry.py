"""The registry Worker: builds its app once for each isolate and serves it; and its Durable Object."""

from typing import Any

from starlette.applications import Starlette

from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.durable_sql import DurableSql
from arcrun_edge.durable_state import DurableState
from registry.app import build_app
from registry.principals import Keyring
from registry.state import RegistryState as State
from workers import DurableObject, WorkerEntrypoint

_apps: list[Starlette] = []  # one, made at the first request: bindings cannot be kept in the deploy's memory snapshot


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request)


class RegistryState(DurableObject):  # type: ignore[no-untyped-call]
    """registry/state.py over this object's SQLite."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self._state = State(DurableSql(ctx.storage.sql))

    async def ask(self, request: str) -> str:
        return self._state.answer(request)


def _build(bindings: Any) -> Starlette:
    keyring = Keyring(
        *(read_optional(bindings, f"ARCRUN_{name}") for name in ("API_KEY", "REVIEWER_KEY", "AUTHOR_KEYS"))
    )
    return build_app(keyring, DurableState(bindings.REGISTRY_STATE))
