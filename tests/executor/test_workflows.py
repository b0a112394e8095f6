"""Proves how workflows are stored: one token a name, a version for each change, in the documented shapes."""

import json
from typing import Any

import pytest

from arcrun.errors import ArcrunError, NotFoundError, WorkflowError
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import Plan
from executor.workflows import FRESH_MS, MAX_CACHED_WORKFLOWS, StoredWorkflow, WorkflowStore, require_same_name
from fakes.flows import compile_source, plan_of
from fakes.storage import InMemoryKV
from fakes.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

TEXT = "name: tell\nflow: [input >> PIPE >> echo]\n"
OBJECT = {"name": "tell", "flow": ["input >> PIPE >> echo"]}
STARTED = "2026-09-21T14:13:20.000Z"


class Isolate:
    """One Worker isolate's store. Isolates share the namespace and the time."""

    def __init__(self, kv: InMemoryKV | None = None, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock()
        self.kv = kv or InMemoryKV(self.clock)
        self.store = WorkflowStore(self.kv, self.clock, SeededRandom())

    def another(self) -> "Isolate":
        return Isolate(self.kv, self.clock)

    async def push(self, source: Any) -> StoredWorkflow:
        return (await self.store.save(source, compiled(source))).stored

    async def read(self, key: str) -> Any:
        return json.loads(await self.kv.get(key) or "null")


def compiled(source: Any) -> Plan:
    return require_plan(compile_source(source))


def calling(component: str, **more: Any) -> dict[str, Any]:
    return {**OBJECT, "flow": [f"input >> PIPE >> {component}"], **more}


async def code_of(awaitable: Any) -> str:
    with pytest.raises(ArcrunError) as caught:
        await awaitable
    return caught.value.code


@pytest.mark.parametrize("source", [pytest.param(TEXT, id="text"), pytest.param(OBJECT, id="object")])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_workflow_is_found_by_its_token_and_by_its_name(source: Any, elsewhere: bool) -> None:
    isolate = Isolate()
    saved = await isolate.push(source)
    store = isolate.another().store if elsewhere else isolate.store
    for found in (await store.find(saved.token), await store.find_by_name("tell")):
        assert (found.token, found.name, found.version, found.updated_at) == (saved.token, "tell", 1, STARTED)
        assert found.plan == compiled(source)
    assert (await store.find_version("tell", 1)).source == source
    assert await store.find_plan("tell") == compiled(source)


async def test_the_stored_shapes() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    plan = compiled(TEXT).to_json()
    head = {"token": saved.token, "version": 1, "latest": 1, "updated_at": STARTED, "format": 3, "calls": []}
    assert isolate.kv.keys == [f"hook:{saved.token}", "name:tell", "version:tell:000001"]
    assert await isolate.read("name:tell") == head
    assert await isolate.read("version:tell:000001") == {"source": TEXT, "plan": plan, "pushed_at": STARTED}
    assert await isolate.read(f"hook:{saved.token}") == {
        "name": "tell",
        "version": 1,
        "plan": plan,
        "updated_at": STARTED,
    }
    listed = {entry.key: entry.metadata for entry in (await isolate.kv.list("")).entries}
    size = len(await isolate.kv.get("version:tell:000001") or "")
    assert (listed["name:tell"], listed["version:tell:000001"]) == (head, {"pushed_at": STARTED, "bytes": size})


async def test_a_head_of_an_earlier_version_is_of_format_2() -> None:
    isolate = Isolate()
    head = {"token": "0" * 32, "version": 1, "latest": 1, "updated_at": STARTED}
    await isolate.kv.put("name:tell", json.dumps(head), metadata=head)
    [listed] = (await isolate.store.list_heads())[0]
    assert (listed.format, listed.calls) == (2, None)
    assert await isolate.store.find_head("tell") == listed


async def test_a_token_has_128_bits_from_the_random_port() -> None:
    saved = await Isolate().push(TEXT)
    assert saved.token == SeededRandom().token_bytes(16).hex()
    assert len(saved.token) == 32


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_workflow_that_is_pushed_again_keeps_its_token(elsewhere: bool) -> None:
    isolate = Isolate()
    first = await isolate.push(TEXT)
    isolate.clock.advance(1_500)
    second = await (isolate.another() if elsewhere else isolate).push(calling("other"))
    assert second.token == first.token
    found = await isolate.another().store.find(first.token)
    assert (found.version, [node.name for node in found.plan.nodes]) == (2, ["other"])
    assert (first.updated_at, found.updated_at) == (STARTED, "2026-09-21T14:13:21.500Z")


async def test_another_name_has_another_token() -> None:
    isolate = Isolate()
    first, second = await isolate.push(OBJECT), await isolate.push({**OBJECT, "name": "other"})
    assert first.token != second.token
    assert (await isolate.store.find(first.token)).name == "tell"


async def test_what_is_pointed_to_is_written_first() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    assert isolate.kv.writes == ["version:tell:000001", f"hook:{saved.token}", "name:tell"]


@pytest.mark.parametrize("source", [pytest.param(TEXT, id="text"), pytest.param(OBJECT, id="object")])
async def test_a_push_without_a_change_makes_no_version(source: Any) -> None:
    isolate = Isolate()
    first = await isolate.push(source)
    isolate.kv.writes.clear()
    isolate.clock.advance(10_000)
    second = await isolate.another().push(source)
    assert (second, isolate.kv.writes) == (first, [])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(TEXT + "# a comment\n", id="comment"),
        pytest.param({**OBJECT, "description": "d"}, id="description"),
        pytest.param(calling("other"), id="flow"),
    ],
)
async def test_each_change_makes_a_version(changed: Any) -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    assert (await isolate.push(changed)).version == 2
    assert [entry["version"] for entry in await isolate.store.list_versions("tell")] == [1, 2]
    assert [(await isolate.store.find_version("tell", n)).source for n in (1, 2)] == [TEXT, changed]


