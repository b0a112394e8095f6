"""Proves that workflows stored before the Workspace work once imported, and that invisible tokens are deleted."""

import asyncio
import json
from typing import Any

import pytest

from arcrun.errors import ArcrunError
from arcrun.workflows.compile import require_plan
from executor.heads import Head
from executor.workflows import WorkflowStore
from fakes.flows import compile_source
from fakes.ports.objects import FakeWorkspace
from fakes.ports.storage import InMemoryKV, ShuffledKV
from fakes.ports.system import FixedClock, SeededRandom
from fakes.workflows import ADA, build_workflows

pytestmark = pytest.mark.anyio

BEFORE = "2026-09-01T00:00:00.000Z"


def source_of(name: str, component: str = "echo") -> dict[str, Any]:
    return {"name": name, "flow": [f"input >> PIPE >> {component}"]}


def token_of(text: str) -> str:
    return text.ljust(32, "0")


class Before:
    """A namespace as an earlier version wrote it. `store` is a new isolate's."""

    def __init__(self, subrequest_limit: int = 1_000) -> None:
        self.clock, self.workspace = FixedClock(), FakeWorkspace()
        self.kv, self._limit, self._random = InMemoryKV(self.clock), subrequest_limit, SeededRandom()

    @property
    def store(self) -> WorkflowStore:
        return self.start_isolate()

    def start_isolate(self, *, trusts_metadata: bool = True) -> WorkflowStore:
        return build_workflows(
            *(self.kv, self.workspace, self.clock, self._random, self._limit), trusts_metadata=trusts_metadata
        )

    async def put_hook(self, name: str, token: str, version: int = 1, at: str = BEFORE) -> None:
        plan = require_plan(compile_source(source_of(name))).to_json()
        hook = {"name": name, "version": version, "plan": plan, "updated_at": at}
        await self.kv.put(f"hook:{token_of(token)}", json.dumps(hook))
        record = {"source": source_of(name), "plan": plan, "pushed_at": at}
        await self.kv.put(f"version:{name}:{version:06}", json.dumps(record), metadata={"pushed_at": at, "bytes": 400})

    async def put_name(self, name: str, token: str, version: int = 1, latest: int = 1, **more: Any) -> None:
        head = {"token": token_of(token), "version": version, "latest": latest, "updated_at": BEFORE, **more}
        await self.kv.put(f"name:{name}", json.dumps(head), metadata=head)

    async def put(self, name: str, token: str, **more: Any) -> None:
        await self.put_hook(name, token)
        await self.put_name(name, token, **more)


async def code_of(awaitable: Any) -> str:
    with pytest.raises(ArcrunError) as caught:
        await awaitable
    return caught.value.code


async def test_a_webhook_of_before_runs_and_costs_its_import_once() -> None:
    before = Before()
    await before.put("tell", "a", format=3, calls=["other"])
    store = before.store
    found = await store.find(token_of("a"))
    assert (found.name, found.version, found.updated_at) == ("tell", 1, BEFORE)
    before.workspace.channel.asked.clear()
    before.kv.reads.clear()
    assert (await before.store.find(token_of("a"))) == found
    assert (before.workspace.channel.asked, before.kv.reads) == (["look"], [f"hook:{token_of('a')}"])


async def test_heads_are_listed_as_they_were() -> None:
    before = Before()
    await before.put("a", "a")
    await before.put("b", "b", latest=7, format=3, calls=["a"])
    heads, _ = await before.store.list_heads()
    assert [(head.name, head.token, head.version, head.latest, head.format, head.calls) for head in heads] == [
        ("a", token_of("a"), 1, 1, 2, None),
        ("b", token_of("b"), 1, 7, 3, ("a",)),
    ]


@pytest.mark.parametrize("first", ["find", "list", "push"])
async def test_invisible_tokens_are_deleted(first: str) -> None:
    """Ten concurrent pushes of a name left ten working tokens, and a list that showed one."""
    before = Before()
    for letter in "bcdefghij":
        await before.put_hook("tell", letter)
    await before.put("tell", "a")
    if first == "list":
        await before.store.list_heads()
    if first == "push":
        await before.store.save(source_of("tell", "new"), require_plan(compile_source(source_of("tell", "new"))), ADA)
    for letter in "bcdefghij":
        assert await code_of(before.store.find(token_of(letter))) == "WEBHOOK_NOT_FOUND"
    assert (await before.store.find(token_of("a"))).token == token_of("a")
    await before.store.list_heads()
    hooks = [key for key in before.kv.keys if key.startswith("hook:")]
    assert hooks == [f"hook:{token_of('a')}"]


@pytest.mark.parametrize("name_record", [None, "", '{"token": "x', "[]"])
@pytest.mark.parametrize("first", ["find", "find the older", "find_by_name", "list"])
async def test_a_name_without_a_head_gets_it_from_its_newest_hook(name_record: str | None, first: str) -> None:
    """After an interrupted push, or with a truncated value."""
    before = Before()
    await before.put_hook("tell", "new", version=3, at="2026-09-02T00:00:00.000Z")
    await before.put_hook("tell", "old", version=2)
    if name_record is not None:
        before.kv.upload("name:tell", name_record)
    store = before.store
    if first == "find the older":  # the order of calls must not matter
        assert await code_of(store.find(token_of("old"))) == "WEBHOOK_NOT_FOUND"
    elif first == "find_by_name":
        assert (await store.find_by_name("tell")).token == token_of("new")
    elif first == "list":
        [head] = (await store.list_heads())[0]
        assert (head.name, head.token, head.version, head.latest) == ("tell", token_of("new"), 3, 3)
    assert (await store.find(token_of("new"))).version == 3
    await before.put_hook("tell", "old", version=2)
    assert await code_of(store.find(token_of("old"))) == "WEBHOOK_NOT_FOUND"


