"""Proves that workflows of tenants start by themselves as those of an account's own platform do: at their times, after
failures and successes of quick and accepted runs, by messages; within the tenant's limits, sealed, invisible to other
tenants, not delayed by them, and gone with the tenant.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from arcrun.accounts.limits import StartLimits, TenantLimits
from arcrun.errors import ConflictError, DecryptionError, UpstreamError
from arcrun.limits import MAX_GONE_MS, MAX_TENANT_FIRINGS, MAX_TENANT_MAILBOX_CHARACTERS
from executor import workspace
from executor.keys.recent import FRESH_MS
from executor.mail.receiving import MessageDelayedError, Refused, Taken, receive
from executor.records.closing import AGAIN_MS
from executor.schedules.tables import RETRY_MS
from fakes.components import echo, exited
from fakes.cron import cron
from fakes.instances import FakeInstances
from fakes.ports.mail import FakeDelivery
from fakes.tenants import HostedBench, build_hosted, registration_of
from fixtures.alarms import BROKEN
from fixtures.hosted_alarms import list_alarms, live, ring_workspace

pytestmark = pytest.mark.anyio

MINUTE_MS, HOUR_MS = 60_000.0, 3_600_000.0
CANARY = "c4n4ry"
SCRIPT: Mapping[str, Any] = {"tell": echo, "fail": exited(BROKEN), "cron": cron}
A, B = (registration_of(letter).tenant_id for letter in "ab")
LARGE = bytes(range(256)) * 2_000


def flow(name: str, component: str = "tell", text: str = "{{input | json}}", **more: Any) -> dict[str, Any]:
    config = {"a": {"component": component, "text": text}}
    return {"name": name, "flow": ["input >> PIPE >> a"], "config": config, **more}


def scheduled(name: str, *schedules: dict[str, Any], **more: Any) -> dict[str, Any]:
    return flow(name, triggers={"schedule": [*schedules]}, **more)


@pytest.fixture
async def bench() -> HostedBench:
    return await build_hosted(SCRIPT, instances=FakeInstances())


async def with_limits(**limits: Any) -> HostedBench:
    starts = StartLimits(**limits)
    return await build_hosted(
        SCRIPT, instances=FakeInstances(), limits=TenantLimits(burst_requests=100_000, starts=starts)
    )


async def ask(bench: HostedBench, method: str, path: str, body: Any = None, letter: str = "a") -> dict[str, Any]:
    answer = await bench.ask(method, path, bench.keys[letter], body)
    return {"status": answer.status_code, **answer.json()}


async def push(bench: HostedBench, source: Mapping[str, Any], letter: str = "a") -> dict[str, Any]:
    answer = await ask(bench, "POST", "/webhooks", {"workflow": source}, letter)
    assert answer["status"] in (200, 201), answer
    data: dict[str, Any] = answer["data"]
    return data


async def list_runs(bench: HostedBench, query: str = "", letter: str = "a") -> list[dict[str, Any]]:
    """Their records, oldest first."""
    found: list[Any] = []
    cursor = ""
    while True:
        page = (await ask(bench, "GET", f"/runs?limit=100{query}{cursor}", letter=letter))["data"]
        found += page["runs"]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"
    return [(await ask(bench, "GET", f"/runs/{each['run_id']}", letter=letter))["data"] for each in reversed(found)]


def at_rest(bench: HostedBench) -> str:
    """All that is stored outside the tenants' own namespaces, as text."""
    tables = []
    databases = [*(each.sql for each in bench.workspaces.values()), *(each.sql[0] for each in bench.logs.values())]
    for sql in databases:
        names = sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables += [sql.execute(f"SELECT * FROM {row['name']}") for row in names]
    assert bench.instances is not None
    blobs = [repr(content) for content in bench.bucket.objects.values()]
    return json.dumps([tables, blobs, [*bench.instances.params.values()]], default=repr)


