"""The executor Worker: builds its app from its bindings, once for each isolate, and serves it."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from bundled_components import BUNDLED_COMPONENTS

from arcrun.accounts.limits import LIMIT_VARIABLES, TenantLimits, read_limits
from arcrun.accounts.request_rate import RequestRate
from arcrun.accounts.store import AccountStore
from arcrun.accounts.webhook_tokens import WebhookTokens
from arcrun.analytics import UsageReporter
from arcrun.caches import CacheSpace
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL
from arcrun.durable_objects import LocalChannel, Operations
from arcrun.engine.budget import RunLimits, read_run_limits
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.engine.run_id import object_of
from arcrun.errors import NotConfiguredError
from arcrun.limits import MAX_BLOBS_BYTES, MAX_STORE_BYTES
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import RemoteRunLog, RunLogObject
from arcrun.run_log.settings import RunLogSettings, read_run_log_settings
from arcrun.store.protocol import RemoteStore, StoreObject
from arcrun.workspace.audit import AuditLog
from arcrun.workspace.protocol import RemoteWorkspace, WorkspaceObject
from arcrun.workspace.sealing import Unsealed
from arcrun.workspace.tenants import TenantWorkspaces
from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.cloudflare_r2 import CloudflareR2
from arcrun_edge.component_runner import PlatformRunner
from arcrun_edge.durable_objects import DurableAlarm, DurableObjectChannel, DurableSql
from arcrun_edge.fetch_client import FetchClient
from arcrun_edge.logs import write_logs
from arcrun_edge.rate_limit import CloudflareRateLimiter
from arcrun_edge.registry_service import RegistryService
from arcrun_edge.system import SystemClock, SystemRandom
from arcrun_edge.text_decoder import WebTextDecoder
from arcrun_edge.wait_until import WaitUntil
from arcrun_edge.webcrypto import WebCrypto, WebCryptoCipher
from arcrun_edge.workers_ai import WorkersAI
from arcrun_edge.workflows.instances import CloudflareWorkflows
from executor.access import (
    KV_CACHE_S,
    Access,
    OwnerAccess,
    RefusedAccess,
    TenantAccess,
    TenantResolver,
    build_unbound_error,
)
from executor.app import build_app, is_webhook_call
from executor.authorization.opening import build_token_opener
from executor.components import ComponentCaller, ComponentResolver
from executor.credentials import CredentialVault
from executor.durable.lasting import TENANT, Lasting
from executor.head_import import HeadImport
from executor.heads import Heads
from executor.records.closing import forget_run
from executor.records.earlier_runs import EarlierRuns
from executor.records.limited_runs import Outside
from executor.records.logged_runs import LoggedRuns
from executor.records.run_inputs import RunInputs
from executor.records.run_log import RunLogTables
from executor.records.verdict_export import export_verdicts
from executor.service import ExecutorService
from executor.signatures.refusals import RefusalLog
from executor.tenants import Platform, TenantServices
from executor.tokens import RandomTokens
from executor.workflows import WorkflowStore, list_schedules
from executor.workspace import WorkspaceTables
from workers import DurableObject, WorkerEntrypoint, WorkflowEntrypoint

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from arcrun.workspace.chains import ToldEnd
    from arcrun.workspace.failures import ToldFailure
    from arcrun_edge.mail import DeliveredMessage
    from executor.hosted.instances import HostedLasting
    from executor.hosted.reports import TenantTelling

logger = logging.getLogger("arcrun")
write_logs("executor")

MAIL_DOMAIN = "ARCRUN_MAIL_DOMAIN"
LIMIT_PERIOD_S = 60  # the period of REQUEST_LIMIT in wrangler.toml
OWN_WORKSPACE = "account"  # the name of the Workspace of a single account's platform

# One of each at most, made at the first event: bindings cannot be kept in the deploy's memory snapshot.
_apps: "list[Starlette]" = []
_services: list[ExecutorService] = []  # of an account's own platform
_tenants: list[TenantAccess] = []  # of a hosted one


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request, refuses_itself=is_webhook_call)

    async def email(self, message: Any, _env: Any = None, _context: Any = None) -> None:
        """Start the run of a message. What this raises lets the sender's server try again later."""
        from arcrun_edge.mail import take  # noqa: PLC0415 - requests need none of it

        await take(message, partial(_receive, read_bindings()))


