"""Proves that only ciphertext is stored in KV, and that an interrupted rotation loses nothing."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.kv import KvNamespace
from acr.credentials.credential_store import CredentialStore, Rotation, StoredCredential
from acr.credentials.encryption import KeyRing
from acr.errors import CliError
from arcrun.cloudflare.api_access import ApiAccess
from fakes.cloudflare_rest.account import ACCOUNT, BASE, TOKEN, CloudflareStandIn
from fakes.ports.cipher import seal

OLD, NEW, FOREIGN = b"o" * 32, b"n" * 32, b"f" * 32
SECRETS = {f"name_{i}": f"canary-secret-{i}" for i in range(4)}
KV_ID = "n1"


def build_store(cloudflare: CloudflareStandIn) -> CredentialStore:
    access = ApiAccess(f"https://api.test{BASE}", ACCOUNT, TOKEN)
    return CredentialStore(KvNamespace(CloudflareApi(access, cloudflare, lambda _: None), KV_ID))


def stored_under(key: bytes, secrets: dict[str, str] = SECRETS) -> CloudflareStandIn:
    return CloudflareStandIn(values={(KV_ID, f"cred:{name}"): seal(key, name, it) for name, it in secrets.items()})


def open_all(cloudflare: CloudflareStandIn, *keys: bytes) -> dict[str, str]:
    """Every credential, decrypted with one of the keys by an independent AES-GCM call."""
    opened = {}
    for (_, kv_key), value in cloudflare.values.items():
        record = json.loads(value)
        assert record.keys() == {"encrypted", "iv"}
        iv, encrypted = base64.b64decode(record["iv"]), base64.b64decode(record["encrypted"])
        for key in keys:
            try:
                opened[kv_key.removeprefix("cred:")] = AESGCM(key).decrypt(iv, encrypted, kv_key.encode()).decode()
            except Exception:
                continue
            break
    return opened


def test_push_stores_only_ciphertext() -> None:
    cloudflare = CloudflareStandIn()
    store = build_store(cloudflare)
    store.push(SECRETS, NEW)
    first = dict(cloudflare.values)
    assert open_all(cloudflare, NEW) == SECRETS
    for secret in SECRETS.values():
        assert secret not in str(first)
        assert base64.b64encode(secret.encode()).decode()[2:-4] not in str(first)
    store.push(SECRETS, NEW)
    assert not set(first.values()) & set(cloudflare.values.values())  # a new IV each time


def test_list_says_which_are_readable() -> None:
    cloudflare = stored_under(OLD, {"a": "1"})
    cloudflare.values |= stored_under(FOREIGN, {"b": "2"}).values
    cloudflare.values[KV_ID, "cred:c"] = "plain text"
    cloudflare.values[KV_ID, "other"] = "x"
    store = build_store(cloudflare)
    readable = {"a": True, "b": False, "c": False}
    assert store.list(KeyRing(NEW, OLD)) == [StoredCredential(name, it) for name, it in readable.items()]
    assert store.list(None) == [StoredCredential(name, None) for name in readable]


def test_remove_removes_all_or_nothing() -> None:
    cloudflare = stored_under(OLD)
    store = build_store(cloudflare)
    with pytest.raises(CliError, match="no credential gone"):
        store.remove(("name_0", "gone"))
    assert len(cloudflare.values) == 4
    store.remove(("name_0", "name_3"))
    assert list(open_all(cloudflare, OLD)) == ["name_1", "name_2"]


def test_rotate_encrypts_again_and_a_second_time_changes_nothing() -> None:
    cloudflare = stored_under(OLD)
    store = build_store(cloudflare)
    assert store.rotate(KeyRing(NEW, OLD)) == Rotation(tuple(SECRETS), ())
    assert open_all(cloudflare, NEW) == SECRETS
    values = dict(cloudflare.values)
    assert store.rotate(KeyRing(NEW, OLD)) == Rotation((), tuple(SECRETS))
    assert cloudflare.values == values


@pytest.mark.parametrize("interrupted_at", range(9))
def test_a_rotation_interrupted_at_any_request_loses_nothing_and_can_be_run_again(interrupted_at: int) -> None:
    cloudflare = stored_under(OLD)
    handle, countdown = cloudflare.handle_request, [interrupted_at]

    def interrupt(request: object) -> object:
        countdown[0] -= 1
        if countdown[0] == -1:
            raise KeyboardInterrupt
        return handle(request)  # type: ignore[arg-type]

    cloudflare.handle_request = interrupt  # type: ignore[method-assign, assignment]
    store = build_store(cloudflare)
    try:
        store.rotate(KeyRing(NEW, OLD))
    except KeyboardInterrupt:
        assert open_all(cloudflare, NEW, OLD) == SECRETS
        store.rotate(KeyRing(NEW, OLD))
    assert open_all(cloudflare, NEW) == SECRETS
    assert not store.needs_rotation(KeyRing(NEW, OLD))


def test_an_unreadable_record_stops_a_rotation_before_it_starts() -> None:
    cloudflare = stored_under(OLD)
    cloudflare.values[KV_ID, "cred:zz"] = seal(FOREIGN, "zz", "s")
    before = dict(cloudflare.values)
    store = build_store(cloudflare)
    with pytest.raises(CliError, match="zz"):
        store.rotate(KeyRing(NEW, OLD))
    assert cloudflare.values == before
    assert store.needs_rotation(KeyRing(NEW, OLD))
