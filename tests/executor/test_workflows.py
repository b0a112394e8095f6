"""Proves how workflows are stored: one token per name, one version per change, in the documented shapes."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from arcrun.errors import ArcrunError, NotFoundError, WorkflowError
from arcrun.limits import MAX_CACHED_WORKFLOWS
from arcrun.workflows.compile import require_plan
from arcrun.workflows.plan import Plan
from arcrun.yaml_text import parse_yaml
from executor.heads import FRESH_MS, STALE_MS, Head
from executor.workflows import StoredWorkflow, require_same_name
from fakes.flows import compile_source, plan_of
from fakes.ports.objects import FakeWorkspace
from fakes.ports.storage import InMemoryKV
from fakes.ports.system import FixedClock, SeededRandom
from fakes.workflows import ADA, build_workflows

pytestmark = pytest.mark.anyio

TEXT = "name: tell\nflow: [input >> PIPE >> echo]\n"
OBJECT = {"name": "tell", "flow": ["input >> PIPE >> echo"]}
STARTED = "2026-09-21T14:13:20.000Z"


@dataclass
class Isolate:
    """One Worker isolate's store. Isolates share the namespace, the Workspace and the time."""

    clock: FixedClock = field(default_factory=FixedClock)
    workspace: FakeWorkspace = field(default_factory=FakeWorkspace)
    random: SeededRandom = field(default_factory=SeededRandom)
    kv: InMemoryKV = field(default_factory=InMemoryKV)

    def __post_init__(self) -> None:
        self.store = build_workflows(self.kv, self.workspace, self.clock, self.random)

    def another(self) -> "Isolate":
        return Isolate(self.clock, self.workspace, self.random, self.kv)

    async def push(self, source: Any) -> StoredWorkflow:
        return (await self.store.save(source, compiled(source), ADA)).stored

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
    assert isolate.kv.keys == [f"hook:{saved.token}", "version:tell:000001"]
    assert await isolate.read("version:tell:000001") == {"source": TEXT, "plan": plan, "pushed_at": STARTED}
    assert await isolate.read(f"hook:{saved.token}") == {
        "name": "tell",
        "version": 1,
        "plan": plan,
        "updated_at": STARTED,
    }
    listed = {entry.key: entry.metadata for entry in (await isolate.kv.list("")).entries}
    size = len(await isolate.kv.get("version:tell:000001") or "")
    assert listed["version:tell:000001"] == {"pushed_at": STARTED, "bytes": size}
    assert await isolate.store.find_head("tell") == Head("tell", saved.token, 1, 1, 0, STARTED, 3, ())


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
    assert isolate.kv.writes == ["version:tell:000001", f"hook:{saved.token}"]


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
        pytest.param({**OBJECT, "description": "d"}, id="description"),
        pytest.param(TEXT + "description: d\n", id="description in the text"),
        pytest.param(calling("other"), id="flow"),
    ],
)
async def test_each_change_makes_a_version(changed: Any) -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    assert (await isolate.push(changed)).version == 2
    assert [entry["version"] for entry in await isolate.store.list_versions("tell")] == [1, 2]
    assert [(await isolate.store.find_version("tell", n)).source for n in (1, 2)] == [TEXT, changed]