async def test_each_tenants_schedules_start_its_own_runs(bench: HostedBench) -> None:
    await push(bench, scheduled("hourly", {"every": "1h", "input": {"of": "a"}}))
    await push(bench, scheduled("hourly", {"every": "1h", "input": {"of": "b"}}, {"every": "30m"}), "b")
    await live(bench, 2 * HOUR_MS + 2_000)
    own, others = await list_runs(bench), await list_runs(bench, letter="b")
    assert [run["status"] for run in own] == ["success"] * 2
    assert [run["data"] for run in own] == [{"text": '{"of":"a"}'}] * 2
    assert sorted(run["data"]["text"] for run in others) == ['{"of":"b"}'] * 2 + ["{}"] * 4
    for run in own:
        assert (await ask(bench, "GET", f"/runs/{run['run_id']}", letter="b"))["status"] == 404


async def test_a_cron_expression_in_a_zone_and_what_is_shown_of_it(bench: HostedBench) -> None:
    pushed = await push(bench, scheduled("daily", {"cron": "0 9 * * *", "zone": "Europe/Berlin"}))
    [told] = pushed["schedules"]
    assert (told["workflow"], told["cron"], told["zone"], len(told["next"])) == (
        *("daily", "0 9 * * *", "Europe/Berlin"),
        5,
    )
    await live(bench, 25 * HOUR_MS)
    [shown] = (await ask(bench, "GET", "/schedules"))["data"]["schedules"]
    [run] = await list_runs(bench)
    assert (shown["last_run_id"], shown["workflow"], shown["missed"]) == (run["run_id"], "daily", 0)
    assert (await ask(bench, "GET", "/schedules", letter="b"))["data"]["schedules"] == []


async def test_schedules_are_paused_resumed_run_and_replaced(bench: HostedBench) -> None:
    await push(bench, scheduled("w", {"every": "1h"}))
    [paused] = (await ask(bench, "POST", "/schedules/w/pause", {}))["data"]["schedules"]
    await live(bench, 3 * HOUR_MS)
    assert (paused["paused"], await list_runs(bench)) == (True, [])
    [resumed] = (await ask(bench, "POST", "/schedules/w/resume", {}))["data"]["schedules"]
    await live(bench, HOUR_MS + 2_000)
    assert (resumed["paused"], len(await list_runs(bench))) == (False, 1)
    assert (await ask(bench, "POST", "/schedules/w/run", {}))["status"] == 202
    await push(bench, flow("w"))
    await live(bench, 3 * HOUR_MS)
    assert len(await list_runs(bench)) == 2
    assert (await ask(bench, "POST", "/schedules/w/pause", {}))["error"]["code"] == "NO_SCHEDULES"


async def test_pages_of_schedules(bench: HostedBench) -> None:
    for number in range(25):
        await push(bench, scheduled(f"w{number}", {"every": "1h"}))
    first = (await ask(bench, "GET", "/schedules"))["data"]
    rest = (await ask(bench, "GET", f"/schedules?cursor={first['cursor']}"))["data"]
    names = [each["workflow"] for each in (*first["schedules"], *rest["schedules"])]
    assert ({*names}, len(names), rest["cursor"]) == ({f"w{number}" for number in range(25)}, 25, None)


async def test_a_push_of_too_many_is_refused_and_leaves_nothing() -> None:
    bench = await with_limits(schedules=3)
    await push(bench, scheduled("one", {"every": "1h"}, {"every": "2h"}))
    refused = await ask(bench, "POST", "/webhooks", {"workflow": scheduled("two", {"every": "1h"}, {"every": "3h"})})
    assert (refused["status"], refused["error"]["code"]) == (409, "SCHEDULE_LIMIT")
    assert [each["name"] for each in (await ask(bench, "GET", "/webhooks"))["data"]["workflows"]] == ["one"]
    assert [key for key in bench.kv_of("a").keys if "two" in key] == []
    await push(bench, scheduled("one", {"every": "1h"}, {"every": "2h"}, {"every": "3h"}))
    await push(bench, scheduled("two", {"every": "1h"}), "b")
    await push(bench, flow("one"))
    await push(bench, scheduled("two", {"every": "1h"}))
    rolled = await ask(bench, "POST", "/webhooks/named/one/rollback", {"version": 2})
    assert (rolled["status"], rolled["error"]["code"]) == (409, "SCHEDULE_LIMIT")


