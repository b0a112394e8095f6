"""Stores in memory do what those of the platform do: the same operations on both have the same answers."""

import random
from typing import Any

import pytest

from arcrun.errors import HostFunctionError
from arcrun.store.memory import MemoryStores
from fakes.ports.searches import examples
from fakes.ports.stores import FakeStore
from fakes.ports.system import FixedClock

pytestmark = pytest.mark.anyio

SCOPE, KEYS = "shared s", ("a", "b", "ab")


def draw(chance: random.Random) -> dict[str, Any]:
    op = chance.choice(("get", "put", "delete", "increment", "add_once", "compare_and_set", "list"))
    if op == "list":
        return {"op": op, "prefix": chance.choice(("", "a", "c"))}
    given: dict[str, Any] = {"op": op, "key": chance.choice(KEYS)}
    if op in ("put", "compare_and_set"):
        given["value"] = chance.choice((1, "x", None, True, [1, {"a": 1.0}]))
    if op == "compare_and_set" and chance.random() < 0.7:
        given["expected"] = chance.choice((1, 1.0, True, "x", None))
    if op not in ("get", "delete") and chance.random() < 0.3:
        given["ttl"] = chance.choice(("1s", "10s"))
    return given


async def answer_of(stores: Any, given: dict[str, Any], call: str) -> Any:
    try:
        answer = await stores.do(SCOPE, given, call)
    except HostFunctionError as error:
        return error.code
    return sorted(each["key"] for each in answer["entries"]) if given["op"] == "list" else answer


@pytest.mark.parametrize("seed", range(examples(20)))
async def test_both_answer_the_same(seed: int) -> None:
    chance, clock = random.Random(seed), FixedClock()
    memory, platform = MemoryStores(clock), FakeStore(clock)
    for number in range(60):
        given, call = draw(chance), chance.choice(("", f"call {number}", f"call {chance.randrange(8)}"))
        assert await answer_of(memory, given, call) == await answer_of(platform, given, call), given
        clock.advance(chance.choice((0, 0, 500)))


async def test_pages_of_both_need_a_cursor_of_theirs() -> None:
    clock = FixedClock()
    for stores in (MemoryStores(clock), FakeStore(clock)):
        for number in range(5):
            await stores.do(SCOPE, {"op": "put", "key": f"é{number}", "value": 0})
        found, cursor = list[str](), ""
        for _ in range(3):
            page = await stores.do(SCOPE, {"op": "list", "limit": 2, "cursor": cursor})
            found, cursor = [*found, *(each["key"] for each in page["entries"])], page["cursor"]
        assert (sorted(found), cursor) == ([f"é{number}" for number in range(5)], "")
        with pytest.raises(HostFunctionError, match="`cursor` is none that a list"):
            await stores.do(SCOPE, {"op": "list", "cursor": "é1"})
