"""Proves that the vault decrypts credentials, explains those it cannot read, and reads them again after FRESH_MS."""

import base64
import json
from dataclasses import dataclass, field

import pytest

from arcrun.credentials.record import kv_key_of
from arcrun.errors import ArcrunError
from arcrun.limits import MAX_CACHED_CREDENTIALS
from executor.credentials import FRESH_MS, CredentialVault
from fakes.ports.cipher import DeskCipher, seal
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
TOKEN = "telegram_bot_token"

pytestmark = pytest.mark.anyio


@dataclass
class Bench:
    clock: FixedClock = field(default_factory=FixedClock)
    kv: InMemoryKV = field(default_factory=InMemoryKV)

    def vault(
        self, encryption_key: str | None = base64.b64encode(KEY).decode(), previous_key: str | None = None
    ) -> CredentialVault:
        return CredentialVault(self.kv, encryption_key, DeskCipher, self.clock, previous_key=previous_key)


async def test_a_sealed_secret_is_revealed() -> None:
    bench = Bench()
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "123:密碼"))
    assert await bench.vault().reveal(TOKEN) == "123:密碼"
    assert bench.kv.reads == ["cred:telegram_bot_token"]


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(seal(OTHER_KEY, TOKEN, "s"), id="another key"),
        pytest.param(seal(KEY, "other", "s"), id="copied from another name"),
        pytest.param("s3cret", id="plain text"),
        pytest.param(base64.b64encode(b"s3cret").decode(), id="base64 alone"),
        pytest.param('"s3cret"', id="a JSON text"),
        pytest.param(json.dumps({"encrypted": "AAAA", "iv": "AAAA"}), id="too short"),
        pytest.param(json.dumps({"encrypted": "A" * 24, "iv": "A" * 16, "alg": "none"}), id="more fields"),
        pytest.param(json.dumps({"encrypted": "?" * 24, "iv": "A" * 16}), id="not base64"),
        pytest.param(json.dumps({"encrypted": 1, "iv": "A" * 16}), id="not a text"),
        pytest.param(json.dumps({"encrypted": "A" * 24, "iv": "A" * 16}), id="a wrong tag"),
        pytest.param("[" * 5000, id="nested too deep"),
    ],
)
async def test_what_was_not_sealed_for_this_place_is_unreadable(stored: str) -> None:
    bench = Bench()
    await bench.kv.put(kv_key_of(TOKEN), stored)
    with pytest.raises(ArcrunError) as raised:
        await bench.vault().reveal(TOKEN)
    assert (raised.value.code, raised.value.details) == ("CREDENTIAL_UNREADABLE", {"key": TOKEN})
    assert "s3cret" not in json.dumps(raised.value.to_json())


@pytest.mark.parametrize("name", [TOKEN, "", "../x", "a b", "a" * 129])
async def test_what_is_not_stored_is_missing_and_names_the_repair(name: str) -> None:
    with pytest.raises(ArcrunError) as raised:
        await Bench().vault().reveal(name)
    assert (raised.value.code, raised.value.http_status, raised.value.details) == (
        "CREDENTIAL_MISSING",
        422,
        {"key": name},
    )
    assert ["credentials.yaml" in raised.value.next_actions[0], "acr creds push" in raised.value.next_actions[1]] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("encryption_key", "code"),
    [
        (None, "ENCRYPTION_KEY_MISSING"),
        ("", "ENCRYPTION_KEY_MISSING"),
        (" \n", "ENCRYPTION_KEY_MISSING"),
        ("not base64!", "ENCRYPTION_KEY_INVALID"),
        (base64.b64encode(b"x" * 31).decode(), "ENCRYPTION_KEY_INVALID"),
        (base64.b64encode(b"x" * 33).decode(), "ENCRYPTION_KEY_INVALID"),
        ("é" * 44, "ENCRYPTION_KEY_INVALID"),
    ],
)
async def test_a_bad_key_is_named_without_repeating_it(encryption_key: str | None, code: str) -> None:
    with pytest.raises(ArcrunError) as raised:
        await Bench().vault(encryption_key).reveal(TOKEN)
    assert (raised.value.code, raised.value.http_status) == (code, 503)
    assert not (encryption_key or "").strip() or (encryption_key or "") not in json.dumps(raised.value.to_json())


async def test_the_previous_key_opens_what_a_rotation_has_not_reached() -> None:
    bench = Bench()
    await bench.kv.put(kv_key_of("old"), seal(OTHER_KEY, "old", "o"))
    await bench.kv.put(kv_key_of("new"), seal(KEY, "new", "n"))
    vault = bench.vault(previous_key=base64.b64encode(OTHER_KEY).decode())
    assert [await vault.reveal("old"), await vault.reveal("new")] == ["o", "n"]


async def test_a_key_may_end_in_a_newline() -> None:
    bench = Bench()
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "s"))
    assert await bench.vault(base64.b64encode(KEY).decode() + "\n").reveal(TOKEN) == "s"


async def test_a_secret_is_kept_for_a_while_and_then_read_again() -> None:
    bench = Bench()
    vault = bench.vault()
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "old"))
    await vault.reveal(TOKEN)
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "new"))
    bench.clock.advance(FRESH_MS - 1)
    assert (await vault.reveal(TOKEN), len(bench.kv.reads)) == ("old", 1)
    bench.clock.advance(1)
    assert (await vault.reveal(TOKEN), len(bench.kv.reads)) == ("new", 2)


async def test_what_is_missing_is_looked_for_each_time() -> None:
    bench = Bench()
    vault = bench.vault()
    with pytest.raises(ArcrunError):
        await vault.reveal(TOKEN)
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "s"))
    assert await vault.reveal(TOKEN) == "s"


async def test_a_deleted_secret_is_forgotten() -> None:
    bench = Bench()
    vault = bench.vault()
    await bench.kv.put(kv_key_of(TOKEN), seal(KEY, TOKEN, "s"))
    await vault.reveal(TOKEN)
    await bench.kv.delete(kv_key_of(TOKEN))
    bench.clock.advance(FRESH_MS)
    with pytest.raises(ArcrunError, match="not stored"):
        await vault.reveal(TOKEN)


async def test_the_cache_has_a_limit() -> None:
    bench = Bench()
    vault = bench.vault()
    names = [f"n{i}" for i in range(MAX_CACHED_CREDENTIALS + 1)]
    for name in names:
        await bench.kv.put(kv_key_of(name), seal(KEY, name, name))
        assert await vault.reveal(name) == name
    reads = len(bench.kv.reads)
    await vault.reveal(names[-1])
    assert len(bench.kv.reads) == reads
    await vault.reveal(names[0])
    assert len(bench.kv.reads) == reads + 1


@pytest.mark.parametrize("count", [0, 3, 1001])
async def test_the_names_are_listed_without_a_key(count: int) -> None:
    bench = Bench()
    names = [f"n{i:04}" for i in range(count)]
    for name in names:
        await bench.kv.put(kv_key_of(name), seal(KEY, name, "s"))
    await bench.kv.put("other:key", "")
    assert await bench.vault(None).list_names() == names