@pytest.mark.parametrize("first", ["find", "find_by_name", "list", "push"])
async def test_what_was_deleted_stays_deleted(first: str) -> None:
    """Ten concurrent pushes left tokens that survived the deletion of their workflow, its versions and its head."""
    before = Before()
    for letter in "abc":
        await before.put_hook("tell", letter)
    await before.kv.delete("version:tell:000001")
    store = before.store
    if first == "find_by_name":
        assert await code_of(store.find_by_name("tell")) == "WORKFLOW_NOT_FOUND"
    elif first == "list":
        assert (await store.list_heads())[0] == []
    elif first == "push":
        await store.save(source_of("tell"), require_plan(compile_source(source_of("tell"))), ADA)
    for letter in "abc":
        assert await code_of(store.find(token_of(letter))) == "WEBHOOK_NOT_FOUND"
    assert [key for key in before.kv.keys if key.startswith("hook:") and key.endswith("000")] == []


async def test_an_import_leaves_a_line_if_there_was_anything() -> None:
    before = Before()
    await before.store.list_heads()
    assert before.workspace.tables.list_notes(None, 10) == []
    before = Before()
    await before.put("tell", "a")
    await before.store.list_heads()
    await before.store.list_heads()
    [note] = before.workspace.tables.list_notes(None, 10)
    assert json.loads(note["line"]) == {
        "action": "workspace.import",
        "subject": "workflows of the arcrun before",
        "key_id": "platform",
    }


@pytest.mark.parametrize("seed", range(20))
async def test_a_rotation_while_the_import_is_under_way_keeps_its_hook(seed: int) -> None:
    before = Before()
    before.kv = ShuffledKV(before.clock, seed)
    for letter in "abcdef":
        await before.put(f"w{letter}", letter)
    stores = [before.start_isolate(trusts_metadata=False) for _ in range(8)]  # so each reads every name itself
    rotations = [store.rotate_token(token_of(letter), ADA) for store, letter in zip(stores, "abcdef", strict=False)]
    rotated, *_ = await asyncio.gather(asyncio.gather(*rotations), stores[6].list_heads(), stores[7].list_heads())
    hooks = {key for key in before.kv.keys if key.startswith("hook:")}
    assert hooks == {f"hook:{head.token}" for head in rotated}


async def test_a_push_after_the_import_takes_no_number_twice() -> None:
    before = Before()
    await before.put("tell", "a", latest=1)
    await before.put_hook("tell", "lost", version=4)  # a push whose head was overwritten
    await before.put_name("tell", "a")
    saved = await before.store.save(
        source_of("tell", "new"), require_plan(compile_source(source_of("tell", "new"))), ADA
    )
    assert (saved.stored.version, saved.stored.token) == (5, token_of("a"))


async def test_versions_of_a_workflow_without_any_head_keep_their_numbers() -> None:
    before = Before()
    await before.put_hook("tell", "a", version=6)
    await before.kv.delete(f"hook:{token_of('a')}")
    saved = await before.store.save(source_of("tell"), require_plan(compile_source(source_of("tell"))), ADA)
    assert saved.stored.version == 7
    assert [entry["version"] for entry in await before.store.list_versions("tell")] == [7]


async def test_an_import_that_one_request_cannot_do_goes_on_with_the_next() -> None:
    """With 30 subrequests each pass reads ten values at most, and none is lost or imported twice."""
    before = Before(subrequest_limit=30)
    for i in range(25):
        await before.put_hook(f"w{i:02}", f"{i:02}")
        before.kv.upload(f"name:w{i:02}", json.dumps({"token": token_of(f"{i:02}"), "version": 1}))  # truncated
    heads: list[Head] = []
    codes = []
    for _ in range(10):
        try:
            heads, _ = await before.store.list_heads()
            break
        except ArcrunError as error:
            codes.append((error.code, error.http_status))
    assert (len(heads), set(codes)) == (25, {("IMPORT_UNDERWAY", 503)})
    assert [(await before.store.find(token_of(f"{i:02}"))).name for i in range(25)] == [f"w{i:02}" for i in range(25)]


async def test_what_is_put_back_after_the_import_is_not_imported() -> None:
    before = Before()
    await before.put("tell", "a")
    stolen = {key: await before.kv.get(key) for key in before.kv.keys}
    store = before.store
    await store.list_heads()
    await store.delete(token_of("a"), ADA)
    for key, value in stolen.items():
        before.kv.upload(key, value or "")
    assert await code_of(before.store.find(token_of("a"))) == "WEBHOOK_NOT_FOUND"
    assert await code_of(before.store.find_by_name("tell")) == "WORKFLOW_NOT_FOUND"
    assert (await before.store.list_heads())[0] == []