async def test_the_versions_of_a_workflow() -> None:
    isolate = Isolate()
    for i in range(3):
        await isolate.push(calling(f"c{i}"))
        isolate.clock.advance(1_000)
    await isolate.push({**OBJECT, "name": "tell-2"})
    assert await isolate.store.list_versions("tell") == [
        {"version": i, "pushed_at": f"2026-09-21T14:13:2{i - 1}.000Z"} for i in (1, 2, 3)
    ]


async def test_a_rollback_makes_a_version_current_again() -> None:
    isolate = Isolate()
    saved = await isolate.push(calling("old"))
    await isolate.push(calling("new"))
    isolate.clock.advance(1_000)
    rolled = await isolate.store.roll_back("tell", 1)
    assert (rolled.token, rolled.version, rolled.updated_at) == (saved.token, 1, "2026-09-21T14:13:21.000Z")
    for store in (isolate.store, isolate.another().store):
        found = await store.find(saved.token)
        assert (found.version, [node.name for node in found.plan.nodes]) == (1, ["old"])
    head = await isolate.store.require_head("tell")
    assert (head.version, head.latest) == (1, 2)


async def test_a_push_after_a_rollback_makes_the_next_version() -> None:
    isolate = Isolate()
    await isolate.push(calling("old"))
    await isolate.push(calling("new"))
    await isolate.store.roll_back("tell", 1)
    assert (await isolate.push(calling("old"))).version == 1  # it is the current one
    assert (await isolate.push(calling("new"))).version == 3  # version 2 is not
    assert (await isolate.store.require_head("tell")).latest == 3


@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        pytest.param("tell", 2, "VERSION_NOT_FOUND", id="no such version"),
        pytest.param("tell", 10**9, "VERSION_NOT_FOUND", id="far too high"),
        pytest.param("nobody", 1, "WORKFLOW_NOT_FOUND", id="no such workflow"),
    ],
)
async def test_a_rollback_to_nothing(name: str, version: int, code: str) -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    isolate.kv.writes.clear()
    assert await code_of(isolate.store.roll_back(name, version)) == code
    assert isolate.kv.writes == []


async def test_a_rotated_token_is_another_and_the_old_one_is_gone() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    rotated = await isolate.store.rotate_token(saved.token)
    assert rotated.token != saved.token
    assert (rotated.name, rotated.version, rotated.updated_at) == ("tell", 1, saved.updated_at)
    for store in (isolate.store, isolate.another().store):
        assert await code_of(store.find(saved.token)) == "WEBHOOK_NOT_FOUND"
        assert (await store.find_by_name("tell")).token == rotated.token
    assert (await isolate.push(calling("new"))).token == rotated.token


