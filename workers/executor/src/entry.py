"""The executor Worker: builds its app from its bindings, once for each isolate, and serves it."""

from typing import Any

from bundled_components import BUNDLED_COMPONENTS
from starlette.applications import Starlette

from arcrun.engine.engine import Engine
from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.cloudflare_r2 import CloudflareR2
from arcrun_edge.component_runner import PlatformRunner
from arcrun_edge.fetch_client import FetchClient
from arcrun_edge.system import SystemClock, SystemRandom
from arcrun_edge.workers_ai import WorkersAI
from executor.app import build_app
from executor.components import ComponentCaller
from executor.library import ComponentLibrary
from executor.service import ExecutorService
from executor.webhooks import WebhookStore
from workers import WorkerEntrypoint

_apps: list[Starlette] = []  # one, made at the first request: bindings cannot be kept in the deploy's memory snapshot


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request)


def _build(bindings: Any) -> Starlette:
    clock, random = SystemClock(), SystemRandom()
    library = ComponentLibrary(BUNDLED_COMPONENTS, CloudflareR2(bindings.WASM_BUCKET), clock)
    runner = PlatformRunner(read_optional(bindings, "LOADER"))
    ai = read_optional(bindings, "AI")
    components = ComponentCaller(library, runner, FetchClient(), clock, random, WorkersAI(ai) if ai else None)
    webhooks = WebhookStore(CloudflareKV(bindings.WEBHOOKS), clock, random)
    service = ExecutorService(components, webhooks, Engine(components, clock, random))
    return build_app(service, read_optional(bindings, "ARCRUN_API_KEY"))