class Workspace(DurableObject):  # type: ignore[no-untyped-call]
    """executor/workspace.py over this object's SQLite."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self._open()
        self._service: ExecutorService | None = None  # the account's, with this object for its Workspace

    def _open(self) -> None:
        self._tables = WorkspaceTables(DurableSql(self.ctx), SystemClock(), DurableAlarm(self.ctx))
        self._operations = Operations(self._tables, WorkspaceObject)

    async def ask(self, request: str) -> str:
        self._tables.watch_alarm()
        return self._operations.answer(request)

    async def alarm(self, _info: Any = None) -> None:
        """Start the runs of schedules. It sets the next alarm first: the platform drops one that keeps failing."""
        try:
            if self._tables.is_closed:
                await self._empty()
            elif _is_hosted(read_bindings()):
                await self._start_due_of_tenant()
            else:
                await self._start_due()
        except Exception:
            logger.exception("Runs of schedules could not be started; the Workspace will try again")

    async def _empty(self) -> None:
        """Leave nothing of a tenant that has gone in the pages of the database."""
        await self.ctx.storage.deleteAll()
        self._open()
        self._tables.stay_closed()

    async def _start_due_of_tenant(self) -> None:
        from executor.hosted.starting import TenantAlarm  # noqa: PLC0415 - an account's own platform has no tenants

        bindings, clock = read_bindings(), SystemClock()
        find, limits = partial(_find_tenant, bindings), _read_limits(bindings).starts
        await TenantAlarm(self._tables, find, limits, clock, _run_limits(bindings).subrequests).ring()

    async def _start_due(self) -> None:
        from executor.schedules.alarm import ScheduleAlarm, find_batch_size  # noqa: PLC0415 - requests need none of it
        from executor.schedules.firing import AcceptedStarter  # noqa: PLC0415
        from executor.schedules.times import build_times  # noqa: PLC0415

        bindings, schedules = read_bindings(), self._tables.schedules
        if self._service is None:
            self._service = _build_service(bindings, RemoteWorkspace(LocalChannel(self._operations)))
        service, limits = self._service, _run_limits(bindings)
        if service.lasting is None:  # the platform has no instances any more
            schedules.postpone()
            return
        starter, times = AcceptedStarter(service, service.lasting), build_times(service.components, limits)
        most = find_batch_size(limits.subrequests)
        failures, objects = self._tables.failures, _run_log_settings(bindings).objects
        clock, chains, watches = SystemClock(), self._tables.chains, self._tables.watches
        await ScheduleAlarm(schedules, failures, times, starter, clock, most, objects, chains, watches).ring()


class RunLog(DurableObject):  # type: ignore[no-untyped-call]
    """executor/records/run_log.py over this object's SQLite."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self._open()

    def _open(self) -> None:
        settings = _run_log_settings(read_bindings())
        self._tables = RunLogTables(DurableSql(self.ctx), DurableAlarm(self.ctx), SystemClock(), settings)
        self._operations = Operations(self._tables, RunLogObject)

    async def ask(self, request: str) -> str:
        self._tables.count_request()
        return self._operations.answer(request)

    async def alarm(self, _info: Any = None) -> None:
        """Prune runs and export verdicts. It sets the next alarm first: the platform drops one that keeps failing."""
        self._tables.count_request()
        try:
            await self._on_alarm()
        except Exception:
            logger.exception("The RunLog could not delete old runs or write verdicts to KV; it will try again")

    async def _on_alarm(self) -> None:
        bindings = read_bindings()
        verdicts = CloudflareKV(bindings.ANALYTICS_KV)
        objects = _open_run_logs(bindings)
        blobs, instances = CloudflareR2(bindings.WASM_BUCKET), _open_instances(bindings)
        is_closing, tenant_id = self._tables.is_closing, self._tables.tenant_id
        telling = _open_telling(bindings, tenant_id) if tenant_id else None
        await self._tables.on_alarm(
            blobs,
            lambda: export_verdicts(objects, verdicts, self._tables),
            None if instances is None else Outside(objects, instances, self._tables.tenant_id),
            partial(forget_run, instances, blobs),
            telling.tell_failures if telling else partial(_tell_failures, _workspaces(bindings)(OWN_WORKSPACE)),
            tell_ends=telling.tell_ends if telling else partial(_tell_ends, _workspaces(bindings)(OWN_WORKSPACE)),
        )
        if is_closing and self._tables.is_closed and not self._tables.is_closing:
            await self.ctx.storage.deleteAll()
            self._open()
            self._tables.stay_closed(tenant_id)


def _open_telling(bindings: Any, tenant_id: str) -> "TenantTelling":
    from executor.hosted.reports import TenantTelling  # noqa: PLC0415 - an account's own platform has no tenants

    return TenantTelling(partial(_find_tenant, bindings), tenant_id)


