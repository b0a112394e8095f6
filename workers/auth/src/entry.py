"""The auth Worker: builds its app from its bindings, once for each isolate, and serves it."""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from arcrun.accounts.model import Registration
from arcrun.accounts.store import AccountStore
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL, ApiAccess
from arcrun.cloudflare.rest_client import CloudflareRestClient
from arcrun.workspace.protocol import RemoteWorkspace
from arcrun.workspace.tenants import TenantWorkspaces
from arcrun_edge.asgi import serve
from arcrun_edge.bindings import read_bindings, read_optional
from arcrun_edge.cloudflare_kv import CloudflareKV
from arcrun_edge.durable_objects import DurableObjectChannel
from arcrun_edge.fetch_client import FetchClient
from arcrun_edge.logs import write_logs
from arcrun_edge.rate_limit import CloudflareRateLimiter
from arcrun_edge.system import SystemClock, SystemRandom
from arcrun_edge.webcrypto import WebCryptoCipher
from auth.app import build_app
from auth.service import AccountService, Limits
from auth.token_check import TokenCheck
from workers import WorkerEntrypoint

if TYPE_CHECKING:
    from arcrun.run_log.protocol import RunLogObject
    from arcrun.store.protocol import StoreObject

LIMIT_PERIOD_S = 60  # of both limits in wrangler.toml

write_logs("auth", logging.INFO)  # the audit log uses INFO
_apps: list[Starlette] = []  # one, made at the first request: bindings cannot be kept in the deploy's memory snapshot


class Default(WorkerEntrypoint):
    async def fetch(self, request: Any) -> Any:
        if not _apps:
            _apps.append(_build(read_bindings()))
        return await serve(_apps[0], request)


def _build(bindings: Any) -> Starlette:
    clock, random, http = SystemClock(), SystemRandom(), FetchClient()
    base_url = read_optional(bindings, "CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    kv, master_key = CloudflareKV(bindings.ACCOUNTS_KV), read_optional(bindings, "MASTER_KEY")

    def build_check(registration: Registration) -> TokenCheck:
        access = ApiAccess(base_url, registration.account_id, registration.token)
        client = CloudflareRestClient(http, clock, random, access)
        return TokenCheck(client, registration.kv_namespace_id, random)

    limits = Limits(
        CloudflareRateLimiter(bindings.REGISTRATION_LIMIT, LIMIT_PERIOD_S),
        CloudflareRateLimiter(bindings.REQUEST_LIMIT, LIMIT_PERIOD_S),
    )
    accounts = AccountStore(kv, master_key, WebCryptoCipher, clock, random)
    workspaces = TenantWorkspaces(
        lambda name: RemoteWorkspace(DurableObjectChannel(bindings.WORKSPACE, name, "The Workspace")),
        master_key,
        WebCryptoCipher,
        clock,
        random,
    )
    service = AccountService(
        *(accounts, workspaces, build_check, limits),
        open_log=partial(_open_log, bindings),
        open_store=partial(_open_store, bindings),
    )
    return build_app(service)


def _open_log(bindings: Any, tenant_id: str) -> "RunLogObject":
    from arcrun.run_log.protocol import RemoteRunLog  # noqa: PLC0415 - only registrations and deletions need it

    return RemoteRunLog(DurableObjectChannel(bindings.RUN_LOG, tenant_id, "The RunLog"))


def _open_store(bindings: Any, tenant_id: str) -> "StoreObject":
    from arcrun.store.protocol import RemoteStore  # noqa: PLC0415 - as above

    return RemoteStore(DurableObjectChannel(bindings.STORE, tenant_id, "The store"), tenant_id)
