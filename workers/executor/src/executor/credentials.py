"""Stored credentials in the KV namespace CREDENTIALS_KV. Keys and values: docs/storage-schema.md."""

import hashlib
import hmac
from collections.abc import Callable
from contextlib import suppress

from arcrun.caches import Cache, CacheSpace
from arcrun.credentials.record import (
    IV_BYTES,
    KEY_PREFIX,
    NAME_PATTERN,
    SealedCredential,
    associated_data_of,
    build_missing_error,
    build_unreadable_error,
    kv_key_of,
    parse_encryption_key,
    parse_record,
    render_record,
    validate_name,
)
from arcrun.errors import CredentialError, DecryptionError
from arcrun.limits import MAX_CACHED_CREDENTIALS
from arcrun.ports import Cipher, Clock, KeyValue, Random, list_all

# A warm isolate sees a replaced credential after at most this time. KV itself may take 60 s.
FRESH_MS = 5_000
_MARKS = b"arcrun/marks of credentials"
ENTRY_BYTES = 300  # in memory, besides the secret


class CredentialVault:
    """Decrypts credentials. `encryption_key` is ARCRUN_ENCRYPTION_KEY; `previous_key` is
    ARCRUN_PREVIOUS_ENCRYPTION_KEY, for credentials that a rotation has not re-encrypted yet. `build_cipher` makes a
    Cipher from a key's 32 bytes.
    """

    def __init__(
        self,
        kv: KeyValue,
        encryption_key: str | None,
        build_cipher: Callable[[bytes], Cipher],
        clock: Clock,
        *,
        previous_key: str | None = None,
        space: CacheSpace | None = None,
    ) -> None:
        self._kv, self._clock = kv, clock
        self._encryption_key, self._previous_key, self._build_cipher = encryption_key, previous_key, build_cipher
        self._ciphers: list[Cipher] = []
        self._cached: Cache[tuple[float, str]] = Cache(MAX_CACHED_CREDENTIALS, space or CacheSpace())

    async def reveal(self, name: str) -> str:
        """The secret stored under `name`.

        Raises CredentialError (CREDENTIAL_MISSING, CREDENTIAL_UNREADABLE) and NotConfiguredError
        (ENCRYPTION_KEY_MISSING, ENCRYPTION_KEY_INVALID).
        """
        kept_ms, kept = self._cached.get(name) or (0.0, None)
        if kept is not None and self._clock.now_ms() - kept_ms < FRESH_MS:
            return kept
        self._cached.pop(name)
        if not self._ciphers:
            self._ciphers = self._build_ciphers()
        stored = await self._kv.get(kv_key_of(name)) if NAME_PATTERN.fullmatch(name) else None
        if stored is None:
            raise build_missing_error(name)
        return self._keep(name, await self._open(name, stored))

    async def list_names(self) -> list[str]:
        """The names of all stored credentials, including unreadable ones."""
        return [entry.key.removeprefix(KEY_PREFIX) for entry in await list_all(self._kv, KEY_PREFIX)]

    async def is_readable(self, name: str) -> bool:
        """Whether a key decrypts what is stored under `name` now. Raises NotConfiguredError as `reveal`."""
        stored = await self._kv.get(kv_key_of(name))
        self._ciphers = self._ciphers or self._build_ciphers()
        try:
            if stored is not None:
                await self._open(name, stored)
        except CredentialError:
            return False
        return True

    async def store(self, name: str, secret: str, random: Random) -> None:
        """Encrypt `secret` and store it under `name`. Raises CredentialError (CREDENTIAL_NAME_INVALID), and
        NotConfiguredError as `reveal`.
        """
        validate_name(name)
        cipher, iv = self._build_ciphers()[0], random.token_bytes(IV_BYTES)
        sealed = SealedCredential(await cipher.encrypt(secret.encode(), iv, associated_data_of(name)), iv)
        await self._kv.put(kv_key_of(name), render_record(sealed))
        self._cached.pop(name)

    async def remove(self, name: str) -> bool:
        """Whether there was one."""
        if not NAME_PATTERN.fullmatch(name) or await self._kv.get(kv_key_of(name)) is None:
            return False
        await self._kv.delete(kv_key_of(name))
        self._cached.pop(name)
        return True

    def keys_for_marks(self) -> list[bytes]:
        """Keys of HMACs by which a credential's content is known again without being stored: those under the current
        encryption key first. Raises NotConfiguredError.
        """
        keys = [self._encryption_key, *([self._previous_key] if self._previous_key else [])]
        return [hmac.new(parse_encryption_key(key), _MARKS, hashlib.sha256).digest() for key in keys]

    def _build_ciphers(self) -> list[Cipher]:
        keys = [self._encryption_key, *([self._previous_key] if self._previous_key else [])]
        return [self._build_cipher(parse_encryption_key(key)) for key in keys]

    async def _open(self, name: str, stored: str) -> str:
        sealed = parse_record(name, stored)
        for cipher in self._ciphers:
            with suppress(DecryptionError, UnicodeDecodeError):
                return (await cipher.decrypt(sealed.ciphertext, sealed.iv, associated_data_of(name))).decode()
        raise build_unreadable_error(name, "it was encrypted with another key, or has been changed")

    def _keep(self, name: str, secret: str) -> str:
        self._cached.put(name, (self._clock.now_ms(), secret), ENTRY_BYTES + 4 * len(secret))
        return secret
