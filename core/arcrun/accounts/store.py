"""The tenants, in the KV namespace ACCOUNTS_KV. Keys and values: docs/storage-schema.md.

A tenant's record is the authority on its API keys; `key:{sha256}` only points to it. So anyone who can write to the
namespace but has no MASTER_KEY can neither add a key nor restore a revoked one.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

from arcrun.accounts.api_keys import KeyRecord, hash_api_key, make_api_key
from arcrun.accounts.master_key import parse_master_key
from arcrun.accounts.model import Registration, Tenant, parse_tenant, render_tenant
from arcrun.credentials.record import IV_BYTES, SealedCredential, parse_sealed, render_record
from arcrun.errors import DecryptionError
from arcrun.limits import MAX_ACCOUNT_KEYS
from arcrun.ports import Cipher, Clock, KeyValue, Random

MIN_TTL_S = 60  # KV's minimum


class AccountStore:
    """The store of tenants. `master_key` is MASTER_KEY as the Worker has it. `build_cipher` makes a Cipher from a
    32-byte key.

    Every method raises NotConfiguredError MASTER_KEY_MISSING or MASTER_KEY_INVALID before it reads or writes anything.
    """

    def __init__(
        self,
        kv: KeyValue,
        master_key: str | None,
        build_cipher: Callable[[bytes], Cipher],
        clock: Clock,
        random: Random,
    ) -> None:
        self._kv, self._clock, self._random = kv, clock, random
        self._master_key, self._build_cipher = master_key, build_cipher

    def require_master_key(self) -> None:
        """Check MASTER_KEY, for a caller that does something else first."""
        assert self._cipher is not None

    async def find_by_key(self, api_key: str) -> Tenant | None:
        """The tenant of a valid key. None for an unknown, revoked, expired or malformed one.

        All of these cost the same two reads of KV, so that they cannot be distinguished by timing. Raises
        DecryptionError if the record was sealed under another MASTER_KEY.
        """
        cipher, sha256 = self._cipher, hash_api_key(api_key)
        tenant_id = await self._kv.get(_key_of_api_key(sha256))
        stored = await self._kv.get(_key_of_tenant(tenant_id or f"tn_{sha256[:32]}"))
        if tenant_id is None or stored is None:
            return None
        tenant = await _open(cipher, tenant_id, stored)
        key = tenant.find_key(sha256)
        return tenant if key is not None and key.is_valid(self._clock.now_ms()) else None

    async def find(self, tenant_id: str) -> Tenant | None:
        """The tenant with this id. Raises DecryptionError."""
        cipher, stored = self._cipher, await self._kv.get(_key_of_tenant(tenant_id))
        return None if stored is None else await _open(cipher, tenant_id, stored)

    async def register(self, registration: Registration) -> tuple[Tenant, str]:
        """Register a tenant, new or again. Returns it and its only API key; earlier keys are revoked.

        A record that was sealed under another MASTER_KEY is replaced, because it can no longer be read.
        """
        before = None
        with suppress(DecryptionError):
            before = await self.find(registration.tenant_id)
        await self._forget_keys(() if before is None else before.keys)
        created_ms = self._now_ms() if before is None else before.created_ms
        api_key, record = self._make_key()
        tenant = Tenant(registration, created_ms, (record,))
        await self._save(tenant)
        await self._point(tenant, record)
        return tenant, api_key

    async def rotate_key(self, tenant: Tenant, grace_s: int) -> tuple[Tenant, str]:
        """Make a new API key. The others end after `grace_s`, or immediately if that is 0."""
        now_ms = self._now_ms()
        api_key, record = self._make_key()
        ending = [key.ending(now_ms + grace_s * 1000) for key in tenant.keys]
        kept = [key for key in ending if key.is_valid(now_ms)][-(MAX_ACCOUNT_KEYS - 1) :]
        rotated = Tenant(tenant.registration, tenant.created_ms, (*kept, record))
        await self._save(rotated)
        await self._forget_keys(tuple(key for key in ending if key not in kept))
        for key in rotated.keys:
            await self._point(rotated, key)
        return rotated, api_key

    async def delete(self, tenant: Tenant) -> None:
        """Delete everything stored of a tenant. Keys are deleted first, so that an interrupted deletion can be
        repeated.
        """
        await self._forget_keys(tenant.keys)
        await self._kv.delete(_key_of_tenant(tenant.tenant_id))

    @cached_property
    def _cipher(self) -> Cipher:
        return self._build_cipher(parse_master_key(self._master_key))

    async def _save(self, tenant: Tenant) -> None:
        key, iv = _key_of_tenant(tenant.tenant_id), self._random.token_bytes(IV_BYTES)
        ciphertext = await self._cipher.encrypt(render_tenant(tenant), iv, key.encode())
        await self._kv.put(key, render_record(SealedCredential(ciphertext, iv)))

    async def _point(self, tenant: Tenant, key: KeyRecord) -> None:
        """Make a key point to its tenant for as long as it is valid."""
        left_ms = None if key.expires_ms is None else key.expires_ms - self._now_ms()
        ttl_s = None if left_ms is None else max(MIN_TTL_S, -(-left_ms // 1000))
        await self._kv.put(_key_of_api_key(key.sha256), tenant.tenant_id, ttl_s=ttl_s)

    async def _forget_keys(self, keys: tuple[KeyRecord, ...]) -> None:
        for key in keys:
            await self._kv.delete(_key_of_api_key(key.sha256))

    def _make_key(self) -> tuple[str, KeyRecord]:
        api_key = make_api_key(self._random)
        return api_key, KeyRecord(hash_api_key(api_key), self._now_ms())

    def _now_ms(self) -> int:
        return int(self._clock.now_ms())


def _key_of_api_key(sha256: str) -> str:
    return f"key:{sha256}"


def _key_of_tenant(tenant_id: str) -> str:
    return f"tenant:{tenant_id}"


async def _open(cipher: Cipher, tenant_id: str, stored: str) -> Tenant:
    try:
        sealed = parse_sealed(stored)
    except ValueError:
        raise DecryptionError("The account's record is not of the form {encrypted, iv}.") from None
    return parse_tenant(await cipher.decrypt(sealed.ciphertext, sealed.iv, _key_of_tenant(tenant_id).encode()))