@pytest.mark.parametrize(
    ("schedule", "is_refused"),
    [
        ({"every": "5m"}, True),
        ({"every": "15m"}, False),
        ({"cron": "*/5 * * * *"}, True),
        ({"cron": "0,10 9 * * *"}, True),
        ({"cron": "0 * * * *"}, False),
        ({"at": "2040-01-01T00:00"}, False),
    ],
)
async def test_the_shortest_interval(schedule: dict[str, Any], is_refused: bool) -> None:
    bench = await with_limits(interval_ms=15 * 60_000)
    answer = await ask(bench, "POST", "/webhooks", {"workflow": scheduled("w", schedule)})
    code = answer["error"]["code"] if is_refused else None
    assert (answer["status"], code) == ((422, "SCHEDULE_TOO_OFTEN") if is_refused else (201, None))


async def test_so_many_start_in_a_minute_and_the_rest_by_their_own_rules() -> None:
    bench = await with_limits(a_minute=3)
    every = {"every": "1m", "overlap": "allow", "jitter": "0s"}
    await push(bench, scheduled("w", *[every] * 4, {**every, "catch_up": "all"}))
    await live(bench, 10 * MINUTE_MS + 30_000)
    runs = await list_runs(bench)
    shown = (await ask(bench, "GET", "/schedules/w"))["data"]["schedules"]
    last = shown[-1]
    assert 27 <= len(runs) <= 33
    assert sum(each["missed"] for each in shown[:-1]) > 5
    assert last["missed"] == 0
    assert any(each["delayed_since"] is not None for each in shown)


async def test_what_has_waited_longest_starts_first() -> None:
    bench = await with_limits(a_minute=10)
    for number in range(20):
        await push(bench, scheduled(f"w{number:02}", {"every": "1m", "overlap": "allow", "jitter": "0s"}))
    bench.clock.advance(6 * MINUTE_MS)
    await live(bench, 10 * MINUTE_MS)
    names = [run["workflow"] for run in await list_runs(bench)]
    counts = [names.count(f"w{number:02}") for number in range(20)]
    assert min(counts) >= 4
    assert max(counts) - min(counts) <= 1


async def test_a_flood_of_schedules_does_not_keep_back_failures_and_chains() -> None:
    bench = await with_limits(a_minute=2)
    await push(bench, scheduled("flood", *[{"every": "1m", "overlap": "allow", "jitter": "0s"}] * 20))
    await push(bench, flow("alarm", triggers={"failure_of": "*"}))
    await push(bench, flow("ship", triggers={"after": ["orders"]}))
    tokens = [(await push(bench, flow(*each)))["token"] for each in (("orders",), ("broken", "fail"))]
    await live(bench, 5 * MINUTE_MS)
    bench.access = bench.start_isolate()
    for token in tokens:
        await bench.ask("POST", f"/webhooks/{token}/trigger", None, {})
    await live(bench, MINUTE_MS / 2)
    assert [len(await list_runs(bench, f"&workflow={name}")) for name in ("alarm", "ship")] == [1, 1]
    assert len(await list_runs(bench, "&workflow=flood")) <= 12


async def test_anothers_schedule_is_not_delayed_by_a_flood(bench: HostedBench) -> None:
    flood = {"every": "1m", "overlap": "allow", "jitter": "0s"}
    for number in range(5):
        await push(bench, scheduled(f"w{number}", *[flood] * 20))
    await push(bench, scheduled("lone", {"every": "1m"}, text="{{request.trigger | json}}"), "b")
    await live(bench, MINUTE_MS + 4_000, runs=False)
    assert bench.instances is not None
    begun = [params["tenant"] for params in bench.instances.params.values()]
    assert (begun.count(B), 0 < begun.count(A) <= 6 * MAX_TENANT_FIRINGS) == (1, True)
    await live(bench, 0)
    [lone] = await list_runs(bench, letter="b")
    assert json.loads(lone["data"]["text"])["delay_ms"] < 4_000


