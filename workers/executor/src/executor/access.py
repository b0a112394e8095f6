"""Chooses the service for a request: the owner's or, in the hosted mode, a tenant's."""

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, NoReturn, Protocol

from starlette.requests import Request

from arcrun.accounts.api_keys import hash_api_key
from arcrun.accounts.model import Tenant, derive_tenant_id
from arcrun.accounts.request_rate import RequestRate
from arcrun.accounts.store import AccountStore
from arcrun.accounts.webhook_tokens import WebhookTokens
from arcrun.errors import ArcrunError, NotConfiguredError, NotFoundError, RateLimitedError, UnauthorizedError
from arcrun.ports import Clock
from arcrun.rights import ACCESS_KEY_PREFIX, OWNER, Grant
from arcrun_http.auth import is_api_key, presented_key, require_api_key, require_configured
from arcrun_http.callers import caller_of
from executor.keys.grants import Grants
from executor.keys.recent import Recent
from executor.service import ExecutorService
from executor.tenants import TenantServices
from executor.tokens import build_webhook_missing_error

KV_CACHE_S = 30  # the platform's minimum; with FRESH_MS a revoked key of a tenant works for 50 s at most


class WebhookAccess(NamedTuple):
    """The service of a webhook. `refusal` is set if its account has no room for the request."""

    service: ExecutorService
    refusal: RateLimitedError | None = None


class KeyAccess(NamedTuple):
    """The service of an API key, and what the key may do: OWNER itself for the account's own."""

    service: ExecutorService
    grant: Grant


class TokenAccess(NamedTuple):
    """The service of a session's token, or a one-time link's. `own_keys` are the SHA-256 of the account's own keys."""

    service: ExecutorService
    own_keys: Collection[str]


class Access(Protocol):
    is_hosted: bool

    async def of_key(self, request: Request, key: str) -> KeyAccess:
        """The service for an API key, wherever in the request it is. Raises UnauthorizedError, NotConfiguredError,
        RateLimitedError.
        """

    async def of_token(self, request: Request, token: str) -> TokenAccess:
        """The account whose token it would be; whether it is one is not known yet. Raises as `of_key`."""

    def count_refusal(self, request: Request) -> None:
        """Count a request that is refused before its account is looked up. Raises RateLimitedError."""

    async def of_webhook(self, request: Request) -> WebhookAccess:
        """The service for the token in the path, which needs no key. Raises NotFoundError WEBHOOK_NOT_FOUND,
        NotConfiguredError, RateLimitedError of a caller without an account.
        """

    async def of_link(self, request: Request) -> ExecutorService:
        """The service for a link with which a person decides, which needs no key. Raises NotFoundError LINK_UNKNOWN,
        NotConfiguredError.
        """

    async def shows_key(self, request: Request) -> bool:
        """Whether a webhook's request has its owner's API key. Another key is ignored: a webhook's caller may send an
        Authorization header of its own.
        """


async def identify(access: Access, request: Request) -> KeyAccess:
    """The service for the request's API key or, if it has none, for the session of its cookie. Raises as
    `Access.of_key`, and SessionError.
    """
    key = presented_key(request)
    if not key and "cookie" in request.headers:
        from executor.sessions.signed_in import find_signed_in  # noqa: PLC0415 - only browsers send cookies

        if (found := await find_signed_in(access, request)) is not None:
            return KeyAccess(found[0], found[1].grant)
    return await access.of_key(request, key)


class OwnerAccess:
    """Access to a single account's service. Without `api_key` every management route refuses."""

    def __init__(self, service: ExecutorService, api_key: str | None) -> None:
        self._service, self._api_key, self._webhook = service, api_key, WebhookAccess(service)
        self._owner, self._grants = KeyAccess(service, OWNER), Grants()

    is_hosted = False

    async def of_key(self, _request: Request, key: str) -> KeyAccess:
        if self._api_key and key.startswith(ACCESS_KEY_PREFIX):
            return KeyAccess(self._service, await self._grants.find(self._service, key))
        require_api_key(key, self._api_key)
        return self._owner

    async def of_token(self, _request: Request, _token: str) -> TokenAccess:
        return TokenAccess(self._service, (hash_api_key(require_configured(self._api_key)),))

    def count_refusal(self, request: Request) -> None:
        """There is no limit of requests."""

    async def of_webhook(self, _request: Request) -> WebhookAccess:
        return self._webhook

    async def of_link(self, request: Request) -> ExecutorService:
        if "account" in request.path_params:
            raise build_link_unknown_error()
        return self._service

    async def shows_key(self, request: Request) -> bool:
        return bool(self._api_key) and is_api_key(presented_key(request), self._api_key or "")


class TenantResolver:
    """Finds the tenant of an API key or a webhook's token, with a short-lived cache in the isolate, which has keys by
    SHA-256. Its methods raise NotConfiguredError, DecryptionError.
    """

    def __init__(self, accounts: AccountStore, clock: Clock) -> None:
        self._accounts, self._clock = accounts, clock
        self._recent: Recent[Tenant] = Recent()

    async def find_by_key(self, api_key: str) -> Tenant | None:
        sha256 = hash_api_key(api_key)
        tenant = await self._find(f"key:{sha256}", lambda: self._accounts.find_by_key(api_key))
        key = tenant.find_key(sha256) if tenant is not None else None
        return tenant if key is not None and key.is_valid(self._clock.now_ms()) else None

    async def find(self, tenant_id: str) -> Tenant | None:
        return await self._find(f"tenant:{tenant_id}", lambda: self._accounts.find(tenant_id))

    async def _find(self, name: str, look_up: Callable[[], Awaitable[Tenant | None]]) -> Tenant | None:
        return await self._recent.find(name, self._clock.now_ms(), look_up)


