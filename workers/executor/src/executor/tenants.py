"""The services of tenants: each uses its tenant's KV namespace and key, and shares no storage with others."""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from arcrun.accounts.authentic_kv import AuthenticKV
from arcrun.accounts.limits import Isolate, TenantLimits, TenantQuota
from arcrun.accounts.master_key import derive_key, parse_master_key
from arcrun.accounts.model import Registration, Tenant
from arcrun.accounts.webhook_tokens import TenantTokens, WebhookTokens
from arcrun.analytics import UsageReporter
from arcrun.caches import Cache, CacheSpace
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.cloudflare.rest_client import CloudflareRestClient
from arcrun.cloudflare.rest_kv import CloudflareRestKV
from arcrun.engine.budget import PAID, RunLimits
from arcrun.engine.context import RunPorts
from arcrun.engine.engine import Engine
from arcrun.limits import MAX_SERVICES, MAX_TENANT_VALUE_BYTES
from arcrun.ports import AiModel, Background, Cipher, Clock, Crypto, HttpClient, Random, TextDecoder
from arcrun.store.protocol import StoreObject
from arcrun.wasm.component import ComponentRunner
from arcrun.workspace.tenants import TenantWorkspaces
from executor.authorization.opening import build_token_opener
from executor.components import ComponentCaller, ComponentResolver
from executor.credentials import CredentialVault
from executor.head_import import HeadImport
from executor.heads import Heads, Tenancy
from executor.records.tenant_runs import TenantRuns
from executor.service import ExecutorService
from executor.signatures.refusals import RefusalLog
from executor.workflows import WorkflowStore, list_schedules

if TYPE_CHECKING:
    from executor.durable.lasting import Lasting
    from executor.hosted.instances import HostedLasting
    from executor.records.runs import Runs


@dataclass(frozen=True)
class Platform:
    """What all tenants share. `resolver` finds only components that everyone may run."""

    resolver: ComponentResolver
    runner: ComponentRunner
    http: HttpClient
    ai: AiModel | None
    reaches_local: bool
    usage: UsageReporter
    clock: Clock
    random: Random
    background: Background
    build_cipher: Callable[[bytes], Cipher]
    crypto: Crypto
    cloudflare_api: str
    master_key: str | None
    limits: TenantLimits
    workspaces: TenantWorkspaces
    run_limits: RunLimits = PAID
    decoder: TextDecoder | None = None
    has_sandbox: bool = True
    open_store: Callable[[str], StoreObject] | None = None  # by the tenant's id
    lasting: "HostedLasting | None" = None  # None where accepted runs are run in the isolate that has accepted them


