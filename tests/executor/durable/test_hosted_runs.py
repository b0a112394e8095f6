"""Proves that accepted and durable runs of tenants last as those of an account's own platform do: sealed under the
tenant's key, bounded, invisible to other tenants, and gone with the tenant.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from arcrun.accounts.limits import TenantLimits
from executor.keys.recent import FRESH_MS
from executor.records.closing import AGAIN_MS, forget_run
from fakes.accepted import Calls
from fakes.components import exited
from fakes.instances import FakeInstances
from fakes.tenants import HostedBench, build_hosted, registration_of
from fakes.wire import read_error

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
NAMES = ("wait", "wait_for", "approve")
CONTRACTS = {name: yaml.safe_load((ROOT / f"components/{name}/contract.yaml").read_text()) for name in NAMES}
CANARY, SECRET, PAYLOAD = "c4n4ry-of-the-caller", "c4n4ry-the-stored-secret", "c4n4ry-of-a-sender"
UNKNOWN_RUN = "0" * 26

QUICK = {"name": "quick", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "tell", "text": "hi"}}}
WAITING: dict[str, Any] = {
    "name": "canary_workflow",
    "durable": True,
    "flow": ["input >> PIPE >> canary_node", "canary_node >> PIPE >> waits"],
    "config": {
        "canary_node": {"component": "tell", "text": "{{input.text}} {{credential.canary}}"},
        "waits": {"component": "wait_for", "event": "canary_event"},
    },
}
ASKING: dict[str, Any] = {
    "name": "asking",
    "durable": True,
    "flow": ["input >> PIPE >> tell", "tell >> PIPE >> ask"],
    "config": {
        "tell": {"component": "tell", "text": "{{run.approve.ask.ann}}"},
        "ask": {"component": "approve", "title": "Pay?", "approvers": ["ann"]},
    },
}


class Failing:
    """A component that fails while `is_broken`."""

    def __init__(self, calls: Calls) -> None:
        self._calls, self.is_broken = calls, True

    def __call__(self, stdin: str) -> Any:
        execution = self._calls(stdin)
        return exited({"success": False, "error": {"code": "BAD", "message": "bad"}}) if self.is_broken else execution


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
async def bench(calls: Calls, instances: FakeInstances) -> HostedBench:
    script: dict[str, Any] = {"tell": calls, "shaky": Failing(calls), **dict.fromkeys(NAMES, exited({}))}
    bench = await build_hosted(script, instances=instances, contracts=CONTRACTS)
    for letter in "ab":
        bench.store_credential(letter, "canary", SECRET)
    return bench


async def push(bench: HostedBench, source: Mapping[str, Any], letter: str = "a") -> str:
    answer = await bench.ask("POST", "/webhooks", bench.keys[letter], {"workflow": source})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["data"]["token"])


async def accept(bench: HostedBench, source: Mapping[str, Any], body: Any = None, letter: str = "a") -> str:
    """Push a workflow and accept a run of it; returns the run's id."""
    token = await push(bench, source, letter)
    answer = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None, body or {})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["run_id"])


async def ask(bench: HostedBench, path: str, body: Any = None, letter: str = "a") -> httpx.Response:
    return await bench.ask("GET" if body is None else "POST", path, bench.keys[letter], body)


async def show(bench: HostedBench, run_id: str, letter: str = "a") -> dict[str, Any]:
    answer = await ask(bench, f"/runs/{run_id}", letter=letter)
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()["data"]
    return record


@asynccontextmanager
async def running(bench: HostedBench, run_id: str) -> AsyncIterator[None]:
    """While the run's instance runs, and comes to its wait; at the end it has ended."""
    work = asyncio.ensure_future(bench.run(run_id))
    await asyncio.sleep(1)
    yield
    await asyncio.wait_for(work, 60)


