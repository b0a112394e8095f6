"""The executor Worker: builds its app from its bindings, once for each isolate, and serves it."""

from typing import Any

from bundled_components import BUNDLED_COMPONENTS
from starlette.applications import Starlette

from arcrun.engine.budget import FREE_SUBREQUEST_LIMIT, PAID_SUBREQUEST_LIMIT
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.cloudflare_r2 import CloudflareR2
from arcrun_edge.component_runner import PlatformRunner
from arcrun_edge.fetch_client import FetchClient
from arcrun_edge.registry_service import RegistryService
from arcrun_edge.system import SystemClock, SystemRandom
from arcrun_edge.wait_until import WaitUntil
from arcrun_edge.webcrypto import WebCryptoCipher
from arcrun_edge.workers_ai import WorkersAI
from executor.app import build_app
from executor.components import ComponentCaller
from executor.credentials import CredentialVault
from executor.library import ComponentLibrary
from executor.runs import RunStore
from executor.service import ExecutorService
from executor.usage import UsageReporter
from executor.workflows import WorkflowStore
from workers import WorkerEntrypoint

_apps: list[Starlette] = []  # one, made at the first request: bindings cannot be kept in the deploy's memory snapshot


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request)


def _build(bindings: Any) -> Starlette:
    clock, random = SystemClock(), SystemRandom()
    background, api_key = WaitUntil(), read_optional(bindings, "ARCRUN_API_KEY")
    binding = read_optional(bindings, "REGISTRY")
    registry = RegistryService(binding, api_key) if binding is not None and api_key else None
    library = ComponentLibrary(BUNDLED_COMPONENTS, CloudflareR2(bindings.WASM_BUCKET), clock, background, registry)
    runner = PlatformRunner(read_optional(bindings, "LOADER"))
    ai = read_optional(bindings, "AI")
    components = ComponentCaller(library, runner, FetchClient(), clock, random, WorkersAI(ai) if ai else None)
    workflows = WorkflowStore(CloudflareKV(bindings.WEBHOOKS), clock, random)
    records, verdicts = CloudflareKV(bindings.EXEC_CONTEXT), CloudflareKV(bindings.ANALYTICS_KV)
    runs = RunStore(records, verdicts, clock, random, background)
    encryption_key = read_optional(bindings, "ARCRUN_ENCRYPTION_KEY")
    previous_key = read_optional(bindings, "ARCRUN_PREVIOUS_ENCRYPTION_KEY")
    vault = CredentialVault(CloudflareKV(bindings.CREDENTIALS_KV), encryption_key, WebCryptoCipher, clock, previous_key)
    engine = Engine(RunPorts(components, workflows, vault, clock, random), _subrequest_limit(bindings))
    usage = UsageReporter(registry, clock, background)
    service = ExecutorService(components, workflows, runs, vault, engine, background, usage)
    return build_app(service, api_key)


def _subrequest_limit(bindings: Any) -> int:
    """The platform's, by plan: only the paid one has the Worker Loader. SUBREQUEST_LIMIT overrides it."""
    given = read_optional(bindings, "SUBREQUEST_LIMIT")
    if given:
        return int(given)
    return PAID_SUBREQUEST_LIMIT if read_optional(bindings, "LOADER") is not None else FREE_SUBREQUEST_LIMIT
