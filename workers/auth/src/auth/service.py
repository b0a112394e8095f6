"""What auth does: registers accounts, and lets a tenant see, renew and remove its own."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.accounts.model import Registration, Tenant
from arcrun.accounts.store import AccountStore
from arcrun.errors import ArcrunError, DecryptionError, RateLimitedError, UnauthorizedError, UpstreamError
from arcrun.ports import RateLimiter
from arcrun.workspace.audit import Actor
from arcrun.workspace.tenants import TenantWorkspaces
from auth.token_check import TokenCheck

logger = logging.getLogger("arcrun")
audit_logger = logging.getLogger("arcrun.audit")


def log_decision(action: str, outcome: str, *, tenant: str | None = None, key: str | None = None) -> None:
    """One line of JSON in the audit log, which names a tenant and a key's id, and holds no secret.

    `outcome` is "done", or the code of the error; `key` is a key's id.
    """
    known = {"audit": action, "outcome": outcome, "tenant": tenant, "key": key}
    audit_logger.info("%s", json.dumps({name: value for name, value in known.items() if value is not None}))


class Limits:
    """How often a caller may ask. `registrations` counts attempts to register, `requests` everything else."""

    def __init__(self, registrations: RateLimiter, requests: RateLimiter) -> None:
        self._registrations, self._requests = registrations, requests

    async def take_registration(self, key: str) -> None:
        """Raises RateLimitedError."""
        await _take(self._registrations, key)

    async def take_request(self, key: str) -> None:
        """Raises RateLimitedError."""
        await _take(self._requests, key)


async def _take(limiter: RateLimiter, key: str) -> None:
    if not await limiter.take(key):
        raise RateLimitedError(limiter.period_s)


class AccountService:
    """`build_check` makes the TokenCheck of what is to be registered."""

    def __init__(
        self,
        accounts: AccountStore,
        workspaces: TenantWorkspaces,
        build_check: Callable[[Registration], TokenCheck],
        limits: Limits,
    ) -> None:
        self._accounts, self._workspaces = accounts, workspaces
        self._build_check, self._limits = build_check, limits

    async def admit_registration(self, caller: str) -> None:
        """Before anything of the request is looked at. Raises NotConfiguredError, RateLimitedError."""
        self._accounts.require_master_key()
        with _audited("register"):
            await self._limits.take_registration(caller)

    async def register(self, registration: Registration, address: str | None) -> tuple[Tenant, str]:
        """The tenant and its API key, which nobody can show again.

        The account is counted once the token has proved that it belongs there, so that nobody can use up another's
        limit. Raises RegistrationError, RateLimitedError, UpstreamError.
        """
        check = self._build_check(registration)
        with _audited("register"):
            token_id = await check.require_active()
            await check.require_namespace()
            await self._limits.take_registration(f"account:{registration.account_id}")
            await check.require_nothing_else(token_id)
            if not await self._is_known(registration.tenant_id):
                await self._workspaces.open_object(registration.tenant_id).open_anew()
            tenant, api_key = await self._accounts.register(registration)
        key_id = api_key_id_of(hash_api_key(api_key))
        log_decision("register", "done", tenant=tenant.tenant_id, key=key_id)
        await self._note("account.register", tenant, Actor(key_id, address), f"new key {key_id}")
        return tenant, api_key

    async def authenticate(self, api_key: str, caller: str) -> Tenant:
        """The tenant of an API key. Raises NotConfiguredError, RateLimitedError, UnauthorizedError."""
        self._accounts.require_master_key()
        with _audited("authenticate"):
            await self._limits.take_request(caller)
            tenant = await self._accounts.find_by_key(api_key)
            if tenant is None:
                raise UnauthorizedError
            await self._limits.take_request(f"tenant:{tenant.tenant_id}")
        return tenant

    async def rotate_key(self, tenant: Tenant, grace_s: int, actor: Actor) -> tuple[Tenant, str]:
        with _audited("rotate", tenant):
            rotated, api_key = await self._accounts.rotate_key(tenant, grace_s)
        key_id = api_key_id_of(hash_api_key(api_key))
        log_decision("rotate", "done", tenant=tenant.tenant_id, key=key_id)
        await self._note("api_key.rotate", tenant, actor, f"new key {key_id}")
        return rotated, api_key

    async def delete(self, tenant: Tenant) -> None:
        """Its workspace first, so that what is interrupted can be found and deleted again."""
        with _audited("delete", tenant):
            await self._workspaces.open_object(tenant.tenant_id).close()
            await self._accounts.delete(tenant)
        log_decision("delete", "done", tenant=tenant.tenant_id)

    async def _is_known(self, tenant_id: str) -> bool:
        """Whether there is a record that can be read: one under another MASTER_KEY is replaced, and so is all of it."""
        with suppress(DecryptionError):
            return await self._accounts.find(tenant_id) is not None
        return False

    async def _note(self, action: str, tenant: Tenant, actor: Actor, detail: str) -> None:
        """What is done is done: nobody could show the new key again if this failed."""
        try:
            await self._workspaces.audit_of(tenant.tenant_id).note(action, tenant.tenant_id, actor, detail)
        except UpstreamError as error:
            logger.warning("%s of %s is not in the audit log: %s", action, tenant.tenant_id, error.code)


@contextmanager
def _audited(action: str, tenant: Tenant | None = None) -> Iterator[None]:
    """Log a refusal, by its code alone."""
    try:
        yield
    except ArcrunError as error:
        log_decision(action, error.code, tenant=None if tenant is None else tenant.tenant_id)
        raise