def at_rest(bench: HostedBench) -> str:
    """All that is stored outside the tenants' own namespaces, as text."""
    assert bench.instances is not None
    tables = []
    for logs in bench.logs.values():
        for sql in logs.sql.values():
            names = sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables += [sql.execute(f"SELECT * FROM {row['name']}") for row in names]
    steps = [each.results for each in bench.instances.stored.values()]
    blobs = [repr(content) for content in bench.bucket.objects.values()]
    return json.dumps([tables, steps, blobs, [*bench.instances.params.values()]], default=repr)


async def test_a_durable_run_lasts_and_nothing_of_it_is_in_the_clear(bench: HostedBench) -> None:
    run_id = await accept(bench, WAITING, {"text": CANARY})
    async with running(bench, run_id):
        waiting = await show(bench, run_id)
        sent = await ask(bench, f"/runs/{run_id}/events/canary_event", {"text": PAYLOAD})
        assert (waiting["status"], waiting["trace"][0]["node"]) == ("running", "canary_node")
        assert sent.status_code == 202
        during = at_rest(bench)
    record = await show(bench, run_id)
    assert (record["status"], record["workflow"], record["data"]["payload"]) == (
        *("success", "canary_workflow"),
        {"text": PAYLOAD},
    )
    assert SECRET not in json.dumps(record)
    for word in ("canary", "c4n4ry", "waits"):
        assert word not in during
        assert word not in at_rest(bench)
    assert (await ask(bench, f"/runs/{run_id}/input")).json()["data"]["input"] == {"text": CANARY}


async def test_instances_know_whose_they_are(bench: HostedBench, instances: FakeInstances) -> None:
    run_id = await accept(bench, QUICK)
    assert instances.params[run_id] == {"run_id": run_id, "tenant": registration_of("a").tenant_id}


async def test_another_isolate_goes_on_with_it(bench: HostedBench) -> None:
    run_id = await accept(bench, WAITING, {"text": "hi"})
    bench.access = bench.start_isolate()
    async with running(bench, run_id):
        await ask(bench, f"/runs/{run_id}/events/canary_event", 1)
    assert (await show(bench, run_id))["status"] == "success"


OTHERS_ROUTES = [
    ("GET", "/runs/{run_id}", None),
    ("GET", "/runs/{run_id}/input", None),
    ("GET", "/runs/{run_id}/follow", None),
    ("POST", "/runs/{run_id}/cancel", {}),
    ("POST", "/runs/{run_id}/dismiss", {}),
    ("POST", "/runs/{run_id}/events/canary_event", {"text": "forged"}),
    ("POST", "/runs/{run_id}/decisions/waits", {"decision": "retry"}),
    ("GET", "/runs/{run_id}/approvals", None),
    ("POST", "/runs/{run_id}/approvals/waits", {"choice": "approve"}),
    ("POST", "/runs/{run_id}/replay", {}),
    ("POST", "/runs/{run_id}/replay", {"input": {}, "from": "waits"}),
    ("POST", "/runs/{run_id}/retry", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), OTHERS_ROUTES)
async def test_a_run_of_another_is_a_run_that_is_not(bench: HostedBench, method: str, path: str, body: Any) -> None:
    run_id = await accept(bench, WAITING, {"text": CANARY})
    await push(bench, WAITING, "b")
    assert bench.instances is not None
    woken, before = [*bench.instances.woken], await show(bench, run_id)
    answers = [
        await bench.ask(method, path.format(run_id=each), bench.keys["b"], body) for each in (run_id, UNKNOWN_RUN)
    ]
    assert [(answer.status_code, read_error(answer)["code"]) for answer in answers] == [(404, "RUN_NOT_FOUND")] * 2
    assert answers[0].text.replace(run_id, UNKNOWN_RUN) == answers[1].text
    assert (bench.instances.woken, await show(bench, run_id)) == (woken, before)
    assert (await ask(bench, "/runs", letter="b")).json()["data"]["runs"] == []
    await bench.background.finish()


