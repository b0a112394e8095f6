"""Proves which tokens can register, and that a refusal names what to change and contains no secret."""

import json

import pytest

from arcrun.cloudflare.rest_client import RequestRetries
from auth.token_check import KV_GROUPS, PROBES
from fakes.auth import (
    ACCOUNT,
    BODY,
    DATA_KEY,
    EMAIL,
    HEADERS,
    NAMESPACE,
    OTHER_ACCOUNT,
    OTHER_NAMESPACE,
    TOKEN,
    Bench,
)
from fakes.cloudflare_rest.api import KV_READ, KV_WRITE, READABLE, Fault
from fakes.wire import read_error

pytestmark = pytest.mark.anyio


async def test_a_tenant_gets_its_id_and_its_key() -> None:
    bench = Bench()
    answer = await bench.register()
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    data = answer.json()["data"]
    assert answer.json() == {"success": True, "data": data}
    assert data.keys() == {"tenant_id", "api_key"}
    me = (await bench.ask("GET", "/me", data["api_key"])).json()["data"]
    assert (me["tenant_id"], me["email"]) == (data["tenant_id"], EMAIL)


async def test_the_namespace_is_tried_and_left_as_it_was() -> None:
    bench = Bench()
    await bench.register()
    assert [key.startswith("arcrun:probe:") for key in bench.tenant_kv.writes] == [True]
    assert bench.tenant_kv.keys == []


async def test_a_token_that_the_account_owns() -> None:
    bench = Bench()
    bench.cloudflare.add_token(TOKEN, ACCOUNT, owner=ACCOUNT)
    assert (await bench.register()).status_code == 201


@pytest.mark.parametrize("extra", sorted({*READABLE.values(), "Zone Read"}))
async def test_a_token_that_can_do_more_is_refused(extra: str) -> None:
    bench = Bench()
    bench.cloudflare.zones = [{"id": "z", "name": "example.com"}]
    bench.cloudflare.add_token(TOKEN, ACCOUNT, KV_WRITE, extra)
    error = read_error(await bench.register())
    assert error["code"] == "TOKEN_CAN_DO_MORE"
    named = error["details"]["permissions_to_drop"]
    assert named[0].split()[0].rstrip(":") in ("Cloudflare", extra.split(maxsplit=1)[0].rstrip(":"))
    assert set(named).isdisjoint(KV_GROUPS)
    assert all(name in error["message"] for name in named)
    assert bench.kv.keys == []


def test_every_door_is_one_that_cloudflare_has() -> None:
    assert {probe.path for probe in PROBES} == {*READABLE, "/zones"}


async def test_a_token_that_can_read_itself_names_all_that_it_can_do() -> None:
    bench = Bench()
    bench.cloudflare.add_token(TOKEN, ACCOUNT, KV_WRITE, "API Tokens Read", "DNS Write", "Queues Read")
    named = read_error(await bench.register())["details"]["permissions_to_drop"]
    assert named == ["API Tokens", "Queues", "API Tokens Read", "DNS Write", "Queues Read"]


async def test_a_list_that_everybody_gets_proves_nothing() -> None:
    bench = Bench()
    assert (await bench.register()).status_code == 201
    assert "GET /zones" in bench.cloudflare.requests


@pytest.mark.parametrize(
    ("body", "permissions", "code"),
    [
        pytest.param({}, (KV_READ,), "TOKEN_CANNOT_USE_KV", id="may only read"),
        pytest.param({}, ("DNS Write",), "TOKEN_CANNOT_USE_KV", id="may not use KV"),
        pytest.param({"kv_namespace_id": OTHER_NAMESPACE}, (), "TOKEN_CANNOT_USE_KV", id="no such namespace"),
        pytest.param({"account_id": OTHER_ACCOUNT}, (), "TOKEN_CANNOT_USE_KV", id="somebody else's account"),
    ],
)
async def test_a_token_must_be_able_to_use_the_namespace(
    body: dict[str, str], permissions: tuple[str, ...], code: str
) -> None:
    bench = Bench()
    bench.cloudflare.add_token(TOKEN, ACCOUNT, *permissions)
    bench.cloudflare.add_namespace(OTHER_ACCOUNT, NAMESPACE)
    answer = await bench.register({**BODY, **body})
    assert (answer.status_code, read_error(answer)["code"]) == (422, code)
    assert bench.kv.keys == []


