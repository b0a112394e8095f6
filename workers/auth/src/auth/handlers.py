"""Handlers of the account routes. They only translate between HTTP and AccountService."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request

from arcrun.accounts.api_keys import KeyRecord, api_key_id_of
from arcrun.accounts.model import Tenant, parse_registration
from arcrun.errors import RequestError
from arcrun.limits import MAX_GRACE_S
from arcrun.times import render_time
from arcrun_http.auth import presented_key
from arcrun_http.callers import actor_of, caller_of
from arcrun_http.requests import read_object
from arcrun_http.responses import JsonResponse
from auth.service import AccountService

DEFAULT_GRACE_S = 3600
REGISTRATION_KEYS = ("email", "account_id", "kv_namespace_id")

TenantHandler = Callable[[Request, Tenant], Awaitable[JsonResponse]]


class AccountHandlers:
    def __init__(self, service: AccountService) -> None:
        self._service = service

    async def register(self, request: Request) -> JsonResponse:
        await self._service.admit_registration(caller_of(request))
        body = await read_object(request, allowed=REGISTRATION_KEYS)
        registration = parse_registration(
            **{name: body.get(name) for name in REGISTRATION_KEYS},
            token=request.headers.get("cf-api-token"),
            data_key=request.headers.get("x-arcrun-data-key"),
        )
        tenant, api_key = await self._service.register(registration, actor_of(request).address)
        return _answer({"tenant_id": tenant.tenant_id, "api_key": api_key}, 201)

    def of_tenant(self, handler: TenantHandler) -> Callable[[Request], Awaitable[JsonResponse]]:
        """Wrap a handler so that it runs only for requests with a tenant's API key, and gets that tenant."""

        async def protected(request: Request) -> JsonResponse:
            return await handler(request, await self._service.authenticate(presented_key(request), caller_of(request)))

        return protected

    async def show(self, _request: Request, tenant: Tenant) -> JsonResponse:
        account = tenant.registration
        return _answer(
            {
                "tenant_id": tenant.tenant_id,
                "email": account.email,
                "account_id": account.account_id,
                "kv_namespace_id": account.kv_namespace_id,
                "created_at": render_time(tenant.created_ms, "seconds"),
                "keys": [_render_key(key) for key in tenant.keys],
            }
        )

    async def rotate_key(self, request: Request, tenant: Tenant) -> JsonResponse:
        rotated, api_key = await self._service.rotate_key(tenant, _read_grace(request), actor_of(request))
        keys = [_render_key(key) for key in rotated.keys]
        return _answer({"tenant_id": tenant.tenant_id, "api_key": api_key, "keys": keys})

    async def delete(self, _request: Request, tenant: Tenant) -> JsonResponse:
        await self._service.delete(tenant)
        return _answer({"tenant_id": tenant.tenant_id, "deleted": True})


def _answer(data: dict[str, Any], status: int = 200) -> JsonResponse:
    return JsonResponse({"success": True, "data": data}, status, {"cache-control": "no-store"})


def _read_grace(request: Request) -> int:
    text = request.query_params.get("grace_s", str(DEFAULT_GRACE_S))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) > MAX_GRACE_S:
        raise RequestError(f"`grace_s` must be an integer from 0 to {MAX_GRACE_S}.")
    return int(text)


def _render_key(key: KeyRecord) -> dict[str, str | None]:
    expires_at = None if key.expires_ms is None else render_time(key.expires_ms, "seconds")
    return {
        "id": api_key_id_of(key.sha256),
        "created_at": render_time(key.created_ms, "seconds"),
        "expires_at": expires_at,
    }