async def test_a_deleted_workflow_leaves_nothing() -> None:
    isolate = Isolate()
    other = await isolate.push({**OBJECT, "name": "tell2"})
    for i in range(3):
        saved = await isolate.push(calling(f"c{i}"))
    assert await isolate.store.delete(saved.token) == "tell"
    assert isolate.kv.keys == [f"hook:{other.token}", "name:tell2", "version:tell2:000001"]
    assert await code_of(isolate.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"
    assert await code_of(isolate.store.find_by_name("tell")) == "WORKFLOW_NOT_FOUND"


async def test_a_workflow_with_more_versions_than_a_page_is_deleted_whole() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    for i in range(2, 2_203):
        isolate.kv.upload(f"version:tell:{i:06}", "{}")
    await isolate.store.delete(saved.token)
    assert isolate.kv.keys == []


async def test_a_new_workflow_of_a_deleted_name_begins_anew() -> None:
    isolate = Isolate()
    first = await isolate.push(TEXT)
    await isolate.push(calling("new"))
    await isolate.store.delete(first.token)
    second = await isolate.push(TEXT)
    assert second.version == 1
    assert second.token != first.token


async def test_workflows_are_listed_by_name_in_one_call() -> None:
    isolate = Isolate()
    saved = {name: await isolate.push({**OBJECT, "name": name}) for name in ("b", "a", "C")}
    isolate.kv.reads.clear()
    heads, cursor = await isolate.another().store.list_heads()
    assert [(head.name, head.token, head.version, head.latest, head.updated_at) for head in heads] == [
        (name, saved[name].token, 1, 1, STARTED) for name in ("C", "a", "b")
    ]
    assert (cursor, isolate.kv.reads) == (None, [])


async def test_a_long_list_has_pages() -> None:
    isolate = Isolate()
    head = {"token": "0" * 32, "version": 1, "latest": 1, "updated_at": STARTED}
    for i in range(1_100):
        await isolate.kv.put(f"name:w{i:04}", json.dumps(head), metadata=head)
    heads, cursor = await isolate.store.list_heads()
    assert (len(heads), cursor is None) == (1_000, False)
    heads, cursor = await isolate.store.list_heads(cursor)
    assert ([head.name for head in heads][::99], cursor) == (["w1000", "w1099"], None)
    assert await isolate.store.list_names() == [f"w{i:04}" for i in range(1_100)]


@pytest.mark.parametrize(
    ("after_ms", "reads"),
    [
        pytest.param(0, 0, id="at once"),
        pytest.param(FRESH_MS - 1, 0, id="just within 5 s"),
        pytest.param(FRESH_MS, 1, id="after 5 s"),
    ],
)
async def test_a_workflow_is_kept_for_5_s(after_ms: int, reads: int) -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    isolate.kv.reads.clear()
    isolate.clock.advance(after_ms)
    await isolate.store.find(saved.token)
    assert isolate.kv.reads == [f"hook:{saved.token}"] * reads
    assert FRESH_MS == 5_000


async def test_what_was_read_again_is_kept_again() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    isolate.clock.advance(FRESH_MS)
    await isolate.store.find(saved.token)
    isolate.kv.reads.clear()
    isolate.clock.advance(FRESH_MS - 1)
    await isolate.store.find(saved.token)
    assert isolate.kv.reads == []


async def test_a_push_is_seen_at_once_where_it_was_made() -> None:
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    await isolate.store.find(saved.token)
    await isolate.push({**OBJECT, "description": "newer"})
    assert (await isolate.store.find(saved.token)).version == 2


async def test_constant_use_does_not_hold_back_a_push_made_elsewhere() -> None:
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    await isolate.another().push({**OBJECT, "description": "newer"})
    found = []
    for _ in range(6):
        isolate.clock.advance(1_000)
        found.append((await isolate.store.find(saved.token)).version)
    assert found == [1, 1, 1, 1, 2, 2]


async def test_a_workflow_that_is_gone_is_gone_after_5_s() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.another().store.delete(saved.token)
    assert (await isolate.store.find(saved.token)).name == "tell"
    isolate.clock.advance(FRESH_MS)
    for _ in range(2):
        assert await code_of(isolate.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"


async def test_the_oldest_workflows_make_room() -> None:
    isolate = Isolate()
    saved = [await isolate.push({**OBJECT, "name": f"w{i}"}) for i in range(MAX_CACHED_WORKFLOWS + 1)]
    isolate.kv.reads.clear()
    for stored in reversed(saved):
        await isolate.store.find(stored.token)
    assert isolate.kv.reads == [f"hook:{saved[0].token}"]


async def test_a_token_that_nobody_has_is_looked_up_and_not_repeated() -> None:
    isolate = Isolate()
    with pytest.raises(NotFoundError) as caught:
        await isolate.store.find("0" * 32)
    assert caught.value.to_json() == {
        "code": "WEBHOOK_NOT_FOUND",
        "message": "There is no such webhook.",
        "retriable": False,
        "next_actions": ["See the URLs: acr list. Or push the workflow again: acr push FILE."],
        "details": {},
    }
    assert isolate.kv.reads == ["hook:" + "0" * 32]


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("0" * 31, id="too short"),
        pytest.param("0" * 33, id="too long"),
        pytest.param("0" * 10_000, id="far too long"),
        pytest.param("name", id="a name"),
    ],
)
@pytest.mark.parametrize("method", ["find", "delete", "rotate_token"])
async def test_a_token_of_the_wrong_length_is_not_looked_up(token: str, method: str) -> None:
    isolate = Isolate()
    assert await code_of(getattr(isolate.store, method)(token)) == "WEBHOOK_NOT_FOUND"
    assert isolate.kv.reads == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("nobody", id="unknown"),
        pytest.param("", id="empty"),
        pytest.param("n" * 1_000, id="longer than a key can be"),
    ],
)
async def test_a_name_that_nobody_has(name: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await Isolate().store.find_by_name(name)
    assert (caught.value.code, caught.value.message) == ("WORKFLOW_NOT_FOUND", f"There is no workflow `{name}`.")
    assert caught.value.details == {"workflow": name}


async def test_a_name_whose_record_is_gone() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.kv.delete(f"hook:{saved.token}")
    assert await code_of(isolate.another().store.find_by_name("tell")) == "WEBHOOK_NOT_FOUND"


async def test_a_workflow_stored_by_another_version_of_arcrun() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    for key in (f"hook:{saved.token}", "version:tell:000001"):
        isolate.kv.upload(key, json.dumps({**await isolate.read(key), "plan": {"format": 1}}))
    other = isolate.another()
    assert await code_of(other.store.find(saved.token)) == "PLAN_OUTDATED"
    pushed = await other.push(TEXT)
    assert (pushed.token, pushed.version) == (saved.token, 2)


async def test_a_workflow_stored_by_another_version_of_arcrun_can_be_deleted() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    isolate.kv.upload(f"hook:{saved.token}", json.dumps({"name": "tell", "plan": {"format": 1}}))
    assert await isolate.another().store.delete(saved.token) == "tell"
    assert isolate.kv.keys == []


async def test_a_push_mends_a_workflow_whose_version_is_gone() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.kv.delete("version:tell:000001")
    assert (await isolate.push(TEXT)).token == saved.token
    assert (await isolate.store.find_version("tell", 2)).source == TEXT


def test_a_webhook_keeps_its_workflow() -> None:
    require_same_name("tell", compiled(TEXT))
    with pytest.raises(WorkflowError) as caught:
        require_same_name("tell", plan_of("input >> PIPE >> a"))
    assert (caught.value.code, caught.value.message) == (
        "NAME_MISMATCH",
        "The webhook is that of `tell`, and the workflow is named `w`.",
    )


async def test_all_versions_are_listed_however_many_pages_they_fill() -> None:
    isolate = Isolate()
    for number in range(1, 1_003):
        isolate.kv.upload(f"version:tell:{number:06}", "{}")
    assert [entry["version"] for entry in await isolate.store.list_versions("tell")] == list(range(1, 1_003))
