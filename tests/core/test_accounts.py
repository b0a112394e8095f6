"""An API key leads only to its tenant, and only while it is valid; a stored tenant is sealed: without MASTER_KEY it can
be neither read, nor changed, nor moved.
"""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from arcrun.accounts.api_keys import hash_api_key
from arcrun.accounts.model import Registration, parse_registration
from arcrun.accounts.store import AccountStore
from arcrun.errors import DecryptionError, NotConfiguredError, RequestError
from arcrun.limits import MAX_ACCOUNT_KEYS
from fakes.ports.cipher import DeskCipher
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

MASTER_KEY = base64.b64encode(b"m" * 32).decode()
DATA_KEY = bytes(range(32))
TOKEN = "canary-cf-token"
EMAIL = "ada@example.com"
GRACE_S = 3600


def registration(namespace: str = "b" * 32, token: str = TOKEN) -> Registration:
    return Registration(EMAIL, "a" * 32, namespace, token, DATA_KEY)


@dataclass
class Bench:
    clock: FixedClock = field(default_factory=FixedClock)
    random: SeededRandom = field(default_factory=SeededRandom)

    def __post_init__(self) -> None:
        self.kv = InMemoryKV(self.clock)
        self.store = self.build(MASTER_KEY)

    def build(self, master_key: str | None) -> AccountStore:
        return AccountStore(self.kv, master_key, DeskCipher, self.clock, self.random)

    async def opens(self, *api_keys: str) -> list[bool]:
        return [await self.store.find_by_key(key) is not None for key in api_keys]


async def test_a_key_leads_to_its_tenant() -> None:
    bench = Bench()
    (ada, ada_key), (bob, bob_key) = [await bench.store.register(registration(c * 32)) for c in "bc"]
    assert (await bench.store.find_by_key(ada_key), await bench.store.find_by_key(bob_key)) == (ada, bob)
    assert ada.registration == registration("b" * 32)
    assert ada.tenant_id != bob.tenant_id
    assert ada_key.startswith("ak_")
    assert len(base64.urlsafe_b64decode(f"{ada_key[3:]}=")) == 32


async def test_registering_again_is_the_same_tenant_with_another_key() -> None:
    bench = Bench()
    before, old_key = await bench.store.register(registration())
    bench.clock.advance(5_000)
    after, new_key = await bench.store.register(registration(token="another"))
    assert (after.tenant_id, after.created_ms) == (before.tenant_id, before.created_ms)
    assert after.registration.token == "another"
    assert await bench.opens(old_key, new_key) == [False, True]
    assert len(bench.kv.keys) == 2


async def test_a_rotated_key_counts_for_its_grace_time() -> None:
    bench = Bench()
    tenant, old_key = await bench.store.register(registration())
    rotated, new_key = await bench.store.rotate_key(tenant, GRACE_S)
    bench.clock.advance(GRACE_S * 1000 - 1)
    assert await bench.opens(old_key, new_key) == [True, True]
    bench.clock.advance(1)
    assert await bench.opens(old_key, new_key) == [False, True]
    assert rotated.registration == tenant.registration


async def test_a_grace_time_is_never_made_longer() -> None:
    bench = Bench()
    tenant, first = await bench.store.register(registration())
    tenant, _ = await bench.store.rotate_key(tenant, 60)
    await bench.store.rotate_key(tenant, GRACE_S)
    bench.clock.advance(60_000)
    assert await bench.opens(first) == [False]


async def test_without_a_grace_time_a_key_ends_at_once() -> None:
    bench = Bench()
    tenant, first = await bench.store.register(registration())
    tenant, second = await bench.store.rotate_key(tenant, GRACE_S)
    _, third = await bench.store.rotate_key(tenant, 0)
    assert await bench.opens(first, second, third) == [False, False, True]
    assert len(bench.kv.keys) == 2


async def test_what_ended_leaves_nothing_behind() -> None:
    bench = Bench()
    tenant, _ = await bench.store.register(registration())
    for _ in range(MAX_ACCOUNT_KEYS + 3):
        tenant, key = await bench.store.rotate_key(tenant, GRACE_S)
    assert len(tenant.keys) == MAX_ACCOUNT_KEYS
    assert len(bench.kv.keys) == MAX_ACCOUNT_KEYS + 1
    bench.clock.advance(GRACE_S * 1000)
    assert [entry.key for entry in (await bench.kv.list("key:")).entries] == [f"key:{hash_api_key(key)}"]


async def test_a_deleted_tenant_leaves_nothing_behind() -> None:
    bench = Bench()
    tenant, old_key = await bench.store.register(registration())
    tenant, key = await bench.store.rotate_key(tenant, GRACE_S)
    await bench.store.delete(tenant)
    assert (bench.kv.keys, await bench.opens(old_key, key)) == ([], [False, False])


MALFORMED = ["", "ak_", "nonsense", "ak_" + "A" * 43, "密", "\ud800", "x" * 10_000]


@pytest.mark.parametrize("api_key", MALFORMED, ids=[ascii(key)[:20] for key in MALFORMED])
async def test_any_other_key_costs_the_same_reads(api_key: str) -> None:
    bench = Bench()
    await bench.store.register(registration())
    bench.kv.reads.clear()
    assert await bench.opens(api_key) == [False]
    assert [key.partition(":")[0] for key in bench.kv.reads] == ["key", "tenant"]


