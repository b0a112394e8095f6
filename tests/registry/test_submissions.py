"""Proves submissions over fakes: what is stored, that an interruption has no effect, and what the record contains."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import yaml

from arcrun.wasm.seal import metered_key
from fakes.ports.storage import InMemoryKV, InMemoryR2
from fakes.registry import MIA_KEY, OWNER_KEY, REVIEWER_KEY, RegistryBench
from fixtures import modules
from fixtures.bad_components import GOOD
from registry.callers import Keyring

pytestmark = pytest.mark.anyio

MODULE = modules.build_module(GOOD)
CONTRACT = modules.build_contract("echo", tags=["mirror"], description="Says what it is told.")


@pytest.fixture
async def bench() -> AsyncIterator[RegistryBench]:
    made = RegistryBench()
    yield made
    made.close()


async def send(bench: RegistryBench, method: str, path: str, key: str = OWNER_KEY, **request: Any) -> httpx.Response:
    async with bench.client(key) as client:
        return await client.request(method, path, **request)


async def submit(
    bench: RegistryBench, contract: Any = CONTRACT, module: bytes = MODULE, key: str = OWNER_KEY
) -> httpx.Response:
    text = contract if isinstance(contract, str) else json.dumps(contract)
    return await send(bench, "POST", "/submit", key, files={"contract": text.encode(), "wasm": module})


async def test_what_is_stored_of_an_accepted_component(bench: RegistryBench) -> None:
    answer = await submit(bench)
    record = answer.json()["data"]
    assert answer.status_code == 201
    text = json.dumps(CONTRACT, separators=(",", ":"), ensure_ascii=False).encode()
    assert record["sha256"] == hashlib.sha256(MODULE).hexdigest()
    assert record["contract_sha256"] == hashlib.sha256(text).hexdigest()
    stored = {key: await bench.bucket.get(key) for key in bench.bucket.keys}
    assert set(stored) == {
        f"modules/{record['sha256']}.wasm",
        metered_key(record["sha256"]),
        f"contracts/{record['contract_sha256']}.json",
    }
    assert bench.records.keys == [f"submission:{record['submission_id']}"]
    assert json.loads(await bench.records.get(bench.records.keys[0]) or "") == record


async def test_yaml_json_and_base64_are_the_same_submission(bench: RegistryBench) -> None:
    first = (await submit(bench)).json()["data"]["submission_id"]
    commented = "# a comment\n" + yaml.safe_dump(json.loads(json.dumps(CONTRACT)), sort_keys=False)  # without aliases
    body = {"contract": CONTRACT, "wasm_base64": base64.b64encode(MODULE).decode()}
    for answer in (await submit(bench, commented), await send(bench, "POST", "/submit", json=body)):
        assert (answer.status_code, answer.json()["data"]["submission_id"]) == (200, first)
    assert len(bench.records.keys) == 1


async def test_half_a_surrogate_pair_is_kept_as_it_came(bench: RegistryBench) -> None:
    contract = json.dumps({**CONTRACT, "description": "odd \ud800"})
    assert (await submit(bench, contract)).status_code == 201
    for path in ("/components/echo", "/components?q=odd"):
        assert "odd \\ud800" in (await send(bench, "GET", path)).text
    body = {"contract": "a: \ud800", "wasm_base64": ""}
    refused = await send(bench, "POST", "/submit", content=json.dumps(body))
    assert refused.json()["error"]["details"]["step"] == "contract_check"


async def test_what_an_earlier_release_metered_is_metered_when_it_comes_again(
    bench: RegistryBench,
) -> None:
    key = metered_key(hashlib.sha256(MODULE).hexdigest())
    await submit(bench)
    stored, bench.bucket = bench.bucket.objects, InMemoryR2()
    for other in stored.keys() - {key}:
        bench.bucket.upload(other, stored[other])
    assert (await submit(bench)).status_code == 200
    assert bench.bucket.objects == stored


async def test_of_a_refused_one_nothing_is_stored(bench: RegistryBench) -> None:
    answer = await submit(bench, module=modules.build_module(modules.TRAPPING))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "COMPONENT_TRAPPED")
    assert (bench.bucket.keys, bench.records.keys, bench.channel.asked) == ([], [], ["find_same"])


async def test_the_same_at_once_is_one(bench: RegistryBench) -> None:
    answers = await asyncio.gather(*(submit(bench) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["data"]["submission_id"] for answer in answers}) == 1
    assert len(bench.records.keys) == 1


async def test_of_two_contents_at_once_one_gets_the_version(bench: RegistryBench) -> None:
    other = modules.build_module(modules.printing('{"n":2}'))
    answers = await asyncio.gather(submit(bench), submit(bench, module=other))
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert len(bench.records.keys) == 1


async def test_an_interrupted_submission_has_no_effect_and_can_be_sent_again(bench: RegistryBench) -> None:
    class BrokenKV(InMemoryKV):
        async def put(self, *_args: Any, **_more: Any) -> None:
            raise ConnectionError

    whole, bench.records = bench.records, BrokenKV()
    with pytest.raises(ConnectionError):
        await submit(bench)
    bench.records = whole
    assert (await send(bench, "GET", "/components/echo")).status_code == 404
    assert (await submit(bench)).status_code == 201


async def test_statistics_are_those_of_the_owner_whoever_runs_it(bench: RegistryBench) -> None:
    submission = (await submit(bench, key=MIA_KEY)).json()["data"]["submission_id"]
    ran = {"canonical_id": "echo", "version": "v1", "success": True, "duration_ms": 3}
    await send(bench, "POST", "/analytics/record", MIA_KEY, json=ran)
    await send(bench, "POST", "/analytics/record", OWNER_KEY, json=ran)  # of an unknown component
    await send(bench, "PATCH", f"/submit/{submission}/approve", REVIEWER_KEY)
    await send(bench, "POST", "/analytics/record", OWNER_KEY, json={**ran, "success": False})
    shown = (await send(bench, "GET", "/components/echo")).json()["data"]
    assert (shown["total_runs"], shown["success_rate"], shown["avg_duration_ms"]) == (2, 0.5, 3)
    assert shown["p95_duration_ms"] == pytest.approx(3, rel=0.05)
    [version] = (await send(bench, "GET", "/components/echo/versions")).json()["data"]["versions"]
    assert version["total_runs"] == 2
    listed = (await send(bench, "GET", "/components?q=MIRROR+told&sort=runs")).json()["data"]
    assert [(it["canonical_id"], it["total_runs"]) for it in listed["components"]] == [("echo", 2)]


@pytest.mark.parametrize(
    "query",
    [
        "category=food",
        "visibility=secret",
        "sort=best",
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=-1",
        "q=" + "a" * 201,
    ],
)
async def test_a_wrong_query_is_told(bench: RegistryBench, query: str) -> None:
    assert (await send(bench, "GET", f"/components?{query}")).status_code == 400


async def test_pages_lead_to_the_end(bench: RegistryBench) -> None:
    for name in ("a", "b", "c"):
        await submit(bench, modules.build_contract(name))
    found, cursor = [], "0"
    while cursor is not None:
        page = (await send(bench, "GET", f"/components?limit=2&cursor={cursor}")).json()["data"]
        found += [component["canonical_id"] for component in page["components"]]
        cursor = page["cursor"]
    assert found == ["a", "b", "c"]


async def test_without_any_key_everything_is_refused(bench: RegistryBench) -> None:
    bench.keyring = Keyring(None, None, None)
    answer = await send(bench, "GET", "/components", "")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NOT_CONFIGURED")


@pytest.mark.parametrize("authors", ["{", "[]", "1", '{"mia": 5}', '{"mia": ""}'])
async def test_authors_that_cannot_be_read_are_told_without_a_key(bench: RegistryBench, authors: str) -> None:
    bench.keyring = Keyring(OWNER_KEY, None, authors)
    answer = await send(bench, "GET", "/components")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "NOT_CONFIGURED")
    assert (await send(bench, "GET", "/health")).status_code == 200