async def test_who_has_the_link_decides_and_it_is_good_for_nobody_elses_run(bench: HostedBench, calls: Calls) -> None:
    run_ids = [await accept(bench, ASKING, letter=letter) for letter in "ab"]
    async with running(bench, run_ids[0]), running(bench, run_ids[1]):
        links = [given["text"].removeprefix("https://executor.test") for given in calls.inputs]
        assert all(link.startswith("/accounts/") for link in links)
        account_of_b = links[1].split("/")[2]
        swapped = links[0].replace(links[0].split("/")[2], account_of_b)
        bare = f"/{links[0].split('/', 3)[3]}"
        for wrong in (swapped, bare, links[0].replace("/accounts/", "/accounts/0"), f"{links[0]}x"):
            assert (await bench.ask("GET", wrong, None)).status_code == 404
            assert (await bench.ask("POST", wrong, None)).status_code == 404
        for link, choice in zip(links, ("approve", "reject"), strict=True):
            async with bench.client() as client:
                page = await client.get(link)
                decided = await client.post(link, data={"choice": choice})
            assert (page.status_code, decided.status_code, "Pay?" in page.text) == (200, 200, True)
    chosen = [
        (await show(bench, run_id, letter))["data"]["choice"] for run_id, letter in zip(run_ids, "ab", strict=True)
    ]
    assert chosen == ["approve", "reject"]


async def test_quick_runs_cost_the_operator_nothing(bench: HostedBench) -> None:
    token = await push(bench, QUICK)
    assert (await bench.ask("POST", f"/webhooks/{token}/trigger", None, {})).status_code == 200
    await bench.background.finish()
    assert all(channel.asked == [] for logs in bench.logs.values() for channel in logs.channels.values())
    assert len((await ask(bench, "/runs")).json()["data"]["runs"]) == 1


async def test_a_list_has_both_kinds_newest_first_page_by_page(bench: HostedBench) -> None:
    token = await push(bench, QUICK)
    run_ids = []
    for number in range(12):
        query = "?async=1" if number % 3 == 0 else ""
        answer = await bench.ask("POST", f"/webhooks/{token}/trigger{query}", None, {})
        run_ids.append(answer.json()["run_id"])
        bench.clock.advance(5_000)
        await bench.background.finish()
    for limit in (1, 3, 4, 50):
        listed, cursor = list[str](), ""
        while True:
            async with bench.client(bench.keys["a"]) as client:
                parameters = {"limit": limit, **({"cursor": cursor} if cursor else {})}
                page = (await client.get("/runs", params=parameters)).json()["data"]
            listed += [run["run_id"] for run in page["runs"]]
            if not (cursor := page["cursor"]):
                break
        assert listed == run_ids[::-1]
    found = (await ask(bench, "/runs?search=QUI&status=running")).json()["data"]["runs"]
    assert {run["run_id"] for run in found} == {*run_ids[::3]}


async def test_so_many_may_be_unfinished(calls: Calls) -> None:
    bench = await build_hosted({"tell": calls}, limits=TenantLimits(burst_requests=1_000, unfinished_runs=2))
    run_ids = [await accept(bench, QUICK) for _ in range(2)]
    token = await push(bench, QUICK)
    refused = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None, {})
    assert (refused.status_code, read_error(refused)["code"]) == (429, "TOO_MANY_UNFINISHED_RUNS")
    assert refused.headers["retry-after"] == "60"
    await accept(bench, QUICK, letter="b")  # another's do not count
    await bench.run(run_ids[0])
    await accept(bench, QUICK)