async def _find_tenant(bindings: Any, tenant_id: str) -> ExecutorService | None:
    return await _open_tenants(bindings).find_service(tenant_id)


async def _tell_failures(workspace: WorkspaceObject, failures: "list[ToldFailure]") -> bool:
    return await workspace.report_failures(object_of(failures[0]["run_id"]), failures)


async def _tell_ends(workspace: WorkspaceObject, ends: "list[ToldEnd]") -> None:
    await workspace.report_ends(object_of(ends[0]["run_id"]), ends)


class Store(DurableObject):  # type: ignore[no-untyped-call]
    """executor/stores/tables.py over this object's SQLite. It seals as the runs of its account are sealed."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self._operations: Operations | None = None

    async def ask(self, request: str) -> str:
        if self._operations is None:
            from executor.stores.sealing import ServiceSealer, tenant_of  # noqa: PLC0415 - only where there is state
            from executor.stores.tables import StoreTables  # noqa: PLC0415

            bindings, tenant_id = read_bindings(), tenant_of(request)
            sealer = ServiceSealer(partial(_open_of, bindings, tenant_id))
            most_bytes = _read_limits(bindings).store_bytes if tenant_id else MAX_STORE_BYTES
            storage = self.ctx._ctx.storage
            tables = StoreTables(
                *(DurableSql(self.ctx), SystemClock(), SystemRandom(), sealer),
                most_bytes=most_bytes,
                erase=storage.deleteAll,
            )
            self._operations = Operations(tables, StoreObject)
        return await self._operations.answer_later(request)


class RunWorkflow(WorkflowEntrypoint):
    """executor/durable/run_workflow.py over this instance's steps."""

    async def run(self, event: Any, step: Any) -> Any:
        from arcrun_edge.workflows.steps import run_instance  # noqa: PLC0415 - quick runs need none of these
        from executor.durable.answers import render_output  # noqa: PLC0415
        from executor.durable.run_workflow import run_workflow  # noqa: PLC0415

        payload, bindings = event["payload"], read_bindings()
        service = await _open_tenant(bindings, payload) if TENANT in payload else _open_own(bindings)
        if service is None:
            return render_output("unknown")
        return await run_instance(step, lambda steps: run_workflow(service, payload, steps))


async def _open_of(bindings: Any, tenant_id: str) -> ExecutorService | None:
    """The service of an account: the tenant's of that id, or the platform's own. None if the tenant has gone."""
    return await _open_tenants(bindings).find_service(tenant_id) if tenant_id else _open_own(bindings)


async def _open_tenant(bindings: Any, payload: Mapping[str, Any]) -> ExecutorService | None:
    from executor.hosted.instances import find_service  # noqa: PLC0415 - an account's own platform has no tenants

    return await find_service(_open_tenants(bindings).find_service, _log_opener(bindings), SystemClock(), payload)


def _build(bindings: Any) -> "Starlette":
    try:
        access = _open_tenants(bindings) if _is_hosted(bindings) else _build_own(bindings)
        named = ("ARCRUN_PUBLIC_URL", MAIL_DOMAIN, "ARCRUN_PLATFORM_ID")
        return build_app(access, *(read_optional(bindings, name) for name in named))
    except NotConfiguredError as error:
        return build_app(RefusedAccess(error))


async def _receive(bindings: Any, delivery: "DeliveredMessage") -> str:
    """Why a message is refused; "" if it has been taken."""
    from executor.mail.receiving import NO_ADDRESS, Refused, receive  # noqa: PLC0415 - as above

    if _is_hosted(bindings):
        service = await _open_tenants(bindings).of_address(delivery.recipient)
    else:
        service = _open_own(bindings)
    if service is None:
        return NO_ADDRESS
    outcome = await receive(service, delivery)
    return outcome.reason if isinstance(outcome, Refused) else ""


def _is_hosted(bindings: Any) -> bool:
    return read_optional(bindings, "MULTI_TENANT") == "true"


def _build_own(bindings: Any) -> Access:
    return OwnerAccess(_open_own(bindings), read_optional(bindings, "ARCRUN_API_KEY"))


def _open_own(bindings: Any) -> ExecutorService:
    if not _services:
        _services.append(_build_service(bindings))
    return _services[0]


