"""Proves how workflows are stored: one token a name, kept when pushed again, in the documented shapes."""

import json
from typing import Any

import pytest
from fakes.storage import InMemoryKV
from fakes.system import FixedClock, SeededRandom

from arcrun.errors import NotFoundError
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, build_plan
from executor.webhooks import WebhookStore

pytestmark = pytest.mark.anyio

TEXT = "name: tell\nflow: [input >> PIPE >> echo]\n"
OBJECT = {"name": "tell", "flow": ["input >> PIPE >> echo"]}


class Store(WebhookStore):
    """A store over fakes."""

    kv: InMemoryKV
    clock: FixedClock


def build_store() -> Store:
    return Store(InMemoryKV(), FixedClock(), SeededRandom())


def plan_of(source: Any) -> Plan:
    return build_plan(parse_workflow(source))


@pytest.mark.parametrize("source", [pytest.param(TEXT, id="text"), pytest.param(OBJECT, id="object")])
async def test_a_workflow_is_found_by_its_token_and_by_its_name(source: Any) -> None:
    store = build_store()
    saved = await store.save(source, plan_of(source))
    for found in (await store.find(saved.token), await store.find_by_name("tell")):
        assert (found.token, found.name, found.source) == (saved.token, "tell", source)
        assert (found.updated_at, found.plan.to_json()) == (saved.updated_at, plan_of(source).to_json())


async def test_the_stored_shapes() -> None:
    store = build_store()
    saved = await store.save(TEXT, plan_of(TEXT))
    assert store.kv.keys == [f"hook:{saved.token}", "name:tell"]
    assert await store.kv.get("name:tell") == saved.token
    assert json.loads(await store.kv.get(f"hook:{saved.token}") or "") == {
        "name": "tell",
        "source": TEXT,
        "plan": plan_of(TEXT).to_json(),
        "updated_at": "2026-09-21T14:13:20.000+00:00",
    }


async def test_a_token_has_128_bits_from_the_random_port() -> None:
    saved = await build_store().save(TEXT, plan_of(TEXT))
    assert saved.token == SeededRandom().token_bytes(16).hex()
    assert len(saved.token) == 32


async def test_a_workflow_that_is_pushed_again_keeps_its_token() -> None:
    store = build_store()
    first = await store.save(TEXT, plan_of(TEXT))
    store.clock.advance(1_500)
    changed = {**OBJECT, "flow": ["input >> PIPE >> other"]}
    second = await store.save(changed, plan_of(changed))
    assert second.token == first.token
    found = await store.find(first.token)
    assert (found.source, [node.name for node in found.plan.nodes]) == (changed, ["other"])
    assert (first.updated_at, found.updated_at) == ("2026-09-21T14:13:20.000+00:00", "2026-09-21T14:13:21.500+00:00")


async def test_another_name_has_another_token() -> None:
    store = build_store()
    other = {**OBJECT, "name": "other"}
    first, second = await store.save(OBJECT, plan_of(OBJECT)), await store.save(other, plan_of(other))
    assert first.token != second.token
    assert (await store.find(first.token)).name == "tell"


async def test_the_record_is_written_before_the_name_that_points_to_it() -> None:
    store = build_store()
    saved = await store.save(TEXT, plan_of(TEXT))
    assert store.kv.writes == [f"hook:{saved.token}", "name:tell"]


async def test_a_stored_plan_runs_its_templates() -> None:
    store = build_store()
    source = {**OBJECT, "config": {"echo": {"text": "Hello {{input.name}}"}}}
    saved = await store.save(source, plan_of(source))
    [node] = (await store.find(saved.token)).plan.nodes
    assert node.resolve({"input": {"name": "Ada"}}) == {"text": "Hello Ada"}


async def test_a_token_that_nobody_has_is_looked_up_and_not_repeated() -> None:
    store = build_store()
    with pytest.raises(NotFoundError) as caught:
        await store.find("0" * 32)
    assert caught.value.to_json() == {
        "code": "WEBHOOK_NOT_FOUND",
        "message": "There is no such webhook.",
        "next_actions": ["Push the workflow again to see its URL: acr push FILE."],
        "details": {},
    }
    assert store.kv.reads == ["hook:" + "0" * 32]


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
    store = build_store()
    with pytest.raises(NotFoundError) as caught:
        await store.find(token)
    assert (caught.value.code, caught.value.message) == ("WEBHOOK_NOT_FOUND", "There is no such webhook.")
    assert store.kv.reads == []


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
        await build_store().find_by_name(name)
    assert (caught.value.code, caught.value.message) == ("WORKFLOW_NOT_FOUND", f"There is no workflow `{name}`.")
    assert caught.value.details == {"workflow": name}


async def test_a_name_whose_record_is_gone() -> None:
    store = build_store()
    saved = await store.save(TEXT, plan_of(TEXT))
    await store.kv.delete(f"hook:{saved.token}")
    with pytest.raises(NotFoundError) as caught:
        await store.find_by_name("tell")
    assert caught.value.code == "WEBHOOK_NOT_FOUND"