class TenantAccess:
    """Access in the hosted mode. As far as possible, an invalid key or token takes the same time as a valid one.

    A refused request counts towards its caller's rate limit, an admitted one towards its tenant's.
    """

    def __init__(
        self, tenants: TenantResolver, tokens: WebhookTokens, services: TenantServices, requests: RequestRate
    ) -> None:
        self._tenants, self._tokens, self._services, self._requests = tenants, tokens, services, requests
        self._grants = Grants()

    is_hosted = True

    async def of_token(self, request: Request, token: str) -> TokenAccess:
        made = token.rpartition("_")[2]
        tenant = await self._tenants.find(await self._tokens.read_tenant(made) or derive_tenant_id(made))
        self._admit(tenant, request)
        if tenant is None:
            raise UnauthorizedError
        now_ms = self._services.clock.now_ms()
        return TokenAccess(self._services.of(tenant), [key.sha256 for key in tenant.keys if key.is_valid(now_ms)])

    def count_refusal(self, request: Request) -> None:
        self._admit(None, request)

    async def of_key(self, request: Request, key: str) -> KeyAccess:
        is_access_key = key.startswith(ACCESS_KEY_PREFIX)
        if is_access_key:
            token = key.removeprefix(ACCESS_KEY_PREFIX)
            tenant = await self._tenants.find(await self._tokens.read_tenant(token) or derive_tenant_id(token))
        else:
            tenant = await self._tenants.find_by_key(key)
        self._admit(tenant, request)
        if tenant is None:
            raise UnauthorizedError
        service = self._services.of(tenant)
        return KeyAccess(service, await self._grants.find(service, key) if is_access_key else OWNER)

    async def of_webhook(self, request: Request) -> WebhookAccess:
        token: str = request.path_params["token"]
        tenant_id = await self._tokens.read_tenant(token)
        tenant = await self._tenants.find(tenant_id or derive_tenant_id(token))
        try:
            self._admit(tenant, request)
        except RateLimitedError as refusal:
            if tenant is None:
                raise
            return WebhookAccess(self._services.of(tenant), refusal)
        if tenant is None:
            raise build_webhook_missing_error()
        return WebhookAccess(self._services.of(tenant))

    async def of_link(self, request: Request) -> ExecutorService:
        account: str = request.path_params.get("account", "")
        tenant_id = await self._tokens.read_tenant(account)
        tenant = await self._tenants.find(tenant_id or derive_tenant_id(account))
        self._admit(tenant, request)
        if tenant is None:
            raise build_link_unknown_error()
        return self._services.of(tenant)

    async def of_address(self, recipient: str) -> ExecutorService | None:
        """The service for a mail address; None if it is none of a tenant."""
        from arcrun.mail.addresses import parse_address  # noqa: PLC0415 - requests need none of it

        parsed = parse_address(recipient)
        tenant_id = None if parsed is None else self._tokens.mail_tags.read_tenant(*parsed)
        return None if tenant_id is None else await self.find_service(tenant_id)

    async def find_service(self, tenant_id: str) -> ExecutorService | None:
        """The service of a tenant, for what has no request: an instance of one of its runs, an alarm, a message; None
        if there is no such tenant.
        """
        tenant = await self._tenants.find(tenant_id)
        return None if tenant is None else self._services.of(tenant)

    async def shows_key(self, request: Request) -> bool:
        key = presented_key(request)
        tenant = await self._tenants.find_by_key(key) if key else None
        return tenant is not None and tenant.tenant_id == await self._tokens.read_tenant(request.path_params["token"])

    def _admit(self, tenant: Tenant | None, request: Request) -> None:
        self._requests.admit(caller_of(request) if tenant is None else f"tenant:{tenant.tenant_id}")


class RefusedAccess:
    """Access to a platform that is not configured: every request gets `error`, which says what is missing."""

    is_hosted = False

    def __init__(self, error: ArcrunError) -> None:
        self._error = error

    async def of_key(self, _request: Request, _key: str) -> NoReturn:
        raise self._error

    async def of_token(self, _request: Request, _token: str) -> NoReturn:
        raise self._error

    def count_refusal(self, _request: Request) -> NoReturn:
        raise self._error

    async def of_webhook(self, _request: Request) -> NoReturn:
        raise self._error

    async def of_link(self, _request: Request) -> NoReturn:
        raise self._error

    async def shows_key(self, _request: Request) -> NoReturn:
        raise self._error


def build_link_unknown_error() -> NotFoundError:
    return NotFoundError("This link is not, or no longer, good for anything.", code="LINK_UNKNOWN")


def build_unbound_error() -> NotConfiguredError:
    return NotConfiguredError(
        "MULTI_TENANT is true, but ACCOUNTS_KV or REQUEST_LIMIT is not bound.",
        next_actions=["Deploy with both: acr deploy --multi-tenant"],
    )
