"""Proves how workflows are stored: one token a name, kept when pushed again, in the documented shapes."""

import json
from typing import Any

import pytest

from arcrun.errors import NotFoundError
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, build_plan
from executor.webhooks import FRESH_MS, MAX_CACHED_WEBHOOKS, Webhook, WebhookStore
from fakes.storage import InMemoryKV
from fakes.system import FixedClock, SeededRandom

pytestmark = pytest.mark.anyio

TEXT = "name: tell\nflow: [input >> PIPE >> echo]\n"
OBJECT = {"name": "tell", "flow": ["input >> PIPE >> echo"]}


class Isolate:
    """One Worker isolate's store. Isolates share the namespace and the time."""

    def __init__(self, kv: InMemoryKV | None = None, clock: FixedClock | None = None) -> None:
        self.clock = clock or FixedClock()
        self.kv = kv or InMemoryKV(self.clock)
        self.store = WebhookStore(self.kv, self.clock, SeededRandom())

    def another(self) -> "Isolate":
        return Isolate(self.kv, self.clock)

    async def push(self, source: Any) -> Webhook:
        return await self.store.save(source, plan_of(source))


def plan_of(source: Any) -> Plan:
    return build_plan(parse_workflow(source))


@pytest.mark.parametrize("source", [pytest.param(TEXT, id="text"), pytest.param(OBJECT, id="object")])
@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_workflow_is_found_by_its_token_and_by_its_name(source: Any, elsewhere: bool) -> None:
    isolate = Isolate()
    saved = await isolate.push(source)
    store = isolate.another().store if elsewhere else isolate.store
    for found in (await store.find(saved.token), await store.find_by_name("tell")):
        assert (found.token, found.name, found.source) == (saved.token, "tell", source)
        assert (found.updated_at, found.plan.to_json()) == (saved.updated_at, plan_of(source).to_json())


async def test_the_stored_shapes() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    assert isolate.kv.keys == [f"hook:{saved.token}", "name:tell"]
    assert await isolate.kv.get("name:tell") == saved.token
    assert json.loads(await isolate.kv.get(f"hook:{saved.token}") or "") == {
        "name": "tell",
        "source": TEXT,
        "plan": plan_of(TEXT).to_json(),
        "updated_at": "2026-09-21T14:13:20.000+00:00",
    }


async def test_a_token_has_128_bits_from_the_random_port() -> None:
    saved = await Isolate().push(TEXT)
    assert saved.token == SeededRandom().token_bytes(16).hex()
    assert len(saved.token) == 32


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_workflow_that_is_pushed_again_keeps_its_token(elsewhere: bool) -> None:
    isolate = Isolate()
    first = await isolate.push(TEXT)
    isolate.clock.advance(1_500)
    changed = {**OBJECT, "flow": ["input >> PIPE >> other"]}
    second = await (isolate.another() if elsewhere else isolate).push(changed)
    assert second.token == first.token
    found = await isolate.another().store.find(first.token)
    assert (found.source, [node.name for node in found.plan.nodes]) == (changed, ["other"])
    assert (first.updated_at, found.updated_at) == ("2026-09-21T14:13:20.000+00:00", "2026-09-21T14:13:21.500+00:00")


async def test_another_name_has_another_token() -> None:
    isolate = Isolate()
    first, second = await isolate.push(OBJECT), await isolate.push({**OBJECT, "name": "other"})
    assert first.token != second.token
    assert (await isolate.store.find(first.token)).name == "tell"


async def test_the_record_is_written_before_the_name_that_points_to_it() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    assert isolate.kv.writes == [f"hook:{saved.token}", "name:tell"]


async def test_a_stored_plan_runs_its_templates() -> None:
    isolate = Isolate()
    saved = await isolate.push({**OBJECT, "config": {"echo": {"text": "Hello {{input.name}}"}}})
    [node] = (await isolate.another().store.find(saved.token)).plan.nodes
    assert node.resolve({"input": {"name": "Ada"}}) == {"text": "Hello Ada"}


@pytest.mark.parametrize(
    ("after_ms", "reads"),
    [
        pytest.param(0, 0, id="at once"),
        pytest.param(FRESH_MS - 1, 0, id="just within 5 s"),
        pytest.param(FRESH_MS, 1, id="after 5 s"),
    ],
)
async def test_a_webhook_is_kept_for_5_s(after_ms: int, reads: int) -> None:
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
    assert (await isolate.store.find(saved.token)).source == {**OBJECT, "description": "newer"}


async def test_constant_use_does_not_hold_back_a_push_made_elsewhere() -> None:
    isolate = Isolate()
    saved = await isolate.push(OBJECT)
    await isolate.another().push({**OBJECT, "description": "newer"})
    found = []
    for _ in range(6):
        isolate.clock.advance(1_000)
        found.append((await isolate.store.find(saved.token)).source)
    assert [source == OBJECT for source in found] == [True, True, True, True, False, False]


async def test_a_webhook_that_is_gone_is_gone_after_5_s() -> None:
    isolate = Isolate()
    saved = await isolate.push(TEXT)
    await isolate.kv.delete(f"hook:{saved.token}")
    assert (await isolate.store.find(saved.token)).name == "tell"
    isolate.clock.advance(FRESH_MS)
    for _ in range(2):
        with pytest.raises(NotFoundError):
            await isolate.store.find(saved.token)


async def test_the_oldest_webhooks_make_room() -> None:
    isolate = Isolate()
    saved = [await isolate.push({**OBJECT, "name": f"w{i}"}) for i in range(MAX_CACHED_WEBHOOKS + 1)]
    isolate.kv.reads.clear()
    for webhook in reversed(saved):
        await isolate.store.find(webhook.token)
    assert isolate.kv.reads == [f"hook:{saved[0].token}"]


async def test_a_token_that_nobody_has_is_looked_up_and_not_repeated() -> None:
    isolate = Isolate()
    with pytest.raises(NotFoundError) as caught:
        await isolate.store.find("0" * 32)
    assert caught.value.to_json() == {
        "code": "WEBHOOK_NOT_FOUND",
        "message": "There is no such webhook.",
        "next_actions": ["Push the workflow again to see its URL: acr push FILE."],
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
async def test_a_token_of_the_wrong_length_is_not_looked_up(token: str) -> None:
    isolate = Isolate()
    with pytest.raises(NotFoundError) as caught:
        await isolate.store.find(token)
    assert (caught.value.code, caught.value.message) == ("WEBHOOK_NOT_FOUND", "There is no such webhook.")
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
    with pytest.raises(NotFoundError) as caught:
        await isolate.another().store.find_by_name("tell")
    assert caught.value.code == "WEBHOOK_NOT_FOUND"