async def test_what_is_unfinished_counts(bench: HostedBench) -> None:
    bench = await build_hosted(
        SCRIPT, instances=FakeInstances(), limits=TenantLimits(burst_requests=1_000, unfinished_runs=2)
    )
    every = {"every": "1h", "overlap": "allow", "jitter": "0s"}
    await push(bench, scheduled("w", *[every] * 5))
    await live(bench, HOUR_MS + 3_000, runs=False)
    assert bench.instances is not None
    assert len(bench.instances.params) == 2
    await live(bench, 5 * MINUTE_MS)
    assert len(await list_runs(bench)) == 5


@pytest.mark.parametrize("query", ["", "?async=1"], ids=["quick", "accepted"])
async def test_failures_start_their_handler(bench: HostedBench, query: str) -> None:
    await push(bench, flow("alarm", triggers={"failure_of": {"workflows": "*", "at_most": "1 per 10m"}}))
    broken = await push(bench, flow("canary_broken", "fail"))
    await push(bench, flow("canary_broken", "fail"), "b")
    failed = await bench.ask("POST", f"/webhooks/{broken['token']}/trigger{query}", None, {})
    run_id = failed.json()["run_id"]
    await live(bench, 30_000)
    [record] = await list_runs(bench, "&trigger=failure")
    told = json.loads(record["data"]["text"])
    assert (told["workflow"], told["run_id"], told["node"], told["count"]) == ("canary_broken", run_id, "a", 1)
    assert told["error"] == {"code": "BROKEN", "message": "no money left"}
    assert told["workflows"] == {"canary_broken": 1}
    assert (await ask(bench, "GET", f"/runs/{run_id}"))["data"]["status"] == "failed"
    assert await list_runs(bench, "&trigger=failure", "b") == []
    stored = at_rest(bench)
    assert "canary" not in stored
    assert "no money" not in stored


async def test_failures_are_gathered_and_named(bench: HostedBench) -> None:
    await push(bench, flow("alarm", triggers={"failure_of": {"workflows": ["x", "y"], "at_most": "1 per 10m"}}))
    tokens = [(await push(bench, flow(name, "fail")))["token"] for name in ("x", "y", "z")]
    for _ in range(2):
        for token in tokens:
            await bench.ask("POST", f"/webhooks/{token}/trigger", None, {})
        await live(bench, 30_000)
    await live(bench, 11 * MINUTE_MS)
    records = await list_runs(bench, "&trigger=failure")
    counts = [json.loads(each["data"]["text"])["workflows"] for each in records]
    assert counts[-1] == {"x": 1, "y": 1}
    assert sum(sum(each.values()) for each in counts) == 4


async def test_without_a_handler_quick_runs_cost_the_operator_nothing(bench: HostedBench) -> None:
    broken = await push(bench, flow("broken", "fail"))
    await bench.ask("POST", f"/webhooks/{broken['token']}/trigger", None, {})
    await live(bench, 30_000)
    assert all(channel.asked == [] for logs in bench.logs.values() for channel in logs.channels.values())


@pytest.mark.parametrize("query", ["", "?async=1"], ids=["quick", "accepted"])
async def test_a_run_that_succeeds_starts_its_follower(bench: HostedBench, query: str) -> None:
    orders = await push(bench, flow("canary_orders"))
    await push(bench, flow("canary_ship", triggers={"after": ["canary_orders"]}, text="{{request.trigger | json}}"))
    bench.access = bench.start_isolate()
    answer = await bench.ask("POST", f"/webhooks/{orders['token']}/trigger{query}", None, {"told": CANARY})
    run_id = answer.json()["run_id"]
    await bench.background.finish()
    await live(bench, 300, runs=False)
    during = at_rest(bench)
    await live(bench, 10_000)
    [record] = await list_runs(bench, "&trigger=after")
    assert json.loads(record["data"]["text"]) == {"kind": "after", "workflow": "canary_orders", "run_id": run_id}
    told = (await ask(bench, "GET", f"/runs/{record['run_id']}/input"))["data"]["input"]
    assert told == {"text": f'{{"told":"{CANARY}"}}'}
    for stored in (during, at_rest(bench)):
        assert "canary" not in stored
        assert CANARY not in stored
    shown = (await ask(bench, "GET", "/webhooks/named/canary_orders"))["data"]
    assert shown["followed_by"] == ["canary_ship"]


