"""Credentials in the account's KV: stores them encrypted as `cred:{name}`, lists, removes and re-encrypts them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acr.cloudflare.kv import KvNamespace
from acr.credentials.encryption import KeyRing, open_credential, seal_credential
from acr.errors import CliError
from arcrun.credentials.record import KEY_PREFIX, kv_key_of
from arcrun.errors import CredentialError


@dataclass(frozen=True)
class StoredCredential:
    """`readable` says whether one of our keys decrypts it; None if we have no key."""

    name: str
    readable: bool | None

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "readable": self.readable}


@dataclass(frozen=True)
class Rotation:
    """The names that were re-encrypted, and those that already used the current key."""

    renewed: tuple[str, ...]
    unchanged: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"renewed": list(self.renewed), "unchanged": list(self.unchanged)}


class CredentialStore:
    def __init__(self, namespace: KvNamespace) -> None:
        self._namespace = namespace

    def push(self, secrets: Mapping[str, str], key: bytes) -> None:
        """Encrypt all, then store all in one request."""
        records = {kv_key_of(name): seal_credential(key, name, secret) for name, secret in secrets.items()}
        self._namespace.put_all(records)

    def list(self, keys: KeyRing | None) -> list[StoredCredential]:
        """All stored credentials; `readable` is None if `keys` is."""
        if keys is None:
            return [StoredCredential(name, None) for name in self._names()]
        return [StoredCredential(name, _find_key(keys, name, record) is not None) for name, record in self._records()]

    def remove(self, names: tuple[str, ...]) -> None:
        """Remove credentials. Raises CliError, before any is removed, if one does not exist."""
        stored = set(self._names())
        missing = [name for name in names if name not in stored]
        if missing:
            raise CliError(f"There is no credential {', '.join(missing)}.", "List the credentials: acr creds list")
        for name in names:
            self._namespace.delete(kv_key_of(name))

    def needs_rotation(self, keys: KeyRing) -> bool:
        """Whether the current key fails to decrypt a record, because a rotation was interrupted."""
        return any(_find_key(keys, name, record) is not keys.current for name, record in self._records())

    def rotate(self, keys: KeyRing) -> Rotation:
        """Re-encrypt, with the current key, the records that only the previous key decrypts.

        It can be interrupted and run again: records are replaced one by one, and one of the two keys always decrypts
        each. Raises CliError, before anything is written, if neither key decrypts a record.
        """
        records = dict(self._records())
        found = {name: _find_key(keys, name, record) for name, record in records.items()}
        lost = [name for name, key in found.items() if key is None]
        if lost:
            message = f"None of your keys decrypts {', '.join(lost)}; nothing was changed."
            raise CliError(message, f"Store them again, or remove them: acr creds rm {' '.join(lost)}")
        renewed = []
        for name, key in found.items():
            if key is not None and key is not keys.current:
                secret = open_credential(key, name, records[name])
                self._namespace.put(kv_key_of(name), seal_credential(keys.current, name, secret))
                renewed.append(name)
        return Rotation(tuple(renewed), tuple(name for name in found if name not in renewed))

    def _names(self) -> Iterator[str]:
        return (key.removeprefix(KEY_PREFIX) for key in self._namespace.list_keys(KEY_PREFIX))

    def _records(self) -> Iterator[tuple[str, str]]:
        for name in self._names():
            record = self._namespace.get(kv_key_of(name))
            if record is not None:  # None: removed since it was listed
                yield name, record


def _find_key(keys: KeyRing, name: str, record: str) -> bytes | None:
    """The key of the ring that decrypts a record, or None."""
    for key in (keys.current, keys.previous):
        if key is None:
            continue
        try:
            open_credential(key, name, record)
        except CredentialError:
            continue
        return key
    return None
