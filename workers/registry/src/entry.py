"""The registry Worker: builds its app once for each isolate and serves it; and its Durable Object."""

from typing import Any

from starlette.applications import Starlette

from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.durable_alarm import DurableAlarm
from arcrun_edge.durable_sql import DurableSql
from arcrun_edge.durable_state import DurableState
from registry.app import build_app
from registry.mirror import DEFAULT_INTERVAL_S
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
        interval_s = read_optional(read_bindings(), "STATISTICS_MIRROR_S")
        alarm = DurableAlarm(self.ctx)
        self._state = State(DurableSql(self.ctx), alarm, float(interval_s or DEFAULT_INTERVAL_S))

    async def ask(self, request: str) -> str:
        return self._state.answer(request)

    async def alarm(self, _info: Any = None) -> None:
        await self._state.on_alarm(CloudflareKV(read_bindings().ANALYTICS_KV))


def _build(bindings: Any) -> Starlette:
    keyring = Keyring(
        *(read_optional(bindings, f"ARCRUN_{name}") for name in ("API_KEY", "REVIEWER_KEY", "AUTHOR_KEYS"))
    )
    return build_app(keyring, DurableState(bindings.REGISTRY_STATE))