async def test_a_followed_quick_run_with_a_key_is_answered_again_from_its_key(bench: HostedBench) -> None:
    triggers = {"webhook": {"idempotency": {"key": "{{input.id}}"}}}
    orders = await push(bench, flow("orders", triggers=triggers))
    await push(bench, flow("ship", triggers={"after": ["orders"]}))
    bench.access = bench.start_isolate()
    answers = [await bench.ask("POST", f"/webhooks/{orders['token']}/trigger", None, {"id": 7}) for _ in range(2)]
    await live(bench, 10_000)
    assert [answer.json()["run_id"] for answer in answers] == [answers[0].json()["run_id"]] * 2
    assert len(await list_runs(bench, "&trigger=after")) == 1
    assert len(await list_runs(bench, "&workflow=orders")) == 1


async def test_a_circle_is_refused(bench: HostedBench) -> None:
    await push(bench, flow("x", triggers={"after": ["y"]}))
    await push(bench, flow("z", triggers={"after": ["x"]}))
    refused = await ask(bench, "POST", "/webhooks", {"workflow": flow("y", triggers={"after": ["z"]})})
    assert "AFTER_CYCLE" in json.dumps(refused)


async def test_what_finds_no_room_in_the_workspace_is_told_again(
    bench: HostedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await push(bench, flow("orders"))
    await push(bench, flow("ship", triggers={"after": ["orders"]}))
    bench.access = bench.start_isolate()
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "MAX_WAITING_ENDS", 0)
        await bench.ask("POST", f"/webhooks/{orders['token']}/trigger", None, {})
        await live(bench, 5_000)
        assert await list_runs(bench, "&trigger=after") == []
    await live(bench, 2 * RETRY_MS)
    assert len(await list_runs(bench, "&trigger=after")) == 1


async def test_a_lost_run_starts_the_handler(bench: HostedBench) -> None:
    await push(bench, flow("alarm", triggers={"failure_of": "*"}))
    first = await push(bench, flow("broken", "fail"))
    await bench.ask("POST", f"/webhooks/{first['token']}/trigger", None, {})
    lost = await push(bench, flow("canary"))
    await live(bench, 30_000)
    answer = await bench.ask("POST", f"/webhooks/{lost['token']}/trigger?async=1", None, {})
    await live(bench, 2 * HOUR_MS, runs=False)
    await live(bench, 11 * MINUTE_MS)
    told = [json.loads(each["data"]["text"]) for each in await list_runs(bench, "&trigger=failure")][-1]
    assert (told["workflow"], told["run_id"]) == ("canary", answer.json()["run_id"])
    assert (told["error"]["code"], told["node"]) == ("RUN_LOST", None)


async def test_a_workflow_that_was_deleted_counts_in_the_total_alone(bench: HostedBench) -> None:
    await push(bench, flow("alarm", triggers={"failure_of": {"workflows": "*", "at_most": "1 per 10m"}}))
    tokens = [(await push(bench, flow(name, "fail")))["token"] for name in ("first", "gone", "last")]
    for token in tokens:
        await bench.ask("POST", f"/webhooks/{token}/trigger", None, {})
        await live(bench, 10_000)
    await ask(bench, "DELETE", f"/webhooks/{tokens[1]}")
    await live(bench, 11 * MINUTE_MS)
    told = json.loads((await list_runs(bench, "&trigger=failure"))[-1]["data"]["text"])
    assert (told["count"], told["workflows"]) == (2, {"last": 1})


HELLO = b"From: Ada <ada@example.org>\nSubject: c4n4ry\nMessage-ID: <1@example.org>\n\nc4n4ry"