async def test_what_is_unfinished_has_so_much_room(bench: HostedBench, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = await accept(bench, WAITING, {"text": "hi"})
    tables = bench.logs[registration_of("a").tenant_id].tables[0]
    most = tables.measure()["most_bytes"]
    monkeypatch.setattr(tables, "_measure_bytes", lambda: int(1.3 * most))
    token = await push(bench, QUICK)
    refused = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None, {})
    event = await ask(bench, f"/runs/{run_id}/events/canary_event", 1)
    assert [(each.status_code, read_error(each)["code"]) for each in (refused, event)] == [
        (429, "TOO_MANY_UNFINISHED_RUNS"),
        (429, "TOO_MANY_EVENTS"),
    ]
    monkeypatch.undo()
    assert (await ask(bench, f"/runs/{run_id}/events/canary_event", 1)).status_code == 202


async def test_an_accepted_run_waits_for_its_turn_and_keeps_to_the_tenants_time(calls: Calls) -> None:
    limits = TenantLimits(burst_requests=1_000, concurrent_runs=1, run_duration_ms=5_000)
    bench = await build_hosted({"tell": calls}, limits=limits)
    run_id = await accept(bench, {**QUICK, "timeout_ms": 60_000})
    service = await bench.access.find_service(registration_of("a").tenant_id)
    assert service is not None
    with service.quota.running():
        work = asyncio.ensure_future(bench.run(run_id))
        for _ in range(40):
            await asyncio.sleep(0)
        assert calls.inputs == []
    await work
    assert (await show(bench, run_id))["status"] == "success"


async def test_a_failed_one_is_a_dead_letter_and_is_retried(bench: HostedBench) -> None:
    shaky = {**QUICK, "flow": ["input >> PIPE >> a"], "config": {"a": {"component": "shaky", "text": "{{input.text}}"}}}
    run_id = await accept(bench, shaky, {"text": CANARY})
    await bench.run(run_id)
    counted = (await ask(bench, "/runs/unsettled")).json()["data"]
    assert counted == {"dead": {"quick": 1}, "queued": {}, "failed": {"quick": run_id}}
    dead = (await ask(bench, "/runs?dead=true")).json()["data"]["runs"]
    assert [run["run_id"] for run in dead] == [run_id]
    behaviour: Any = bench.script["shaky"]
    behaviour.is_broken = False
    retried = await ask(bench, f"/runs/{run_id}/retry", {})
    assert retried.status_code == 202, retried.text
    again = retried.json()["run_id"]
    await bench.run(again)
    assert (await show(bench, again))["data"] == {"text": CANARY}
    assert (await show(bench, run_id))["retried_by"] == again
    assert (await ask(bench, "/runs/unsettled")).json()["data"]["dead"] == {}


async def test_a_cancelled_one_ends(bench: HostedBench) -> None:
    run_id = await accept(bench, WAITING, {"text": "hi"})
    assert (await ask(bench, f"/runs/{run_id}/cancel", {})).status_code == 202
    await bench.run(run_id)
    assert (await show(bench, run_id))["status"] == "cancelled"
    await bench.background.finish()


async def test_runs_of_a_paused_workflow_are_queued_and_begin(bench: HostedBench, instances: FakeInstances) -> None:
    await push(bench, QUICK)
    assert (await ask(bench, "/webhooks/named/quick/pause", {"on_trigger": "queue"})).status_code == 200
    bench.access = bench.start_isolate()
    run_id = await accept(bench, QUICK)
    assert (await show(bench, run_id))["status"] == "queued"
    assert run_id not in instances.params
    resumed = await ask(bench, "/webhooks/named/quick/resume", {})
    assert resumed.json()["data"]["released"] == 1, resumed.text


async def close(bench: HostedBench, letter: str) -> None:
    """What DELETE /me does, and the alarms after it."""
    tenant_id = registration_of(letter).tenant_id
    await bench.logs[tenant_id].first.close()
    tenant = await bench.store.find(tenant_id)
    assert tenant is not None
    await bench.store.delete(tenant)
    bench.clock.advance(FRESH_MS)
    await ring(bench, letter)


async def ring(bench: HostedBench, letter: str) -> None:
    """What the object does at its alarm."""

    async def export() -> bool:
        return False

    tables = bench.logs[registration_of(letter).tenant_id].tables[0]
    await tables.on_alarm(bench.bucket, export, None, partial(forget_run, bench.instances, bench.bucket))