async def test_a_revoked_key_costs_the_same_reads() -> None:
    bench = Bench()
    tenant, old_key = await bench.store.register(registration())
    await bench.store.rotate_key(tenant, 0)
    bench.kv.reads.clear()
    assert await bench.opens(old_key) == [False]
    assert [key.partition(":")[0] for key in bench.kv.reads] == ["key", "tenant"]


async def test_nothing_is_stored_in_clear() -> None:
    bench = Bench()
    tenant, api_key = await bench.store.register(registration())
    stored = json.dumps({key: await bench.kv.get(key) for key in bench.kv.keys})
    for secret in (TOKEN, EMAIL, api_key, "a" * 32, "b" * 32, base64.b64encode(DATA_KEY).decode(), DATA_KEY.hex()):
        assert secret not in stored
    shown = repr(tenant)
    assert TOKEN not in shown
    assert repr(DATA_KEY) not in shown


async def test_each_write_has_an_iv_of_its_own() -> None:
    bench, ivs = Bench(), set()
    tenant, _ = await bench.store.register(registration())
    for _ in range(20):
        tenant, _ = await bench.store.rotate_key(tenant, 0)
        ivs.add(json.loads(await bench.kv.get(f"tenant:{tenant.tenant_id}") or "")["iv"])
    assert len(ivs) == 20


async def test_a_key_that_somebody_adds_to_the_namespace_opens_nothing() -> None:
    bench = Bench()
    tenant, _ = await bench.store.register(registration())
    bench.kv.upload(f"key:{hash_api_key('ak_forged')}", tenant.tenant_id)
    assert await bench.opens("ak_forged") == [False]


async def test_a_record_moved_to_another_tenant_is_refused() -> None:
    bench = Bench()
    (ada, _), (bob, bob_key) = [await bench.store.register(registration(c * 32)) for c in "bc"]
    bench.kv.upload(f"tenant:{bob.tenant_id}", await bench.kv.get(f"tenant:{ada.tenant_id}") or "")
    with pytest.raises(DecryptionError):
        await bench.store.find_by_key(bob_key)


@pytest.mark.parametrize("stored", ["", "{}", "[]", '{"encrypted": "AA==", "iv": "AA=="}', "nonsense"])
async def test_a_record_that_nobody_wrote_is_refused(stored: str) -> None:
    bench = Bench()
    tenant, key = await bench.store.register(registration())
    bench.kv.upload(f"tenant:{tenant.tenant_id}", stored)
    with pytest.raises(DecryptionError):
        await bench.store.find_by_key(key)


async def test_another_master_key_reads_nothing_but_may_register_anew() -> None:
    bench = Bench()
    _, key = await bench.store.register(registration())
    bench.store = bench.build(base64.b64encode(b"n" * 32).decode())
    with pytest.raises(DecryptionError):
        await bench.store.find_by_key(key)
    _, new_key = await bench.store.register(registration())
    assert await bench.opens(key, new_key) == [False, True]


@pytest.mark.parametrize(
    ("master_key", "code"),
    [
        pytest.param(None, "MASTER_KEY_MISSING", id="none"),
        pytest.param(" ", "MASTER_KEY_MISSING", id="blank"),
        pytest.param("c2hvcnQ=", "MASTER_KEY_INVALID", id="short"),
        pytest.param("canary!", "MASTER_KEY_INVALID", id="not base64"),
    ],
)
async def test_without_a_master_key_nothing_is_touched(master_key: str | None, code: str) -> None:
    bench = Bench()
    tenant, _ = await bench.store.register(registration())
    store = bench.build(master_key)
    bench.kv.reads.clear()
    bench.kv.writes.clear()
    acts: list[Callable[[], object]] = [
        lambda: store.find_by_key("k"),
        lambda: store.register(registration()),
        lambda: store.rotate_key(tenant, 0),
    ]
    for act in acts:
        with pytest.raises(NotConfiguredError) as raised:
            await act()  # type: ignore[misc]
        assert raised.value.code == code
        assert "canary" not in str(raised.value.to_json())
    with pytest.raises(NotConfiguredError):
        store.require_master_key()
    assert (bench.kv.reads, bench.kv.writes) == ([], [])


GOOD = {
    "email": EMAIL,
    "account_id": "a" * 32,
    "kv_namespace_id": "b" * 32,
    "token": TOKEN,
    "data_key": base64.b64encode(DATA_KEY).decode(),
}


def test_a_registration_is_read() -> None:
    assert parse_registration(**GOOD) == registration()


@pytest.mark.parametrize(
    "change",
    [
        *[{"email": email} for email in (None, 1, "", "ada", "a b@c", "a@b@c", "a@b\n", "x" * 250 + "@y.zz")],
        *[{"account_id": text} for text in (None, 1, "", "a" * 31, "A" * 32, "../" + "a" * 29, "a" * 32 + "\n")],
        {"kv_namespace_id": "b" * 33},
        *[{"token": token} for token in (None, "", "canary 1", "canary\n", "canaryé")],
        *[{"data_key": key} for key in (None, "", "canary", "c2hvcnQ=")],
    ],
    ids=ascii,
)
def test_anything_else_is_refused_without_repeating_a_secret(change: dict[str, object]) -> None:
    with pytest.raises(RequestError) as raised:
        parse_registration(**{**GOOD, **change})  # type: ignore[arg-type]
    assert "canary" not in json.dumps(raised.value.to_json())
