"""The registry Worker: builds its app once for each isolate and serves it. Also its Durable Object."""

from typing import TYPE_CHECKING, Any

from bundled_components import BUNDLED_COMPONENTS

from arcrun.contracts.parse import parse_contract
from arcrun.durable_objects import Operations
from arcrun.limits import MAX_SUBMISSION_BYTES
from arcrun.registry.review import Bench
from arcrun.registry.trial import VALIDATOR_ID
from arcrun.wasm.component import ENGINE_ID, Component
from arcrun.wasm.javascript import JavaScriptRunner
from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.cloudflare_r2 import CloudflareR2
from arcrun_edge.cold_starts import LoaderColdStarts
from arcrun_edge.component_runner import PlatformRunner
from arcrun_edge.durable_objects import DurableAlarm, DurableObjectChannel, DurableSql
from arcrun_edge.logs import write_logs
from arcrun_edge.system import SystemClock, SystemRandom
from arcrun_edge.webcrypto_signer import WebCryptoSigner
from registry.app import Registry, build_app
from registry.callers import Keyring
from registry.catalogue import Catalogue
from registry.decisions import Decisions
from registry.registry_object import RegistryObject, RegistryTables, RemoteRegistry
from registry.statistics_export import DEFAULT_INTERVAL_S
from registry.submissions import Submissions
from workers import DurableObject, WorkerEntrypoint

if TYPE_CHECKING:
    from starlette.applications import Starlette

OBJECT = "registry"  # the name of the only object

write_logs("registry")
_apps: "list[Starlette]" = []  # one, made at the first request: bindings cannot be kept in the deploy's memory snapshot


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request, MAX_SUBMISSION_BYTES)


class RegistryState(DurableObject):  # type: ignore[no-untyped-call]
    """registry/registry_object.py over this object's SQLite."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        export_s = float(read_optional(read_bindings(), "STATISTICS_MIRROR_S") or DEFAULT_INTERVAL_S)
        self._tables = RegistryTables(DurableSql(self.ctx), DurableAlarm(self.ctx), export_s)
        self._operations = Operations(self._tables, RegistryObject)

    async def ask(self, request: str) -> str:
        return self._operations.answer(request)

    async def alarm(self, _info: Any = None) -> None:
        await self._tables.on_alarm(CloudflareKV(read_bindings().ANALYTICS_KV))


def _build(bindings: Any) -> "Starlette":
    clock, modules = SystemClock(), CloudflareR2(bindings.WASM_BUCKET)
    state = RemoteRegistry(DurableObjectChannel(bindings.REGISTRY_STATE, OBJECT, "The registry's Durable Object"))
    keys = (read_optional(bindings, f"ARCRUN_{name}") for name in ("API_KEY", "REVIEWER_KEY", "AUTHOR_KEYS"))
    records = CloudflareKV(bindings.SUBMISSIONS_KV)
    submissions = Submissions(
        state,
        records,
        modules,
        _build_bench(bindings),
        WebCryptoSigner(read_optional(bindings, "ARCRUN_SIGNING_KEY")),
        clock,
        SystemRandom(),
    )
    decisions = Decisions(state, submissions, clock)
    return build_app(Registry(Keyring(*keys), state, submissions, decisions, Catalogue(state, records, modules)))


def _build_bench(bindings: Any) -> Bench:
    """The review's bench: the sandbox, and the built-in validator and JavaScript's engine in this Worker's bundle."""
    loader, clock = read_optional(bindings, "LOADER"), SystemClock()
    runner, validator = PlatformRunner(loader, clock), _find_bundled(VALIDATOR_ID)
    return Bench(
        runner,
        LoaderColdStarts(loader, clock),
        validator,
        lambda: JavaScriptRunner(runner, _find_bundled(ENGINE_ID)),
        clock.pause,
    )


def _find_bundled(component_id: str) -> Component:
    entry = BUNDLED_COMPONENTS[component_id]
    return Component(parse_contract(entry.contract), entry.sha256)
