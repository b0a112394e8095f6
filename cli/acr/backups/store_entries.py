"""The entries of stores in an export: read from a platform, sealed if asked, and put into another one.

A sealed entry is {"sealed": base64}: 12 bytes of nonce and AES-256-GCM of the entry's JSON. Its key is made of a
passphrase by scrypt; the first line of the file has the salt as "seal".
"""

import base64
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from acr.backups.export_file import Line
from acr.errors import CliError
from acr.targets.executor_client import ExecutorClient, StoreName
from arcrun.json_text import parse_json
from arcrun.limits import MAX_STORE_VALUES

MAX_REQUEST_CHARACTERS = 1_000_000  # of a request that puts entries; one entry alone may have more
_NONCE_BYTES, _SALT_BYTES, _KEY_BYTES = 12, 16, 32
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}  # 32 MiB and some 0.1 s
_BINDING = b"arcrun export entry"
_SHARED, _WORKFLOW = "shared", "workflow"


@dataclass(frozen=True)
class EntrySeal:
    """Seals and opens entries under a passphrase."""

    salt: bytes
    key: bytes = field(repr=False)

    @classmethod
    def build(cls, passphrase: str) -> "EntrySeal":
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(salt, _derive_key(passphrase, salt))

    @classmethod
    def load(cls, stored: Any, passphrase: str) -> "EntrySeal":
        """Raises CliError."""
        try:
            salt = base64.b64decode(stored["salt"], validate=True)
        except (KeyError, TypeError, ValueError):
            raise _build_unreadable() from None
        return cls(salt, _derive_key(passphrase, salt))

    def to_json(self) -> dict[str, str]:
        return {"salt": base64.b64encode(self.salt).decode()}

    def seal(self, entry: Mapping[str, Any]) -> Line:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - slow to import

        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(self.key).encrypt(nonce, json.dumps(entry).encode(), _BINDING)
        return {"sealed": base64.b64encode(nonce + sealed).decode()}

    def open(self, sealed: str) -> Any:
        """Raises CliError."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            content = base64.b64decode(sealed, validate=True)
            opened = AESGCM(self.key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], _BINDING)
            return parse_json(opened.decode())
        except (InvalidTag, ValueError):
            raise _build_unreadable() from None


def _derive_key(passphrase: str, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt  # noqa: PLC0415 - slow to import

    return Scrypt(salt=salt, length=_KEY_BYTES, **_SCRYPT).derive(passphrase.encode())


def entry_lines(client: ExecutorClient, seal: EntrySeal | None) -> Iterator[Line]:
    """A line for each entry of all stores, page by page. Raises CliError."""
    for store in client.list_stores():
        named = {"kind": store["kind"], "name": store["name"]}
        for read in client.read_entries(StoreName(store["name"], store["kind"] == _SHARED)):
            entry = {"store": named, **{name: read[name] for name in ("key", "value", "expires_ms")}}
            yield {"kind": "entry", **(entry if seal is None else seal.seal(entry))}


def find_filled_stores(client: ExecutorClient) -> list[StoreName]:
    """The stores of the platform that have entries."""
    return [StoreName(each["name"], each["kind"] == _SHARED) for each in client.list_stores() if each["entries"]]


def put_entries(client: ExecutorClient, lines: Iterable[Line], seal: EntrySeal | None, now_ms: float) -> int:
    """Put the entries of a file, some at a time, except those that have expired. Returns how many were put.

    Raises CliError.
    """
    put, waiting, size = 0, list[dict[str, Any]](), 0
    current: StoreName | None = None
    for line in lines:
        store, entry = _read_entry(line, seal, now_ms)
        if entry is None:
            continue
        length = len(json.dumps(entry))
        is_full = len(waiting) == MAX_STORE_VALUES or size + length > MAX_REQUEST_CHARACTERS
        if current is not None and waiting and (store != current or is_full):
            client.put_entries(current, waiting)
            waiting, size = [], 0
        current, size, put = store, size + length, put + 1
        waiting.append(entry)
    if current is not None and waiting:
        client.put_entries(current, waiting)
    return put


def _read_entry(line: Line, seal: EntrySeal | None, now_ms: float) -> tuple[StoreName, dict[str, Any] | None]:
    """The store of a line and its entry with what is left of its `ttl`, None if that is over."""
    match line if seal is None else seal.open(line.get("sealed", "")):
        case {
            "store": {"kind": "shared" | "workflow" as kind, "name": str(name)},
            "key": str(key),
            "value": value,
            "expires_ms": None | int() | float() as expires_ms,
        }:
            entry = {"key": key, "value": value}
            if expires_ms is None:
                return StoreName(name, kind == _SHARED), entry
            left_ms = int(expires_ms - now_ms)
            return StoreName(name, kind == _SHARED), {**entry, "ttl": f"{left_ms}ms"} if left_ms > 0 else None
    raise _build_unreadable()


def _build_unreadable() -> CliError:
    return CliError(
        "An entry of a store cannot be read: the passphrase is another one, or the file has been changed.",
        "Give the passphrase that it was exported with, or restore the rest: acr restore FILE --no-stores",
        "STORES_UNREADABLE",
    )