class TenantServices:
    """Makes a tenant's service at its first request, and again when its registration has changed."""

    def __init__(self, platform: Platform, tokens: WebhookTokens) -> None:
        self._platform, self._tokens = platform, tokens
        self._isolate, self._space = Isolate(platform.limits, platform.clock), CacheSpace()
        # With what it was made from: an account that was deleted and registered again has other data keys.
        self._services: Cache[tuple[Registration, int, ExecutorService]] = Cache(MAX_SERVICES)

    @property
    def clock(self) -> Clock:
        return self._platform.clock

    def of(self, tenant: Tenant) -> ExecutorService:
        """The service of a tenant. Raises NotConfiguredError."""
        registration, created_ms, service = self._services.get(tenant.tenant_id, (None, 0, None))
        if service is None or (registration, created_ms) != (tenant.registration, tenant.created_ms):
            service = self._build(tenant.registration, self._isolate.quota_of(tenant.tenant_id))
        self._services.put(tenant.tenant_id, (tenant.registration, tenant.created_ms, service))
        return service

    def _build(self, registration: Registration, quota: TenantQuota) -> ExecutorService:
        platform, tenant_id = self._platform, registration.tenant_id
        clock, random, background = platform.clock, platform.random, platform.background
        namespace = _open_namespace(platform, registration)
        mac_key = derive_key(parse_master_key(platform.master_key), f"values of {tenant_id}")
        own = AuthenticKV(namespace, mac_key)
        workspaces, tokens = platform.workspaces, TenantTokens(self._tokens, tenant_id)
        workspace, sealing = workspaces.open_object(tenant_id), workspaces.sealing_of(tenant_id)
        quick = TenantRuns(own, clock, random, background, workspace=workspace, sealing=sealing)
        runs, lasting = self._make_lasting(registration, quick, tokens)
        components = ComponentCaller(
            platform.resolver,
            platform.runner,
            platform.http,
            clock,
            random,
            platform.ai,
            platform.decoder,
            platform.reaches_local,
            platform.has_sandbox,
            quota.node,
            platform.limits.node_cpu_ms,
            None if platform.open_store is None else partial(platform.open_store, tenant_id),
            None if lasting is None else partial(lasting.runs.open_blobs, platform.limits.blob_bytes),
        )
        audit = workspaces.audit_of(tenant_id)
        owner = Tenancy(tenant_id, platform.limits.starts.schedules)
        heads = Heads(workspaces.open_object(tenant_id), workspaces.sealing_of(tenant_id), clock, self._space, owner)
        head_import = HeadImport(own, heads, audit, platform.run_limits.subrequests, trusts_metadata=False)
        workflows = WorkflowStore(
            own,
            heads,
            audit,
            clock,
            head_import=head_import,
            tokens=tokens,
            limits=platform.limits.storage,
            space=self._space,
            list_schedules=partial(list_schedules, components, platform.run_limits),
        )
        data_key = base64.b64encode(registration.data_key).decode()
        vault = CredentialVault(namespace, data_key, platform.build_cipher, clock, space=self._space)
        if lasting is not None:
            open_tokens = build_token_opener(
                *(workspace, sealing.id_of, lasting.runs, vault),
                clock=clock,
                random=random,
                background=background,
                reaches_local=platform.reaches_local,
            )
            components = replace(components, open_tokens=open_tokens)
        engine = Engine(RunPorts(components, workflows, vault, clock, random), platform.run_limits)
        refusals = RefusalLog(workspace, sealing, clock, background)
        return ExecutorService(
            *(components, workflows, runs, vault, engine, background, platform.usage, audit),
            crypto=platform.crypto,
            refusals=refusals,
            quota=quota,
            lasting=lasting,
        )

    def _make_lasting(
        self, registration: Registration, quick: TenantRuns, tokens: TenantTokens
    ) -> "tuple[Runs, Lasting | None]":
        """The tenant's runs, and what makes accepted ones last. What these keep is sealed under the tenant's key."""
        platform, tenant_id, shared = self._platform, registration.tenant_id, self._platform.lasting
        if shared is None:
            return quick, None
        from arcrun.run_log.objects import RunLogObjects  # noqa: PLC0415 - an account's own platform has no tenants
        from arcrun.run_log.sealed_names import SealedNames  # noqa: PLC0415
        from arcrun.run_log.tenants import TenantRunLog  # noqa: PLC0415
        from arcrun.workspace.starts import SealedStarts  # noqa: PLC0415
        from executor.hosted.reports import Reports  # noqa: PLC0415
        from executor.hosted.runs import HostedRuns  # noqa: PLC0415
        from executor.hosted.sealed_results import SealedResults  # noqa: PLC0415
        from executor.records.run_inputs import RunInputs  # noqa: PLC0415

        names = SealedNames(registration.data_key, platform.build_cipher)
        log = TenantRunLog(shared.open_log(tenant_id), tenant_id, names)
        data_key = base64.b64encode(registration.data_key).decode()
        inputs = RunInputs(log, data_key, None, platform.build_cipher, platform.random)
        runs = HostedRuns(
            *(quick, RunLogObjects(lambda _number: log, 1), inputs, shared.blobs),
            most_unfinished=platform.limits.unfinished_runs,
            results=SealedResults(inputs),
            clock=platform.clock,
            random=platform.random,
            background=platform.background,
        )
        starts = SealedStarts(platform.workspaces.sealing_of(tenant_id))
        reports = Reports(platform.workspaces.open_object(tenant_id), names, starts)
        return runs, shared.of(registration, runs, tokens, reports)


def _open_namespace(platform: Platform, registration: Registration) -> CloudflareRestKV:
    access = ApiAccess(platform.cloudflare_api, registration.account_id, registration.token)
    client = CloudflareRestClient(
        platform.http, platform.clock, platform.random, access, max_answer_bytes=MAX_TENANT_VALUE_BYTES
    )
    return CloudflareRestKV(client, registration.kv_namespace_id, platform.random)