async def deliver(bench: HostedBench, address: str, raw: bytes = HELLO) -> Taken | Refused | None:
    service = await bench.access.of_address(address)
    return None if service is None else await receive(service, FakeDelivery(raw, address))


def with_attachment(content: bytes) -> bytes:
    head = b"From: ada@example.org\nMessage-ID: <2@example.org>\nContent-Type: multipart/mixed; boundary=p\n\n"
    part = b"Content-Type: application/pdf; name=x.pdf\n\n"
    return head + b"--p\n" + part + content.hex().encode() + b"\n--p--\n"


async def test_a_message_starts_one_run_of_the_tenant_whose_address_it_is(bench: HostedBench) -> None:
    addresses = {}
    for letter in "ab":
        pushed = await push(bench, flow("mails", triggers={"email": {}}), letter)
        addresses[letter] = pushed["email_address"]
    assert len({*addresses.values()}) == 2
    first = await deliver(bench, addresses["a"].upper())
    again = await deliver(bench, addresses["a"], b"Received: from elsewhere\n" + HELLO)
    assert isinstance(first, Taken)
    assert again == Taken(first.run_id, is_new=False)
    await live(bench, 1_000)
    [run] = await list_runs(bench)
    assert (run["run_id"], run["trigger"], run["status"]) == (first.run_id, "email", "success")
    assert await list_runs(bench, letter="b") == []
    assert CANARY not in at_rest(bench)
    tag = addresses["a"].partition("+")[2].partition("@")[0]
    assert tag not in json.dumps(run)


