"""Proves on real workerd that WebCrypto reads and writes the shared vectors, and refuses modified ones."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from acr.credentials.encryption import seal_credential
from workerd.probe_platform import running_probe

pytestmark = pytest.mark.workerd

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/credential_vectors.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with running_probe(tmp_path_factory.mktemp("webcrypto")) as client:
        yield client


def call(probe: httpx.Client, operation: str, **arguments: bytes) -> Any:
    body = {name: base64.b64encode(value).decode() for name, value in arguments.items()}
    answer = probe.post(f"/{operation}", json=body).json()
    return base64.b64decode(answer["bytes"]) if "bytes" in answer else answer


def arguments_of(vector: dict[str, str]) -> dict[str, bytes]:
    record = json.loads(vector["record"])
    return {
        "key": base64.b64decode(vector["key"]),
        "iv": base64.b64decode(record["iv"]),
        "data": f"cred:{vector['name']}".encode(),
        "encrypted": base64.b64decode(record["encrypted"]),
    }


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_vector_is_read_and_written(probe: httpx.Client, vector: dict[str, str]) -> None:
    arguments = arguments_of(vector)
    encrypted = arguments.pop("encrypted")
    assert call(probe, "decrypt", content=encrypted, **arguments).decode() == vector["secret"]
    assert call(probe, "encrypt", content=vector["secret"].encode(), **arguments) == encrypted


def test_what_webcrypto_encrypts_the_desk_reads(probe: httpx.Client) -> None:
    key, iv, data = b"k" * 32, b"i" * 12, b"cred:x"
    encrypted = call(probe, "encrypt", content=b"secret", key=key, iv=iv, data=data)
    assert AESGCM(key).decrypt(iv, encrypted, data) == b"secret"


@pytest.mark.parametrize("part", ["key", "iv", "data", "encrypted"])
def test_a_changed_part_is_refused(probe: httpx.Client, part: str) -> None:
    arguments = arguments_of(VECTORS[0])
    arguments[part] = bytes([arguments[part][0] ^ 1]) + arguments[part][1:]
    assert call(probe, "decrypt", content=arguments.pop("encrypted"), **arguments) == {"code": "DECRYPTION_FAILED"}


@pytest.mark.parametrize(
    ("sealed_with", "keys", "expected"),
    [
        pytest.param(KEY, [KEY, None], ["s3cret é"] * 2, id="current key"),
        pytest.param(OTHER_KEY, [KEY, OTHER_KEY], ["s3cret é"] * 2, id="previous key"),
        pytest.param(OTHER_KEY, [KEY, None], "CREDENTIAL_UNREADABLE", id="wrong key"),
        pytest.param(KEY, ["short", None], "ENCRYPTION_KEY_INVALID", id="a key that is none"),
        pytest.param(None, [KEY, None], "CREDENTIAL_MISSING", id="not stored"),
    ],
)
def test_the_vault_reads_what_acr_creds_push_stores(
    probe: httpx.Client, sealed_with: bytes | None, keys: list[bytes | str | None], expected: Any
) -> None:
    name = "stored" if sealed_with else "gone"
    record = seal_credential(sealed_with, name, "s3cret é") if sealed_with else None
    encoded = [base64.b64encode(key).decode() if isinstance(key, bytes) else key for key in keys]
    answer = probe.post("/reveal", json={"keys": encoded, "name": name, "record": record}).json()
    assert answer == expected
