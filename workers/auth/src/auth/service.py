"""Registers accounts, authenticates tenants, rotates their API keys and deletes their accounts."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from arcrun.accounts.api_keys import api_key_id_of, hash_api_key
from arcrun.accounts.model import Registration, Tenant
from arcrun.accounts.store import AccountStore
from arcrun.errors import ArcrunError, DecryptionError, RateLimitedError, UnauthorizedError, UpstreamError
from arcrun.ports import RateLimiter
from arcrun.workspace.audit import Actor
from arcrun.workspace.tenants import TenantWorkspaces
from auth.token_check import TokenCheck

if TYPE_CHECKING:
    from arcrun.run_log.protocol import RunLogObject
    from arcrun.store.protocol import StoreObject

logger = logging.getLogger("arcrun")
audit_logger = logging.getLogger("arcrun.audit")


def log_decision(action: str, outcome: str, *, tenant: str | None = None, key: str | None = None) -> None:
    """Write one line to the audit log, with its parts as fields; it contains ids but no secrets.

    `outcome` is "done", or the code of the error; `key` is a key's id.
    """
    known = {"audit": action, "outcome": outcome, "tenant": tenant, "key": key}
    fields = {name: value for name, value in known.items() if value is not None}
    audit_logger.info("%s: %s", action, outcome, extra={"fields": fields})


class Limits:
    """Rate limits by caller. `registrations` counts attempts to register, `requests` all other requests."""

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
    """Manages tenants' accounts. `build_check` makes the TokenCheck of a registration; `open_log` opens the RunLog's
    object of a tenant by the tenant's id, `open_store` that which has the state of the tenant's workflows.
    """

    def __init__(
        self,
        accounts: AccountStore,
        workspaces: TenantWorkspaces,
        build_check: Callable[[Registration], TokenCheck],
        limits: Limits,
        *,
        open_log: "Callable[[str], RunLogObject]",
        open_store: "Callable[[str], StoreObject]",
    ) -> None:
        self._accounts, self._workspaces = accounts, workspaces
        self._open_log, self._open_store = open_log, open_store
        self._build_check, self._limits = build_check, limits

    async def admit_registration(self, caller: str) -> None:
        """Check the rate limit, before the request is read. Raises NotConfiguredError, RateLimitedError."""
        self._accounts.require_master_key()
        with _audited("register"):
            await self._limits.take_registration(caller)

    async def register(self, registration: Registration, address: str | None) -> tuple[Tenant, str]:
        """Register an account; returns the tenant and its API key, which cannot be shown again.

        The account's rate limit is counted after its token has been verified, so that nobody can use up another
        account's limit. Raises RegistrationError, RateLimitedError, UpstreamError.
        """
        check = self._build_check(registration)
        with _audited("register"):
            token_id = await check.require_active()
            await check.require_namespace()
            await self._limits.take_registration(f"account:{registration.account_id}")
            await check.require_nothing_else(token_id)
            before = await self._find_known(registration.tenant_id)
            if before is None:
                await self._workspaces.open_object(registration.tenant_id).open_anew()
            await self._prepare_log(registration, before)
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
        """Delete the runs that last, the stores and the workspace, then the account: an interrupted deletion can be
        found and repeated.
        """
        with _audited("delete", tenant):
            await self._open_log(tenant.tenant_id).close()
            await self._open_store(tenant.tenant_id).close()
            await self._workspaces.open_object(tenant.tenant_id).close()
            await self._accounts.delete(tenant)
        log_decision("delete", "done", tenant=tenant.tenant_id)

    async def _find_known(self, tenant_id: str) -> Tenant | None:
        """The tenant with this id, if its record is readable. One sealed under another MASTER_KEY is replaced."""
        with suppress(DecryptionError):
            return await self._accounts.find(tenant_id)
        return None

    async def _prepare_log(self, registration: Registration, before: Tenant | None) -> None:
        """Let the tenant's runs and stores be stored. Nothing reads what was sealed under another data key: it goes."""
        if before is not None and before.registration.data_key == registration.data_key:
            return
        log, store = self._open_log(registration.tenant_id), self._open_store(registration.tenant_id)
        await log.close()
        if before is not None:
            await self._workspaces.open_object(registration.tenant_id).forget_reports()
        await log.open_anew()
        await store.close()
        await store.open_anew()

    async def _note(self, action: str, tenant: Tenant, actor: Actor, detail: str) -> None:
        """Write to the tenant's audit log. A failure is only logged: an error would lose the new key."""
        try:
            await self._workspaces.audit_of(tenant.tenant_id).note(action, tenant.tenant_id, actor, detail)
        except UpstreamError as error:
            logger.warning("%s of %s is not in the audit log: %s", action, tenant.tenant_id, error.code)


@contextmanager
def _audited(action: str, tenant: Tenant | None = None) -> Iterator[None]:
    """Log an error's code in the audit log, and raise it again."""
    try:
        yield
    except ArcrunError as error:
        log_decision(action, error.code, tenant=None if tenant is None else tenant.tenant_id)
        raise
