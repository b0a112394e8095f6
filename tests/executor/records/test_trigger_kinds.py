"""Proves that a record has its run's trigger, and that a record with an unknown trigger can be read."""

from typing import Any, cast

import pytest

from arcrun.engine.run_id import build_run_id_in
from arcrun.engine.trigger import TriggerKind
from arcrun.mail.addresses import build_address
from arcrun.run_log.protocol import StoredRun
from arcrun.times import render_time
from executor.mail.receiving import Taken, receive
from fakes.components import exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.ports.mail import FakeDelivery
from fakes.ports.system import SeededRandom

pytestmark = pytest.mark.anyio

WORKFLOW = {"name": "w", "flow": ["input >> PIPE >> a"]}
MAILED = {**WORKFLOW, "triggers": {"email": {}}}
DAILY = {**WORKFLOW, "triggers": {"schedule": [{"every": "1d"}]}}
STARTING = {"name": "s", "flow": ["input >> CALLS_SUBFLOW >> w"], "config": {"w": {"detach": True, "input": {}}}}
LATER = "carrier_pigeon"
# Started by the platform itself: tests/executor/schedules has them.
STARTED_INSIDE = (TriggerKind.FAILURE, TriggerKind.AFTER, TriggerKind.WATCH, TriggerKind.POLL)


async def start(bench: Bench, kind: TriggerKind) -> str:
    """Start a run by this trigger; returns its id."""
    replayed = await start(bench, TriggerKind.NAME) if kind is TriggerKind.REPLAY else ""
    async with build_client(bench.service) as client:
        token = (await client.post("/webhooks", json={"workflow": WORKFLOW})).json()["data"]["token"]
        if kind is TriggerKind.SCHEDULE:
            await client.post("/webhooks", json={"workflow": DAILY})
        if kind is TriggerKind.EMAIL:
            return await start_by_mail(bench)
        path, body = {
            TriggerKind.WEBHOOK: (f"/webhooks/{token}/trigger", {}),
            TriggerKind.NAME: ("/webhooks/named/w/trigger", {}),
            TriggerKind.SCHEDULE: ("/schedules/w/run", {}),
            TriggerKind.EXECUTE: ("/execute", {"workflow": WORKFLOW}),
            TriggerKind.REPLAY: (f"/runs/{replayed}/replay", {}),
            TriggerKind.WORKFLOW: ("/execute", {"workflow": STARTING}),
        }[kind]
        answer = (await client.post(path, json=body)).json()
        run_id: str = answer["data"]["run_id"] if kind is TriggerKind.WORKFLOW else answer["run_id"]
    await bench.background.finish()
    return run_id


async def start_by_mail(bench: Bench) -> str:
    async with build_client(bench.service) as client:
        token = (await client.post("/webhooks", json={"workflow": MAILED})).json()["data"]["token"]
    taken = await receive(bench.service, FakeDelivery(b"Subject: s\n\n", build_address("w", token, "example.net")))
    assert isinstance(taken, Taken)
    return taken.run_id


async def ask(bench: Bench, path: str) -> Any:
    async with build_client(bench.service) as client:
        return (await client.get(path)).json()["data"]


@pytest.mark.parametrize("kind", [kind for kind in TriggerKind if kind not in STARTED_INSIDE])
async def test_a_record_says_what_started_its_run(kind: TriggerKind) -> None:
    instances = FakeInstances() if kind in (TriggerKind.SCHEDULE, TriggerKind.EMAIL) else None
    bench = build_bench({"a": exited({"success": True, "data": {}})}, instances)
    run_id = await start(bench, kind)
    [listed] = (await ask(bench, f"/runs?trigger={kind.value}"))["runs"]
    assert (listed["run_id"], listed["trigger"]) == (run_id, kind.value)
    assert (await ask(bench, f"/runs/{run_id}"))["trigger"] == kind.value
    assert (await ask(bench, f"/runs?trigger={LATER}"))["runs"] == []


async def test_a_record_of_a_later_version_is_listed_found_and_shown() -> None:
    assert LATER not in list(TriggerKind)
    bench = build_bench({})
    run_id, started_at = build_run_id_in(bench.clock, SeededRandom(), 1), render_time(bench.clock.now_ms())
    row = {"id": run_id, "workflow": "w", "version": 1, "trigger": LATER, "status": "success", "started_at": started_at}
    await bench.logs.add(1, [cast(StoredRun, {**row, "keep_days": 0, "blobs": 0, "result": '{"data": 7}'})])
    for query in ("", f"?trigger={LATER}"):
        [listed] = (await ask(bench, f"/runs{query}"))["runs"]
        assert (listed["run_id"], listed["trigger"]) == (run_id, LATER)
    shown = await ask(bench, f"/runs/{run_id}")
    assert (shown["trigger"], shown["data"]) == (LATER, 7)