async def test_a_message_whose_instance_is_refused_is_taken_when_it_comes_again(
    bench: HostedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (await push(bench, flow("mails", triggers={"email": {}})))["email_address"]

    async def refuse(*_: Any) -> bool:
        raise UpstreamError("The Workflow does not answer.")

    assert bench.instances is not None
    with monkeypatch.context() as patch:
        patch.setattr(bench.instances, "create", refuse)
        with pytest.raises(UpstreamError):
            await deliver(bench, address)
    assert isinstance(await deliver(bench, address), Taken)
    await live(bench, 1_000)
    assert len(await list_runs(bench)) == 1


async def test_a_message_that_is_stored_as_its_isolate_ends_starts_no_second_run(
    bench: HostedBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = (await push(bench, flow("mails", triggers={"email": {}})))["email_address"]

    class Ended(BaseException):
        pass

    async def end(*_: Any) -> bool:
        raise Ended

    assert bench.instances is not None
    with monkeypatch.context() as patch:
        patch.setattr(bench.instances, "create", end)
        with pytest.raises(Ended):
            await deliver(bench, address)
    bench.access = bench.start_isolate()
    bench.clock.advance(HOUR_MS)
    again = await deliver(bench, address)
    assert isinstance(again, Taken)
    assert not again.is_new
    assert (await ask(bench, "POST", "/runs/resume", {}))["status"] == 200
    await live(bench, 1_000)
    [run] = await list_runs(bench)
    assert (run["run_id"], run["status"]) == (again.run_id, "success")


async def test_a_message_for_a_tenant_that_has_just_gone_is_not_kept(bench: HostedBench) -> None:
    address = (await push(bench, flow("mails", triggers={"email": {}})))["email_address"]
    await deliver(bench, address)
    await bench.logs[A].first.close()
    with pytest.raises(ConflictError):
        await deliver(bench, address, HELLO + b"!")
    assert bench.logs[A].sql[0].execute("SELECT * FROM request_keys") == []


async def test_what_is_no_address_is_refused(bench: HostedBench) -> None:
    pushed = await push(bench, flow("mails", triggers={"email": {}}))
    address = pushed["email_address"]
    name, _, rest = address.partition("+")
    tag, _, domain = rest.partition("@")
    swapped = tag[1:] + tag[0]
    for wrong in (f"other+{tag}@{domain}", f"{name}+{swapped}@{domain}", f"{name}+{tag[:-1]}@{domain}", f"{name}@x"):
        assert await deliver(bench, wrong) in (None, Refused("There is no such address."))
    rotated = await ask(bench, "POST", f"/webhooks/{pushed['token']}/rotate")
    assert await deliver(bench, address) == Refused("There is no such address.")
    assert isinstance(await deliver(bench, rotated["data"]["email_address"]), Taken)


async def test_large_attachments_lie_sealed_in_the_bucket_and_go_with_the_tenant(bench: HostedBench) -> None:
    pushed = await push(bench, flow("mails", triggers={"email": {}}))
    taken = await deliver(bench, pushed["email_address"], with_attachment(LARGE))
    assert isinstance(taken, Taken)
    await live(bench, 1_000)
    assert [key for key in bench.bucket.keys if taken.run_id in key] == [f"runs/{taken.run_id}/attachment-1"]
    got = await bench.ask("GET", f"/runs/{taken.run_id}/attachments/1", bench.keys["a"])
    others = await bench.ask("GET", f"/runs/{taken.run_id}/attachments/1", bench.keys["b"])
    assert (got.content.strip(), others.status_code) == (LARGE.hex().encode(), 404)
    assert LARGE.hex()[:64] not in at_rest(bench)
    await remove(bench, "a")
    await live(bench, AGAIN_MS + 5_000)
    assert [key for key in bench.bucket.keys if taken.run_id in key] == []


async def test_so_many_messages_are_taken_in_a_minute() -> None:
    bench = await with_limits(mails_a_minute=2)
    address = (await push(bench, flow("mails", triggers={"email": {}})))["email_address"]
    for number in range(2):
        await deliver(bench, address, HELLO + str(number).encode())
    with pytest.raises(MessageDelayedError):
        await deliver(bench, address, HELLO + b"!")
    bench.clock.advance(MINUTE_MS)
    assert isinstance(await deliver(bench, address, HELLO + b"!"), Taken)


async def test_a_name_that_does_not_fit_into_an_address_is_refused(bench: HostedBench) -> None:
    name = "n" * (MAX_TENANT_MAILBOX_CHARACTERS + 1)
    refused = await ask(bench, "POST", "/webhooks", {"workflow": flow(name, triggers={"email": {}})})
    assert (refused["status"], refused["error"]["code"]) == (422, "MAILBOX_NAME_TOO_LONG")
    pushed = await push(bench, flow(name[1:], triggers={"email": {}}))
    assert len(pushed["email_address"].partition("@")[0]) == 64


async def remove(bench: HostedBench, letter: str) -> None:
    """What DELETE /me does."""
    tenant_id = registration_of(letter).tenant_id
    await bench.logs.setdefault(tenant_id, bench.logs[tenant_id]).first.close()
    await bench.workspace_of(tenant_id).close()
    tenant = await bench.store.find(tenant_id)
    assert tenant is not None
    await bench.store.delete(tenant)
    bench.clock.advance(FRESH_MS)


async def test_with_its_tenant_all_of_it_goes_and_nothing_ticks(bench: HostedBench) -> None:
    await push(bench, scheduled("canary_w", {"every": "1h"}, {"every": "2h", "overlap": "queue"}))
    await push(bench, flow("canary_alarm", triggers={"failure_of": "*"}))
    await push(bench, flow("canary_after", triggers={"after": ["canary_w"]}))
    address = (await push(bench, flow("mails", triggers={"email": {}})))["email_address"]
    await deliver(bench, address)
    await live(bench, 3 * HOUR_MS)
    before = len(await list_runs(bench))
    assert before >= 4
    await remove(bench, "a")
    await live(bench, 100 * HOUR_MS)
    sql = bench.workspaces[A].sql
    names = [row["name"] for row in sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    kept = {name for name in names if not name.startswith("sqlite") and sql.execute(f"SELECT * FROM {name}")}
    assert kept == {"schema", "workspace"}
    assert [alarm.due_ms for alarm, tenant_id, _ in list_alarms(bench) if tenant_id == A] == [None, None]
    assert await deliver(bench, address) is None


async def test_a_tenant_that_is_not_to_be_found_starts_nothing_and_after_a_day_nothing_ticks(
    bench: HostedBench,
) -> None:
    await push(bench, scheduled("w", {"every": "1h"}))
    tenant = await bench.store.find(A)
    assert tenant is not None
    await bench.store.delete(tenant)
    bench.access = bench.start_isolate()
    await live(bench, 3 * HOUR_MS)
    assert bench.instances is not None
    assert bench.instances.params == {}
    sets = bench.workspaces[A].alarm.sets
    await live(bench, 10 * MAX_GONE_MS)
    assert bench.workspaces[A].alarm.due_ms is None
    assert bench.workspaces[A].alarm.sets - sets < 20


async def test_one_that_is_found_again_goes_on(bench: HostedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    await push(bench, scheduled("w", {"every": "1h"}))

    async def find_nobody(_tenant_id: str) -> Any:
        raise DecryptionError("sealed under another key")

    bench.clock.advance(HOUR_MS + 1_000)
    with monkeypatch.context() as patch:
        patch.setattr(bench.access, "find_service", find_nobody)
        await ring_workspace(bench, A)
    assert bench.workspaces[A].tables.gone_ms == bench.clock.now_ms()
    await live(bench, 2 * RETRY_MS)
    assert bench.workspaces[A].tables.gone_ms is None
    assert len(await list_runs(bench)) == 1


async def test_what_does_not_answer_is_asked_again(bench: HostedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    await push(bench, scheduled("w", {"every": "1h"}))
    await live(bench, HOUR_MS - 1_000)
    bench.clock.advance(2_000)

    async def find_nobody(_tenant_id: str) -> Any:
        raise UpstreamError("KV does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(bench.access, "find_service", find_nobody)
        with pytest.raises(UpstreamError):
            await ring_workspace(bench, A)
    await live(bench, 2 * RETRY_MS)
    assert len(await list_runs(bench)) == 1


async def test_schedules_go_on_while_keys_are_replaced(bench: HostedBench) -> None:
    """The API key is rotated, then the account registers with another data key, and its RunLog begins anew."""
    await push(bench, scheduled("w", {"every": "1h"}))
    await push(bench, flow("alarm", triggers={"failure_of": {"workflows": "*", "at_most": "1 per 1m"}}))
    await push(bench, flow("ship", triggers={"after": ["w"]}))
    broken = await push(bench, flow("broken", "fail"))
    for _ in range(3):
        await bench.ask("POST", f"/webhooks/{broken['token']}/trigger", None, {})
    await live(bench, 30_000)
    tenant = await bench.store.find(A)
    assert tenant is not None
    _, bench.keys["a"] = await bench.store.rotate_key(tenant, 0)
    await live(bench, HOUR_MS + 2_000)
    assert len(await list_runs(bench, "&workflow=w")) == 1
    registration = registration_of("a")
    other = type(registration)(**{**vars(registration), "data_key": b"another".ljust(32, b"k")})
    await bench.logs[A].first.close()
    await bench.workspaces[A].forget_reports()
    del bench.logs[A]  # its database was deleted
    _, bench.keys["a"] = await bench.store.register(other)
    bench.clock.advance(FRESH_MS)
    await bench.ask("POST", f"/webhooks/{broken['token']}/trigger", None, {})
    await live(bench, HOUR_MS)
    found = {name: len(await list_runs(bench, f"&workflow={name}")) for name in ("w", "ship", "alarm")}
    assert found == {"w": 1, "ship": 1, "alarm": 1}


async def test_nothing_of_a_schedule_lies_in_the_clear(bench: HostedBench) -> None:
    schedule = {"cron": "17 9 * * MON-FRI", "zone": "Europe/Berlin", "input": {"told": CANARY}}
    await push(bench, scheduled("canary_w", schedule))
    await live(bench, 80 * HOUR_MS)
    stored = at_rest(bench)
    assert len(await list_runs(bench)) >= 2
    for word in ("canary", CANARY, "Berlin", "17 9"):
        assert word not in stored