SAME = {
    "comment": TEXT + "# a comment\n",
    "blank lines": TEXT.replace("\n", "\n\n"),
    "quotes": "name: \"tell\"\nflow:\n  - 'input >> PIPE >> echo'\n",
    "order of keys": "flow: [input >> PIPE >> echo]\nname: tell\n",
    "object": OBJECT,
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
async def test_a_push_of_the_same_meaning_makes_no_version_and_is_what_is_shown(source: Any) -> None:
    isolate = Isolate()
    first = await isolate.push(TEXT)
    before = await isolate.read("version:tell:000001")
    isolate.clock.advance(10_000)
    isolate.kv.writes.clear()
    saved = await isolate.another().store.save(source, compiled(source), ADA)
    assert (saved.stored, saved.changed, saved.rewritten) == (first, False, True)
    assert isolate.kv.writes == ["version:tell:000001"]
    assert await isolate.read("version:tell:000001") == {**before, "source": source}
    [entry] = (await isolate.kv.list("version:")).entries
    assert entry.metadata == {"pushed_at": STARTED, "bytes": len(await isolate.kv.get(entry.key) or "")}
    head = await isolate.another().store.require_head("tell")
    assert await isolate.another().store.find_source(head) == source


CONFIG = "name: tell\nflow: [input >> PIPE >> echo]\nconfig:\n  echo: {a: 1, b: 2}\n"


@pytest.mark.parametrize(
    ("changed", "is_object"),
    [
        pytest.param("{a: 1, b: 3}", False, id="a value"),
        pytest.param("{a: true, b: 2}", False, id="1 is not true"),
        pytest.param("{a: true, b: 2}", True, id="1 is not true, as an object"),
        pytest.param("{a: 1.0, b: 2}", False, id="1 is not 1.0"),
        pytest.param("{a: '1', b: 2}", False, id="quotes that make a string"),
        pytest.param("{b: 2, a: 1}", False, id="the order of what a component gets"),
    ],
)
async def test_what_a_run_would_see_is_a_change(changed: str, is_object: bool) -> None:
    isolate = Isolate()
    read = (lambda text: parse_yaml(text).value) if is_object else str
    await isolate.push(read(CONFIG))
    assert (await isolate.push(read(CONFIG.replace("{a: 1, b: 2}", changed)))).version == 2


@pytest.mark.parametrize("field", ["format", "timeout_ms"])
async def test_the_same_text_with_another_plan_is_a_change(field: str) -> None:
    """Such as after an upgrade, or with another contract."""
    isolate = Isolate()
    await isolate.push(TEXT)
    record = await isolate.read("version:tell:000001")
    record["plan"][field] = 2
    await isolate.kv.put("version:tell:000001", json.dumps(record))
    assert (await isolate.another().push(TEXT + "# a comment\n")).version == 2


async def test_the_text_of_a_version_that_is_current_again_is_replaced() -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    await isolate.push(calling("other"))
    await isolate.store.roll_back("tell", 1, ADA)
    saved = await isolate.store.save(TEXT + "# new\n", compiled(TEXT), ADA)
    assert (saved.stored.version, saved.changed) == (1, False)
    sources = [(await isolate.store.find_version("tell", number)).source for number in (1, 2)]
    assert sources == [TEXT + "# new\n", calling("other")]


async def test_a_text_that_is_replaced_while_its_workflow_is_deleted_leaves_nothing() -> None:
    isolate, other = Isolate(), None
    saved = await isolate.push(TEXT)
    other = isolate.another()
    put = isolate.kv.put

    async def put_after_the_deletion(*arguments: Any, **options: Any) -> None:
        isolate.kv.put = put  # type: ignore[method-assign]
        await other.store.delete(saved.token, ADA)
        await put(*arguments, **options)

    isolate.kv.put = put_after_the_deletion  # type: ignore[method-assign]
    await isolate.push(TEXT + "# new\n")
    assert [key for key in isolate.kv.keys if key.startswith("version:")] == []


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
    rolled = await isolate.store.roll_back("tell", 1, ADA)
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
    await isolate.store.roll_back("tell", 1, ADA)
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
    assert await code_of(isolate.store.roll_back(name, version, ADA)) == code
    assert isolate.kv.writes == []


async def test_a_rotated_token_is_another_and_the_old_one_is_gone() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    rotated = await isolate.store.rotate_token(saved.token, ADA)
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
    assert await isolate.store.delete(saved.token, ADA) == "tell"
    assert isolate.kv.keys == [f"hook:{other.token}", "version:tell2:000001"]
    assert await code_of(isolate.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"
    assert await code_of(isolate.store.find_by_name("tell")) == "WORKFLOW_NOT_FOUND"


async def test_a_workflow_with_more_versions_than_a_page_is_deleted_whole() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    for _ in range(2, 1_103):
        number = (await isolate.workspace.reserve("tell", 0))["number"]
        isolate.kv.upload(f"version:tell:{number:06}", "{}")
    await isolate.store.delete(saved.token, ADA)
    assert isolate.kv.keys == []


async def test_a_new_workflow_of_a_deleted_name_has_another_token_and_no_number_twice() -> None:
    isolate = Isolate()
    first = await isolate.push(TEXT)
    await isolate.push(calling("new"))
    await isolate.store.delete(first.token, ADA)
    second = await isolate.push(TEXT)
    assert second.version == 3
    assert second.token != first.token
    assert [entry["version"] for entry in await isolate.store.list_versions("tell")] == [3]
    assert await code_of(isolate.store.find_version("tell", 1)) == "VERSION_NOT_FOUND"


async def test_workflows_are_listed_by_name_without_a_read_of_kv() -> None:
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
    heads = [Head(f"w{i:04}", f"{i:032}", 1, 1, 0, STARTED, 3) for i in range(1_100)]
    await isolate.store._heads.import_some(heads, {"at": STARTED, "line": "{}"}, is_complete=True)
    page, cursor = await isolate.store.list_heads()
    assert (len(page), cursor) == (1_000, "w0999")
    page, cursor = await isolate.store.list_heads(cursor)
    assert ([head.name for head in page][::99], cursor) == (["w1000", "w1099"], None)
    assert await isolate.store.list_names() == [head.name for head in heads]


@pytest.mark.parametrize(
    ("after_ms", "asked"),
    [
        pytest.param(0, [], id="at once"),
        pytest.param(FRESH_MS - 1, [], id="just within 30 s"),
        pytest.param(FRESH_MS, ["look"], id="after 30 s"),
    ],
)
async def test_a_head_is_kept_for_30_s_and_a_plan_for_as_long_as_it_is_the_head_s(
    after_ms: int, asked: list[str]
) -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.store.find(saved.token)
    isolate.kv.reads.clear()
    isolate.workspace.channel.asked.clear()
    isolate.clock.advance(after_ms)
    await isolate.store.find(saved.token)
    assert (isolate.kv.reads, isolate.workspace.channel.asked) == ([], asked)
    assert FRESH_MS == 30_000


async def test_a_push_is_seen_at_once_where_it_was_made() -> None:
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    await isolate.store.find(saved.token)
    await isolate.push({**OBJECT, "description": "newer"})
    assert (await isolate.store.find(saved.token)).version == 2


async def test_constant_use_does_not_hold_back_a_push_made_elsewhere() -> None:
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    await isolate.store.find(saved.token)
    await isolate.another().push({**OBJECT, "description": "newer"})
    found = []
    for _ in range(6):
        isolate.clock.advance(FRESH_MS / 5)
        found.append((await isolate.store.find(saved.token)).version)
    assert found == [1, 1, 1, 1, 2, 2]


async def test_a_version_that_kv_shows_late_is_read_by_its_number() -> None:
    """KV may show the old hook for a minute; the head has precedence."""
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    before = await isolate.kv.get(f"hook:{saved.token}")
    await isolate.push({**OBJECT, "description": "newer"})
    isolate.kv.upload(f"hook:{saved.token}", before or "")
    assert (await isolate.another().store.find(saved.token)).version == 2


@pytest.mark.parametrize("change", ["delete", "rotate_token"])
async def test_a_token_that_is_gone_is_gone_elsewhere_after_30_s(change: str) -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.store.find(saved.token)
    await getattr(isolate.another().store, change)(saved.token, ADA)
    assert (await isolate.store.find(saved.token)).name == "tell"
    isolate.clock.advance(FRESH_MS)
    for _ in range(2):
        assert await code_of(isolate.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"


async def test_a_new_token_works_at_once_where_the_old_one_was_known() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.store.find(saved.token)
    rotated = await isolate.another().store.rotate_token(saved.token, ADA)
    assert (await isolate.store.find(rotated.token)).token == rotated.token


async def test_a_dead_token_does_not_ask_the_workspace_each_time() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    hook = await isolate.kv.get(f"hook:{saved.token}")
    await isolate.store.rotate_token(saved.token, ADA)
    isolate.kv.upload(f"hook:{saved.token}", hook or "")
    isolate.workspace.channel.asked.clear()
    for _ in range(5):
        assert await code_of(isolate.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"
    assert isolate.workspace.channel.asked == ["look"]


async def test_values_that_are_put_back_revive_nothing() -> None:
    """Anyone with write access to the namespace can restore every value that was ever in it."""
    isolate = Isolate()
    ever: dict[str, set[str]] = {}

    async def remember() -> None:
        for key in isolate.kv.keys:
            ever.setdefault(key, set()).add(await isolate.kv.get(key) or "")

    tokens = [(await isolate.push(OBJECT)).token]
    await remember()
    await isolate.push(calling("other"))
    await remember()
    tokens.append((await isolate.store.rotate_token(tokens[-1], ADA)).token)
    await remember()
    await isolate.store.delete(tokens[-1], ADA)
    tokens.append((await isolate.push(calling("third"))).token)
    live = tokens[-1]
    isolate.clock.advance(FRESH_MS)
    assert len(set(tokens)) == 3
    for key, values in ever.items():
        for value in values:
            isolate.kv.upload(key, value)
            for store in (isolate.store, isolate.another().store):
                for token in tokens[:-1]:
                    assert await code_of(store.find(token)) == "WEBHOOK_NOT_FOUND"
                found = await store.find(live)
                assert (found.version, [node.name for node in found.plan.nodes]) == (3, ["third"])


async def test_what_was_known_counts_for_an_hour_while_the_workspace_is_down() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.store.find(saved.token)
    isolate.workspace.channel.is_down = True
    isolate.clock.advance(STALE_MS - 1)
    assert (await isolate.store.find(saved.token)).version == 1
    assert await code_of(isolate.another().store.find(saved.token)) == "OBJECT_UNAVAILABLE"
    isolate.clock.advance(1)
    assert await code_of(isolate.store.find(saved.token)) == "OBJECT_UNAVAILABLE"
    isolate.workspace.channel.is_down = False
    assert (await isolate.store.find(saved.token)).version == 1


@pytest.mark.parametrize("cut", ["", "{", '{"name": "tell"', "[]", "null", '{"name": 5}'])
async def test_a_value_that_was_cut_off_counts_as_not_there_and_a_push_mends_it(cut: str) -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    isolate.kv.upload(f"hook:{saved.token}", cut)
    other = isolate.another()
    for store in (other.store, isolate.another().store):  # by the head that names the token
        assert (await store.find(saved.token)).version == 1
    assert (await other.push(TEXT)) == saved
    assert (await isolate.read(f"hook:{saved.token}"))["version"] == 1
    for key in (f"hook:{saved.token}", "version:tell:000001"):
        isolate.kv.upload(key, cut)
    assert await code_of(isolate.another().store.find_by_name("tell")) == "VERSION_UNREADABLE"
    assert (await isolate.another().push(TEXT)).version == 2
    assert (await isolate.another().store.find(saved.token)).version == 2


@pytest.mark.parametrize("change", ["find", "rotate_token", "delete", "find_name"])
async def test_a_token_that_kv_has_lost_is_found_by_its_head(change: str) -> None:
    """KV may be behind, or a rotation was interrupted before the write."""
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.kv.delete(f"hook:{saved.token}")
    store = isolate.another().store
    method = getattr(store, change)
    found = await (method(saved.token) if change in ("find", "find_name") else method(saved.token, ADA))
    if change == "find":
        assert (found.name, found.version, found.plan) == ("tell", 1, compiled(TEXT))
    elif change == "rotate_token":
        assert (await isolate.another().store.find(found.token)).version == 1
    else:
        assert found == "tell"
    if change == "delete":
        assert isolate.kv.keys == []


async def test_made_up_tokens_keep_the_workspace_busy_five_times_a_second_at_most() -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    isolate.workspace.channel.asked.clear()
    for i in range(100):
        assert await code_of(isolate.store.find(f"{i:032}")) == "WEBHOOK_NOT_FOUND"
        isolate.clock.advance(10)
    assert len(isolate.workspace.channel.asked) <= 6


async def test_whoever_comes_second_with_a_token_is_told_that_it_has_been_replaced() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    hook = await isolate.kv.get(f"hook:{saved.token}")
    await isolate.store.rotate_token(saved.token, ADA)
    isolate.kv.upload(f"hook:{saved.token}", hook or "")  # as another location may still see it
    other = isolate.another().store
    assert await code_of(other.rotate_token(saved.token, ADA)) == "TOKEN_REPLACED"
    assert await code_of(other.delete(saved.token, ADA)) == "TOKEN_REPLACED"
    assert await code_of(other.find(saved.token)) == "WEBHOOK_NOT_FOUND"


async def test_a_version_whose_push_has_not_ended_is_none() -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    number = (await isolate.workspace.reserve("tell", 0))["number"]
    isolate.kv.upload(f"version:tell:{number:06}", await isolate.kv.get("version:tell:000001") or "")
    store = isolate.another().store
    assert [entry["version"] for entry in await store.list_versions("tell")] == [1]
    assert await code_of(store.roll_back("tell", number, ADA)) == "VERSION_NOT_FOUND"
    assert await code_of(store.find_version("tell", number)) == "VERSION_NOT_FOUND"
    assert (await isolate.push(calling("new"))).version == number + 1


async def test_a_rotation_of_a_workflow_that_cannot_be_run_any_more() -> None:
    """Its token must still be revoked."""
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    for key in (f"hook:{saved.token}", "version:tell:000001"):
        isolate.kv.upload(key, json.dumps({**await isolate.read(key), "plan": {"format": 1}}))
    other = isolate.another()
    rotated = await other.store.rotate_token(saved.token, ADA)
    assert await code_of(other.store.find(saved.token)) == "WEBHOOK_NOT_FOUND"
    assert await code_of(other.store.find(rotated.token)) == "PLAN_OUTDATED"


async def test_a_deletion_that_was_interrupted_is_finished_by_a_second_one() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.push(calling("new"))
    kept = {key: await isolate.kv.get(key) for key in isolate.kv.keys}
    await isolate.store.delete(saved.token, ADA)
    for key, value in kept.items():
        isolate.kv.upload(key, value or "")
    assert await isolate.another().store.delete(saved.token, ADA) == "tell"
    assert isolate.kv.keys == []


async def test_the_oldest_workflows_make_room() -> None:
    isolate = Isolate()
    saved = [await isolate.push({**OBJECT, "name": f"w{i}"}) for i in range(MAX_CACHED_WORKFLOWS + 1)]
    isolate.kv.reads.clear()
    for stored in saved:
        await isolate.store.find(stored.token)
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
        "next_actions": ["List the URLs: acr list. Or push the workflow again: acr push FILE"],
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
    more = () if method == "find" else (ADA,)
    assert await code_of(getattr(isolate.store, method)(token, *more)) == "WEBHOOK_NOT_FOUND"
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
    assert await isolate.another().store.delete(saved.token, ADA) == "tell"
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
        "The webhook belongs to `tell`, but the workflow is named `w`.",
    )


async def test_all_versions_are_listed_however_many_pages_they_fill() -> None:
    isolate = Isolate()
    await isolate.push(TEXT)
    for _ in range(2, 1_003):
        number = (await isolate.workspace.reserve("tell", 0))["number"]
        isolate.kv.upload(f"version:tell:{number:06}", "{}")
    isolate.workspace.sql.execute("DELETE FROM pending")  # as if each had been pushed
    assert [entry["version"] for entry in await isolate.store.list_versions("tell")] == list(range(1, 1_003))