def _build_service(bindings: Any, workspace: WorkspaceObject | None = None) -> ExecutorService:
    """The service of a single account: the one that the Worker runs in. `workspace` is the account's, if it is at
    hand.
    """
    clock, random, background = SystemClock(), SystemRandom(), WaitUntil()
    registry = _registry(bindings)
    bucket = CloudflareR2(bindings.WASM_BUCKET)
    resolver = ComponentResolver(BUNDLED_COMPONENTS, bucket, clock, background, registry)
    encryption_key = read_optional(bindings, "ARCRUN_ENCRYPTION_KEY")
    previous_key = read_optional(bindings, "ARCRUN_PREVIOUS_ENCRYPTION_KEY")
    run_logs = _open_run_logs(bindings)
    earlier = CloudflareKV(bindings.EXEC_CONTEXT), CloudflareKV(bindings.ANALYTICS_KV)
    runs = LoggedRuns(
        run_logs,
        RunInputs(run_logs.first, encryption_key, previous_key, WebCryptoCipher, random),
        bucket,
        earlier=EarlierRuns(*earlier, clock),
        clock=clock,
        random=random,
        background=background,
        export_interval_ms=_run_log_settings(bindings).export_ms,
    )
    components = ComponentCaller(
        resolver=resolver,
        runner=_runner(bindings),
        http=_http(bindings),
        clock=clock,
        random=random,
        ai=_model(bindings),
        decoder=WebTextDecoder(),
        reaches_local=_reaches_local(bindings),
        has_sandbox=_has_sandbox(bindings),
        open_store=partial(_open_store, bindings),
        open_blobs=partial(runs.open_blobs, MAX_BLOBS_BYTES // run_logs.count),
    )
    hooks, sealing = CloudflareKV(bindings.WEBHOOKS), Unsealed()
    workspace = workspace or _workspaces(bindings)(OWN_WORKSPACE)
    space = CacheSpace()
    heads, audit = Heads(workspace, sealing, clock, space), AuditLog(workspace, sealing, clock)
    run_limits = _run_limits(bindings)
    head_import = HeadImport(hooks, heads, audit, run_limits.subrequests)
    workflows = WorkflowStore(
        *(hooks, heads, audit, clock),
        head_import=head_import,
        tokens=RandomTokens(random),
        space=space,
        list_schedules=partial(list_schedules, components, run_limits),
        can_watch=True,
    )
    vault = CredentialVault(
        CloudflareKV(bindings.CREDENTIALS_KV),
        encryption_key,
        WebCryptoCipher,
        clock,
        previous_key=previous_key,
        space=space,
    )
    if encryption_key:
        open_tokens = build_token_opener(
            *(workspace, sealing.id_of, runs, vault),
            clock=clock,
            random=random,
            background=background,
            reaches_local=_reaches_local(bindings),
        )
        components = replace(components, open_tokens=open_tokens)
    engine = Engine(RunPorts(components, workflows, vault, clock, random), run_limits)
    usage = UsageReporter(registry, clock, background)
    refusals = RefusalLog(workspace, sealing, clock, background)
    instances, lasting = _open_instances(bindings), None
    if instances is not None and encryption_key:
        lasting = Lasting(instances, runs, bucket, _public_url(bindings))
    return ExecutorService(
        *(components, workflows, runs, vault, engine, background, usage, audit),
        crypto=WebCrypto(),
        refusals=refusals,
        lasting=lasting,
    )


def _open_tenants(bindings: Any) -> TenantAccess:
    if not _tenants:
        _tenants.append(_build_tenants(bindings))
    return _tenants[0]


def _build_tenants(bindings: Any) -> TenantAccess:
    """The hosted platform. It stores each tenant's data in the tenant's KV namespace, and none of its own."""
    kv, limiter = read_optional(bindings, "ACCOUNTS_KV"), read_optional(bindings, "REQUEST_LIMIT")
    if kv is None or limiter is None:
        raise build_unbound_error()
    clock, random, background = SystemClock(), SystemRandom(), WaitUntil()
    bucket, registry = CloudflareR2(bindings.WASM_BUCKET), _registry(bindings, finds_public=True)
    master_key = read_optional(bindings, "MASTER_KEY")
    platform = Platform(
        resolver=ComponentResolver(BUNDLED_COMPONENTS, bucket, clock, background, registry, has_names=False),
        runner=_runner(bindings),
        http=_http(bindings),
        ai=_model(bindings),
        reaches_local=_reaches_local(bindings),
        has_sandbox=_has_sandbox(bindings),
        decoder=WebTextDecoder(),
        usage=UsageReporter(registry, clock, background),
        clock=clock,
        random=random,
        background=background,
        build_cipher=WebCryptoCipher,
        crypto=WebCrypto(),
        cloudflare_api=read_optional(bindings, "CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL,
        master_key=master_key,
        workspaces=TenantWorkspaces(_workspaces(bindings), master_key, WebCryptoCipher, clock, random),
        limits=_read_limits(bindings),
        run_limits=_run_limits(bindings),
        lasting=_build_hosted_lasting(bindings, bucket),
        open_store=partial(_open_store, bindings),
    )
    accounts = AccountStore(CloudflareKV(kv, KV_CACHE_S), master_key, WebCryptoCipher, clock, random)
    tokens = WebhookTokens(master_key, WebCryptoCipher, random)
    requests = RequestRate(
        CloudflareRateLimiter(limiter, LIMIT_PERIOD_S),
        clock,
        background,
        a_minute=platform.limits.requests_a_minute,
        burst=platform.limits.burst_requests,
    )
    return TenantAccess(TenantResolver(accounts, clock), tokens, TenantServices(platform, tokens), requests)


def _read_limits(bindings: Any) -> TenantLimits:
    return read_limits({name: read_optional(bindings, name) for name in LIMIT_VARIABLES})


def _build_hosted_lasting(bindings: Any, bucket: CloudflareR2) -> "HostedLasting | None":
    from executor.hosted.instances import HostedLasting  # noqa: PLC0415 - as above

    instances = _open_instances(bindings)
    if instances is None:
        return None
    return HostedLasting(instances, _log_opener(bindings), bucket, _public_url(bindings))


def _open_instances(bindings: Any) -> CloudflareWorkflows | None:
    binding = read_optional(bindings, "RUN_WORKFLOW")
    return None if binding is None else CloudflareWorkflows(binding)


def _log_opener(bindings: Any) -> Callable[[str], DurableObjectChannel]:
    """A function that opens an object of the RunLog by name: a number, or a tenant's id."""
    namespace = bindings.RUN_LOG
    return lambda name: DurableObjectChannel(namespace, name, "The RunLog")


def _public_url(bindings: Any) -> str:
    return (read_optional(bindings, "ARCRUN_PUBLIC_URL") or "").rstrip("/")


def _workspaces(bindings: Any) -> Callable[[str], WorkspaceObject]:
    """A function that opens a Workspace by name: OWN_WORKSPACE, or a tenant's id."""
    namespace = bindings.WORKSPACE
    return lambda name: RemoteWorkspace(DurableObjectChannel(namespace, name, "The Workspace"))


def _open_store(bindings: Any, tenant_id: str = "") -> RemoteStore:
    """A tenant's, or the account's own."""
    return RemoteStore(DurableObjectChannel(bindings.STORE, tenant_id or OWN_WORKSPACE, "The store"), tenant_id)


def _open_run_logs(bindings: Any) -> RunLogObjects:
    open_log = _log_opener(bindings)
    return RunLogObjects(lambda number: RemoteRunLog(open_log(str(number))), _run_log_settings(bindings).objects)


def _run_log_settings(bindings: Any) -> RunLogSettings:
    return read_run_log_settings(lambda name: read_optional(bindings, name), is_free=_run_limits(bindings).is_free)


def _registry(bindings: Any, *, finds_public: bool = False) -> RegistryService | None:
    binding, api_key = read_optional(bindings, "REGISTRY"), read_optional(bindings, "ARCRUN_API_KEY")
    return RegistryService(binding, api_key, finds_public=finds_public) if binding is not None and api_key else None


def _runner(bindings: Any) -> PlatformRunner:
    return PlatformRunner(read_optional(bindings, "LOADER"), SystemClock())


def _has_sandbox(bindings: Any) -> bool:
    return read_optional(bindings, "LOADER") is not None


def _http(bindings: Any) -> FetchClient:
    """The HTTP client: over the local runtime's network, which reaches public addresses only, or the platform's."""
    refused_ports = (read_optional(bindings, "ARCRUN_REFUSED_PORTS") or "").split(",")
    return FetchClient(read_optional(bindings, "PUBLIC_NETWORK"), refused_ports)


def _model(bindings: Any) -> WorkersAI | None:
    ai = read_optional(bindings, "AI")
    return WorkersAI(ai) if ai else None


def _reaches_local(bindings: Any) -> bool:
    """Whether components may call addresses outside the public internet."""
    return read_optional(bindings, "ARCRUN_ALLOW_LOCAL_NETWORK") == "true"


def _run_limits(bindings: Any) -> RunLimits:
    return read_run_limits(read_optional(bindings, "ARCRUN_PLAN"), read_optional(bindings, "SUBREQUEST_LIMIT"))
