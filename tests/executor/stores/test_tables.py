"""The object that keeps stores: each operation once, sealed and within bounds, whatever comes at the same time."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.limits import STORE_DONE_DAYS
from executor.stores import tables
from executor.stores.tables import DAY_MS, MIGRATIONS, StoreTables
from fakes.ports.sql import SqliteSql
from fakes.ports.stores import DeskSealer
from fakes.ports.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

W = "workflow orders"


class World:
    def __init__(self, **options: Any) -> None:
        self.sql, self.clock, self.sealer, self.options = SqliteSql(MIGRATIONS), FixedClock(), DeskSealer(), options
        self.tables = self.start()

    def start(self) -> StoreTables:
        """A new instance of the object over what it has stored."""
        self.tables = StoreTables(self.sql, self.clock, SeededRandom(2), self.sealer, **self.options)
        return self.tables

    async def do(self, op: str, key: str = "k", scope: str = W, call: str = "", **given: Any) -> Any:
        answer = await self.tables.do(scope, {"op": op, "key": key, **given}, call)
        return answer["value"] if "value" in answer else answer["error"]["code"]

    async def page(self, scope: str = W, **given: Any) -> Mapping[str, Any]:
        listed: Mapping[str, Any] = (await self.tables.do(scope, {"op": "list", **given}))["value"]
        return listed

    async def keys(self, scope: str = W) -> list[str]:
        return sorted(each["key"] for each in (await self.page(scope))["entries"])


async def test_what_is_put_is_got_in_its_store_alone() -> None:
    world = World()
    assert await world.do("put", value={"n": [1, None, "é"]}) == {"was_there": False}
    world.start()
    assert await world.do("get") == {"found": True, "value": {"n": [1, None, "é"]}}
    assert await world.do("get", scope="workflow other") == {"found": False, "value": None}
    assert await world.do("get", scope="shared orders") == {"found": False, "value": None}
    assert await world.do("delete") == {"was_there": True}
    assert await world.keys() == []


async def test_a_thousand_increments_at_once_are_exact() -> None:
    world = World()
    values = await asyncio.gather(*(world.do("increment") for _ in range(1_000)))
    assert sorted(each["value"] for each in values) == [*range(1, 1_001)]


async def test_two_instances_of_the_object_lose_nothing() -> None:
    world = World()
    old, new = world.tables, world.start()
    asks = [each.do(W, {"op": "increment", "key": "k"}) for _ in range(100) for each in (old, new)]
    values = await asyncio.gather(*asks)
    assert sorted(each["value"]["value"] for each in values) == [*range(1, 201)]


async def test_of_many_at_once_one_is_first() -> None:
    world = World()
    found = await asyncio.gather(*(world.do("add_once") for _ in range(50)))
    assert sum(each["is_new"] for each in found) == 1


@pytest.mark.parametrize("op", ["increment", "add_once", "put", "delete", "compare_and_set"])
async def test_an_operation_is_done_once_for_its_call(op: str) -> None:
    world = World()
    if op == "delete":
        await world.do("put", value=1)
    given: dict[str, Any] = {"value": 1} if op in ("put", "compare_and_set") else {}
    first = await world.do(op, call="run 1 node", **given)
    others: dict[str, Any] = {"op": "put", "value": 2} if op == "delete" else {"op": "delete"}
    await world.do(**others)
    world.start()
    assert await world.do(op, call="run 1 node", **given) == first
    assert len(await world.keys()) == int(op == "delete")  # as others have left it
    world.clock.advance(STORE_DONE_DAYS * DAY_MS)
    assert await world.do(op, call="run 1 node", **given) == first
    assert len(await world.keys()) == int(op != "delete")


async def test_calls_at_once_of_the_same_name_do_it_once() -> None:
    world = World()
    answers = await asyncio.gather(*(world.do("increment", call="the same") for _ in range(20)))
    assert answers == [{"value": 1}] * 20


async def test_a_refusal_changes_nothing_and_is_not_kept() -> None:
    world = World()
    await world.do("put", value="text")
    assert await world.do("increment", call="c") == "NOT_A_NUMBER"
    await world.do("put", value=1)
    assert await world.do("increment", call="c") == {"value": 2}


async def test_entries_expire_and_are_deleted() -> None:
    world = World()
    for number in range(30):
        await world.do("put", f"k{number}", value=number, ttl="1s")
    await world.do("put", "stays", value=0)
    world.clock.advance(1_000)
    assert (await world.do("get", "k1"), await world.keys()) == ({"found": False, "value": None}, ["stays"])
    for _ in range(2):
        await world.do("increment", "stays")
    assert world.sql.execute("SELECT COUNT(*) AS count FROM entries") == [{"count": 1}]
    [kept], [scope] = world.sql.execute("SELECT * FROM store"), world.sql.execute("SELECT * FROM scopes")
    assert (kept["entries"], scope["entries"], kept["bytes"]) == (1, 1, scope["bytes"])


async def test_pages() -> None:
    world = World()
    for number in range(25):
        await world.do("put", f"{'ab'[number % 2]}{number:02}", value=number)
    listed, cursor, pages = list[str](), "", 0
    while pages == 0 or cursor:
        page = await world.page(limit=10, cursor=cursor)
        listed, cursor, pages = [*listed, *(each["key"] for each in page["entries"])], page["cursor"], pages + 1
    assert (sorted(listed), pages) == (sorted(f"{'ab'[number % 2]}{number:02}" for number in range(25)), 3)
    page = await world.page(prefix="b", limit=100)
    assert (len(page["entries"]), page["cursor"]) == (12, "")
    assert {each["key"][0] for each in page["entries"]} == {"b"}


async def test_a_page_with_a_prefix_looks_at_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_STORE_SCANNED", 3)
    world = World()
    for number in range(10):
        await world.do("put", f"a{number}", value=0)
    page = await world.page(prefix="b")
    assert (page["entries"], page["cursor"] != "") == ([], True)


async def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MAX_STORE_ENTRIES", 2)
    world = World()
    await world.do("put", "a", value=0)
    await world.do("increment", "b")
    assert await world.do("put", "c", value=0) == "STORE_FULL"
    assert await world.do("increment", "b") == {"value": 2}
    await world.do("delete", "a")
    assert await world.do("put", "c", value=0) == {"was_there": False}
    small = World(most_bytes=2_000)
    assert await small.do("put", value="x" * 3_000) == "STORE_FULL"
    assert await small.do("put", value="x" * 600) == {"was_there": False}
    assert await small.do("put", value="y" * 6_000) == "STORE_FULL"
    assert await small.do("get") == {"found": True, "value": "x" * 600}
    assert await small.do("put", value="") == {"was_there": True}


async def test_nothing_that_was_said_lies_in_the_database() -> None:
    world = World()
    await world.do("put", "canary-key", scope="workflow canary-name", value="canary-value", call="canary-call")
    await world.do("increment", "canary-key-2", scope="workflow canary-name", call="canary-call-2")
    stored = json.dumps(
        [world.sql.execute(f"SELECT * FROM {table}") for table in ("store", "scopes", "entries", "done")]
    )
    assert "canary" not in stored


async def test_stores_are_listed_and_purged() -> None:
    world = World()
    for scope in (W, "shared seen"):
        await world.do("put", "a", scope=scope, value=0)
        await world.do("put", "b", scope=scope, value=0)
    listed = (await world.tables.list_stores("", 10))["value"]
    assert {each["scope"]: each["entries"] for each in listed["stores"]} == {W: 2, "shared seen": 2}
    first = (await world.tables.list_stores("", 1))["value"]
    assert len((await world.tables.list_stores(first["cursor"], 10))["value"]["stores"]) == 1
    assert (await world.tables.purge(W))["value"] == {"deleted": 2}
    assert (await world.keys(), await world.keys("shared seen")) == ([], ["a", "b"])
    assert [each["scope"] for each in (await world.tables.list_stores("", 10))["value"]["stores"]] == ["shared seen"]


async def test_what_is_closed_keeps_and_takes_nothing() -> None:
    world = World()
    await world.do("put", value=1, call="c")
    await world.tables.close()
    assert await world.do("put", value=1) == "STORE_CLOSED"
    assert all(world.sql.execute(f"SELECT * FROM {table}") == [] for table in ("entries", "scopes", "done"))


async def test_an_operation_that_never_ends_does_not_stop_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the platform has ended the request that it was of."""
    monkeypatch.setattr(tables, "TURN_S", 0.01)
    world = World()
    await world.do("put", value=1)
    await world.tables._turn.acquire()
    assert await world.do("increment") == {"value": 2}
    assert await world.do("increment") == {"value": 3}