@pytest.mark.parametrize("status", ["disabled", "expired"])
async def test_a_token_must_be_active(status: str) -> None:
    bench = Bench()
    bench.cloudflare.tokens[TOKEN].status = status
    assert read_error(await bench.register())["code"] == "TOKEN_INVALID"


async def test_a_token_that_cloudflare_does_not_know() -> None:
    answer = await Bench().register(headers={**HEADERS, "CF-Api-Token": "canary-unknown"})
    assert (answer.status_code, read_error(answer)["code"]) == (422, "TOKEN_INVALID")
    assert "canary" not in answer.text


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        pytest.param({"token": "canary"}, {}, "UNKNOWN_KEY", id="a token in the body"),
        pytest.param({"email": "canary"}, {}, "INVALID_REQUEST", id="no address"),
        pytest.param({}, {"CF-Api-Token": ""}, "INVALID_REQUEST", id="no token"),
        pytest.param({}, {"X-Arcrun-Data-Key": "canary"}, "INVALID_REQUEST", id="no data key"),
    ],
)
async def test_a_request_that_cannot_be_read(body: dict[str, str], headers: dict[str, str], code: str) -> None:
    bench = Bench()
    answer = await bench.register({**BODY, **body}, {**HEADERS, **headers})
    assert (answer.status_code, read_error(answer)["code"]) == (400, code)
    assert "canary" not in answer.text
    assert bench.cloudflare.requests == []


async def test_the_answer_does_not_tell_whether_an_address_is_known() -> None:
    bench = Bench()
    bench.cloudflare.add_token("t2", ACCOUNT)
    bench.cloudflare.add_namespace(ACCOUNT, OTHER_NAMESPACE)
    first = await bench.register()
    other = {**BODY, "kv_namespace_id": OTHER_NAMESPACE}
    known = await bench.register(other)
    assert [first.status_code, known.status_code] == [201, 201]
    assert known.json()["data"].keys() == first.json()["data"].keys()
    assert known.json()["data"]["tenant_id"] != first.json()["data"]["tenant_id"]


async def test_registering_again_replaces_token_and_key() -> None:
    bench = Bench()
    first = (await bench.register()).json()["data"]
    bench.cloudflare.add_token("another-token", ACCOUNT)
    again = (await bench.register(headers={**HEADERS, "CF-Api-Token": "another-token"})).json()["data"]
    assert again["tenant_id"] == first["tenant_id"]
    assert (await bench.ask("GET", "/me", first["api_key"])).status_code == 401
    assert (await bench.ask("GET", "/me", again["api_key"])).status_code == 200


async def test_cloudflare_that_does_not_answer() -> None:
    bench = Bench()
    bench.cloudflare.faults = [Fault.BAD_GATEWAY] * 1000
    answer = await bench.register()
    assert (answer.status_code, read_error(answer)["code"]) == (503, "UPSTREAM_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
    assert len(bench.cloudflare.faults) == 1000 - RequestRetries().attempts
    assert bench.kv.keys == []


async def test_a_door_that_does_not_answer_is_not_taken_for_closed() -> None:
    bench = Bench()
    before_the_doors: list[Fault | None] = [None] * 4  # for verify, write, read, delete
    bench.cloudflare.faults = [*before_the_doors, *[Fault.SERVER_ERROR] * 1000]
    assert read_error(await bench.register())["code"] == "UPSTREAM_UNAVAILABLE"
    assert bench.kv.keys == []


async def test_the_token_travels_in_a_header_to_cloudflare_only() -> None:
    bench = Bench()
    answers = [await bench.register()]
    key = answers[0].json()["data"]["api_key"]
    answers += [await bench.ask(*line, key) for line in (("GET", "/me"), ("POST", "/me/api-key/rotate"))]
    stored = json.dumps({name: await bench.kv.get(name) for name in bench.kv.keys})
    assert all(TOKEN not in line for line in bench.cloudflare.requests)
    assert all(headers["authorization"] == f"Bearer {TOKEN}" for headers in bench.cloudflare.headers)
    for text in (*(answer.text for answer in answers), stored):
        assert TOKEN not in text
        assert DATA_KEY not in text
    assert EMAIL not in stored