async def test_with_its_tenant_all_of_it_goes(bench: HostedBench, instances: FakeInstances) -> None:
    waiting = await accept(bench, WAITING, {"text": CANARY, "filler": "x" * 1_500_000})
    others = await accept(bench, WAITING, {"text": CANARY}, letter="b")
    work = asyncio.ensure_future(bench.run(waiting))
    await asyncio.sleep(1)
    await ask(bench, f"/runs/{waiting}/events/other", 1)
    assert [key for key in bench.bucket.keys if waiting in key]
    await close(bench, "a")
    assert [key for key in bench.bucket.keys if waiting in key] == []
    assert (waiting, "terminate") in instances.woken
    assert waiting not in instances.params
    assert others in instances.params
    work.cancel()  # as the platform does with a terminated instance
    tables = bench.logs[registration_of("a").tenant_id].sql[0]
    for table in ("runs", "starts", "events", "questions", "data_keys", "dead_letters", "queued", "cut_off_calls"):
        assert tables.execute(f"SELECT * FROM {table}") == [], table
    log = bench.logs[registration_of("a").tenant_id].tables[0]
    assert log.is_closing
    bench.clock.advance(AGAIN_MS)
    await ring(bench, "a")
    assert tables.execute("SELECT * FROM closing") == []
    assert (log.is_closed, log.is_closing) == (True, False)
    assert waiting not in json.dumps([tables.execute("SELECT * FROM log"), tables.execute("SELECT * FROM tenant")])


async def test_an_isolate_that_does_not_know_yet_keeps_nothing(bench: HostedBench, instances: FakeInstances) -> None:
    run_id = await accept(bench, WAITING, {"text": CANARY})
    token = await push(bench, QUICK)
    await bench.logs[registration_of("a").tenant_id].first.close()
    refused = await bench.ask("POST", f"/webhooks/{token}/trigger?async=1", None, {})
    assert (refused.status_code, read_error(refused)["code"]) == (409, "ACCOUNT_REMOVED")
    assert [*instances.params] == [run_id]
    await bench.run(run_id)  # its instance has not been terminated yet
    assert (await ask(bench, f"/runs/{run_id}")).status_code == 404
    assert bench.logs[registration_of("a").tenant_id].tables[0].find(run_id) is None


async def test_an_instance_whose_tenant_has_gone_ends_at_once(bench: HostedBench, calls: Calls) -> None:
    run_id = await accept(bench, QUICK)
    await close(bench, "a")
    assert bench.instances is not None
    bench.instances.params[run_id] = {"run_id": run_id, "tenant": registration_of("a").tenant_id}
    await bench.run(run_id)
    assert calls.inputs == []


async def test_a_registration_after_that_begins_anew(bench: HostedBench) -> None:
    run_id = await accept(bench, QUICK)
    await close(bench, "a")
    await bench.logs[registration_of("a").tenant_id].first.open_anew()
    await bench.register("a")
    assert (await ask(bench, f"/runs/{run_id}")).status_code == 404
    again = await accept(bench, QUICK)
    await bench.run(again)
    assert (await show(bench, again))["status"] == "success"


async def test_of_one_that_has_registered_anew_only_the_earlier_runs_go(
    bench: HostedBench, instances: FakeInstances
) -> None:
    earlier = await accept(bench, QUICK)
    await close(bench, "a")
    log = bench.logs[registration_of("a").tenant_id].tables[0]
    await bench.logs[registration_of("a").tenant_id].first.open_anew()
    await bench.register("a")
    again = await accept(bench, QUICK)
    for _ in range(2):
        bench.clock.advance(AGAIN_MS)
        await ring(bench, "a")
        assert not log.is_closing  # so its database stays
    assert (earlier in instances.params, again in instances.params) == (False, True)
    assert log.find_start(again) is not None
