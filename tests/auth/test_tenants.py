"""Proves what a tenant's API key may do, that every other key gets the same refusal, the rate limits, and that the
audit log has decisions but no secrets.
"""

import base64
import logging

import pytest

from arcrun.run_log.protocol import StoredRun
from arcrun_http.callers import name_caller
from fakes.auth import ACCOUNT, BODY, DATA_KEY, EMAIL, HEADERS, NAMESPACE, OTHER_NAMESPACE, TOKEN, Bench
from fakes.wire import UNAUTHORIZED, read_error

pytestmark = pytest.mark.anyio

ROUTES = [("GET", "/me"), ("DELETE", "/me"), ("POST", "/me/api-key/rotate")]
MALFORMED = [None, "", "ak_", "nonsense", "ak_" + "A" * 43, "Bearer x", "x" * 5_000]


async def test_what_a_tenant_sees_of_itself() -> None:
    bench = Bench()
    data = (await bench.register()).json()["data"]
    bench.clock.advance(61_000)
    answer = await bench.ask("GET", "/me", data["api_key"])
    me = answer.json()["data"]
    (key,) = me.pop("keys")
    assert me == {
        "tenant_id": data["tenant_id"],
        "email": EMAIL,
        "account_id": ACCOUNT,
        "kv_namespace_id": NAMESPACE,
        "created_at": "2026-09-21T14:13:20Z",
    }
    assert (key["created_at"], key["expires_at"], len(key["id"])) == ("2026-09-21T14:13:20Z", None, 12)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_wrong_key_gets_the_same_answer(method: str, path: str) -> None:
    bench = Bench()
    revoked = await bench.register_key()
    await bench.register()
    bench.requests._limit = 10_000
    answers = [await bench.ask(method, path, key) for key in [*MALFORMED, revoked]]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {answers[0].content}
    assert {frozenset(answer.headers.items()) for answer in answers} == {frozenset(answers[0].headers.items())}
    assert read_error(answers[0]) == UNAUTHORIZED


async def test_a_key_counts_for_its_grace_time() -> None:
    bench = Bench()
    old = await bench.register_key()
    data = (await bench.ask("POST", "/me/api-key/rotate?grace_s=120", old)).json()["data"]
    assert [key["expires_at"] for key in data["keys"]] == ["2026-09-21T14:15:20Z", None]
    assert (await bench.ask("GET", "/me", old)).status_code == 200
    bench.clock.advance(120_000)
    assert (await bench.ask("GET", "/me", old)).status_code == 401
    assert (await bench.ask("GET", "/me", data["api_key"])).status_code == 200


async def test_the_grace_time_is_an_hour_unless_told() -> None:
    bench = Bench()
    old = await bench.register_key()
    await bench.ask("POST", "/me/api-key/rotate", old)
    bench.clock.advance(3_599_999)
    assert (await bench.ask("GET", "/me", old)).status_code == 200
    bench.clock.advance(1)
    assert (await bench.ask("GET", "/me", old)).status_code == 401


async def test_without_a_grace_time_the_old_key_ends_at_once() -> None:
    bench = Bench()
    old = await bench.register_key()
    assert (await bench.ask("POST", "/me/api-key/rotate?grace_s=0", old)).status_code == 200
    assert (await bench.ask("GET", "/me", old)).status_code == 401


@pytest.mark.parametrize("grace", ["-1", "x", "86401", "1.5", "²", "9" * 5_000, ""])
async def test_a_grace_time_that_is_none(grace: str) -> None:
    bench = Bench()
    key = await bench.register_key()
    answer = await bench.ask("POST", f"/me/api-key/rotate?grace_s={grace}", key)
    assert (answer.status_code, read_error(answer)["code"]) == (400, "INVALID_REQUEST")
    assert (await bench.ask("GET", "/me", key)).status_code == 200


async def test_a_tenant_removes_all_that_is_its_own_and_nothing_else() -> None:
    bench = Bench()
    bench.cloudflare.add_namespace(ACCOUNT, OTHER_NAMESPACE)
    other = (await bench.register({**BODY, "kv_namespace_id": OTHER_NAMESPACE})).json()["data"]["api_key"]
    kept = bench.kv.keys
    key = await bench.register_key()
    answer = await bench.ask("DELETE", "/me", key)
    assert (answer.status_code, answer.json()["data"]["deleted"]) == (200, True)
    assert bench.kv.keys == kept
    assert (await bench.ask("GET", "/me", key)).status_code == 401
    assert (await bench.ask("GET", "/me", other)).status_code == 200


async def test_runs_that_last_go_with_the_account_and_come_again_with_a_registration() -> None:
    bench = Bench()
    data = (await bench.register()).json()["data"]
    log = bench.log_of(data["tenant_id"])
    assert await log.accept(build_start("0"), 10) == "stored"
    await bench.ask("DELETE", "/me", data["api_key"])
    assert (await log.find_start("0"), await log.accept(build_start("1"), 10)) == (None, "closed")
    await bench.register()
    assert await log.accept(build_start("2"), 10) == "stored"


