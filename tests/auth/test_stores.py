"""What becomes of a tenant's stores when its account goes, and comes back."""

import base64

import pytest

from arcrun.store.protocol import scope_of_shared
from fakes.auth import HEADERS, Bench
from fakes.ports.stores import FakeStore

pytestmark = pytest.mark.anyio

SCOPE = scope_of_shared("counts")


async def fill(bench: Bench) -> FakeStore:
    [store] = bench.stores.values()
    await store.do(SCOPE, {"op": "put", "key": "n", "value": 7})
    return store


async def code_of(store: FakeStore) -> str:
    return str((await store.tables.do(SCOPE, {"op": "increment", "key": "n"}))["error"]["code"])


async def test_they_go_with_the_account_and_come_back_empty() -> None:
    bench = Bench()
    key = await bench.register_key()
    store = await fill(bench)
    assert (await bench.ask("DELETE", "/me", key)).status_code == 200
    assert await code_of(store) == "STORE_CLOSED"
    assert [store.sql.execute(f"SELECT * FROM {table}") for table in ("entries", "scopes", "done")] == [[], [], []]
    await bench.register_key()
    assert await store.read(SCOPE, "n") is None


async def test_they_stay_with_a_new_token_and_go_with_the_data_key() -> None:
    bench = Bench()
    await bench.register_key()
    store = await fill(bench)
    await bench.register()
    assert await store.read(SCOPE, "n") == 7
    other = base64.b64encode(b"another-data-key".ljust(32, b"k")).decode()
    await bench.register(headers={**HEADERS, "X-Arcrun-Data-Key": other})
    assert await store.read(SCOPE, "n") is None