@pytest.mark.parametrize("is_same", [True, False])
async def test_runs_that_last_end_when_another_data_key_is_registered(is_same: bool) -> None:
    bench = Bench()
    tenant_id = (await bench.register()).json()["data"]["tenant_id"]
    log = bench.log_of(tenant_id)
    await log.accept(build_start("0"), 10)
    sql = bench.workspace_of(tenant_id).sql
    sql.execute("INSERT INTO told_failures VALUES (0, 7)")
    data_key = DATA_KEY if is_same else base64.b64encode(b"another key of the tenant".ljust(32)).decode()
    assert (await bench.register(headers={**HEADERS, "X-Arcrun-Data-Key": data_key})).status_code == 201
    assert (await log.find_start("0") is not None) == is_same
    assert bool(sql.execute("SELECT * FROM told_failures")) == is_same  # a RunLog that begins anew counts from 1
    assert await log.accept(build_start("1"), 10) == "stored"


def build_start(run_id: str) -> StoredRun:
    return {
        "id": run_id,
        "workflow": "w",
        "version": 1,
        "trigger": "webhook",
        "status": "running",
        "started_at": "2026-11-27T10:00:00.000Z",
        "keep_days": 0,
        "blobs": 0,
        "result": "{}",
        "start": "sealed",
    }


@pytest.mark.parametrize("master_key", [None, "", "c2hvcnQ="])
async def test_without_a_master_key_everything_but_health_is_refused(master_key: str | None) -> None:
    bench = Bench(master_key=master_key)
    answers = [await bench.register(), *[await bench.ask(*route, "ak_x") for route in ROUTES]]
    assert [answer.status_code for answer in answers] == [503] * 4
    assert {read_error(answer)["code"] for answer in answers} <= {"MASTER_KEY_MISSING", "MASTER_KEY_INVALID"}
    assert (bench.kv.reads, bench.cloudflare.requests) == ([], [])
    assert (await bench.ask("GET", "/health", None)).status_code == 200


async def test_an_address_may_try_to_register_only_so_often() -> None:
    bench = Bench(registrations_a_minute=3)
    wrong = {**HEADERS, "CF-Api-Token": "unknown"}
    answers = [await bench.register(headers=wrong) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]
    assert (read_error(answers[-1])["code"], answers[-1].headers["retry-after"]) == ("RATE_LIMITED", "60")
    assert (await bench.register(address="192.0.2.2")).status_code == 201
    bench.clock.advance(60_000)
    assert (await bench.register()).status_code == 201


async def test_an_account_is_counted_from_every_address() -> None:
    bench = Bench(registrations_a_minute=2)
    answers = [await bench.register(address=f"192.0.2.{number}") for number in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]


async def test_nobody_uses_up_the_limit_of_another_s_account() -> None:
    bench = Bench(registrations_a_minute=2)
    wrong = {**HEADERS, "CF-Api-Token": "unknown"}
    for number in range(10):
        await bench.register(headers=wrong, address=f"192.0.2.{number}")
    assert (await bench.register(address="192.0.2.99")).status_code == 201


async def test_a_key_may_be_tried_only_so_often() -> None:
    bench = Bench(requests_a_minute=3)
    key = await bench.register_key()
    answers = [await bench.ask("GET", "/me", "ak_wrong") for _ in range(3)] + [await bench.ask("GET", "/me", key)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, "ip:unknown"),
        ("nonsense", "ip:unknown"),
        ("192.0.2.1", "ip:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "ip:2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "ip:2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "ip:192.0.2.1"),
    ],
)
def test_who_counts_as_one_caller(address: str | None, expected: str) -> None:
    assert name_caller(address) == expected


async def test_the_audit_log_names_decisions_and_no_secrets(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = Bench()
    data = (await bench.register()).json()["data"]
    await bench.register(headers={**HEADERS, "CF-Api-Token": "unknown"})
    await bench.ask("GET", "/me", "ak_wrong")
    rotated = (await bench.ask("POST", "/me/api-key/rotate", data["api_key"])).json()["data"]
    await bench.ask("DELETE", "/me", rotated["api_key"])
    records = [record for record in caplog.records if record.name.startswith("arcrun")]
    lines = [vars(record)["fields"] for record in records]
    tenant, key_ids = data["tenant_id"], [key["id"] for key in rotated["keys"]]
    assert lines == [
        {"audit": "register", "outcome": "done", "tenant": tenant, "key": key_ids[0]},
        {"audit": "register", "outcome": "TOKEN_INVALID"},
        {"audit": "authenticate", "outcome": "UNAUTHORIZED"},
        {"audit": "rotate", "outcome": "done", "tenant": tenant, "key": key_ids[1]},
        {"audit": "delete", "outcome": "done", "tenant": tenant},
    ]
    for secret in (TOKEN, EMAIL, DATA_KEY, data["api_key"], rotated["api_key"], "ak_wrong", ACCOUNT, NAMESPACE):
        assert secret not in caplog.text
