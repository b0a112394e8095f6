"""Proves that each time, success and failure of a tenant starts what it should, once, whatever breaks off in an alarm:
calls of objects and of the platform that fail before or after they were done, and objects that end in the middle.
"""

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from arcrun.errors import UpstreamError
from fakes.components import echo, exited
from fakes.instances import FakeInstances
from fakes.ports.objects import FakeChannel
from fakes.ports.searches import TIMES
from fakes.tenants import HostedBench, build_hosted
from fixtures.alarms import BROKEN
from fixtures.hosted_alarms import list_alarms, live, ring_log, ring_workspace, run_instances

pytestmark = pytest.mark.anyio

MINUTE_MS = 60_000.0
MINUTES, FAILURES = 8, 5
RETRY_MS = 2_000  # after which the platform rings again
TICK = {"every": "1m", "overlap": "allow", "catch_up": "all"}


class ObjectEndedError(BaseException):
    """An object ends in the middle of its alarm."""


class Chaos:
    """While it `rages`, some calls break off."""

    def __init__(self, seed: int) -> None:
        self._random, self.rages, self.count = Random(seed), False, 0

    async def call(self, do: Callable[[], Awaitable[Any]]) -> Any:
        self._perhaps_break()
        result = await do()
        self._perhaps_break()
        return result

    def _perhaps_break(self) -> None:
        drawn = self._random.random() if self.rages else 1
        if drawn < 0.08:
            self.count += 1
            raise ObjectEndedError if drawn < 0.03 else UpstreamError("It does not answer.")


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Chaos]:
    def bring(seed: int) -> Chaos:
        chaos, call, create = Chaos(seed), FakeChannel.call, FakeInstances.create

        async def call_object(channel: FakeChannel, operation: str, arguments: Any) -> Any:
            return await chaos.call(lambda: call(channel, operation, arguments))

        async def create_instance(instances: FakeInstances, instance_id: str, params: Any) -> bool:
            created: bool = await chaos.call(lambda: create(instances, instance_id, params))
            return created

        monkeypatch.setattr(FakeChannel, "call", call_object)
        monkeypatch.setattr(FakeInstances, "create", create_instance)
        return chaos

    return bring


async def rage(bench: HostedBench, chaos: Chaos, for_ms: float) -> None:
    """Let alarms go off for a while, in chaos."""
    until_ms = bench.clock.now_ms() + for_ms
    while True:
        await run_instances(bench)
        due = [each for each in list_alarms(bench) if each[0].due_ms is not None and each[0].due_ms <= until_ms]
        if not due:
            break
        alarm, tenant_id, is_workspace = min(due, key=lambda each: each[0].due_ms or 0)
        bench.clock.advance(max(0, (alarm.due_ms or 0) - bench.clock.now_ms()))
        alarm.due_ms, chaos.rages = None, True
        try:
            await (ring_workspace(bench, tenant_id) if is_workspace else ring_log(bench, tenant_id))
        except UpstreamError:  # it is logged, and the object goes on
            pass
        except ObjectEndedError:
            bench.workspaces[tenant_id].start()
            bench.logs[tenant_id].start(0)
            if alarm.due_ms is None:
                alarm.set(RETRY_MS)
        finally:
            chaos.rages = False
    bench.clock.advance(max(0, until_ms - bench.clock.now_ms()))


def flow(name: str, component: str, **triggers: Any) -> dict[str, Any]:
    config = {"a": {"component": component, "text": "{{input | json}} {{request.trigger | json}}"}}
    return {"name": name, "flow": ["input >> PIPE >> a"], "config": config, "triggers": triggers}


async def list_records(bench: HostedBench, workflow: str) -> list[dict[str, Any]]:
    async with bench.client(bench.keys["a"]) as client:
        listed = (await client.get(f"/runs?limit=100&workflow={workflow}")).json()["data"]["runs"]
        return [(await client.get(f"/runs/{each['run_id']}")).json()["data"] for each in listed]


def read(record: dict[str, Any]) -> tuple[Any, Any]:
    """A run's input and its trigger."""
    decoder, text = json.JSONDecoder(), record["data"]["text"]
    value, end = decoder.raw_decode(text)
    return value, decoder.raw_decode(text[end:].lstrip())[0] if text[end:].strip() else None


@pytest.mark.parametrize("seed", range(6 * TIMES))
async def test_whatever_breaks_off(bring: Callable[[int], Chaos], seed: int) -> None:
    bench = await build_hosted({"tell": echo, "fail": exited(BROKEN)}, instances=FakeInstances())
    chaos = bring(seed)
    tokens = {}
    for source in (
        flow("tick", "tell", schedule=[TICK]),
        flow("ship", "tell", after=["tick"]),
        flow("alarm", "tell", failure_of={"workflows": ["broken"], "at_most": "1 per 1m"}),
        flow("broken", "fail"),
    ):
        pushed = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": source})
        tokens[source["name"]] = pushed.json()["data"]["token"]
    began_ms = bench.clock.now_ms()
    for number in range(MINUTES):
        if number < FAILURES:
            await bench.ask("POST", f"/webhooks/{tokens['broken']}/trigger", None, {})
        await rage(bench, chaos, MINUTE_MS)
    passed = int((bench.clock.now_ms() - began_ms) // MINUTE_MS)
    assert (await bench.ask("POST", "/schedules/tick/pause", bench.keys["a"], {})).status_code == 200
    await live(bench, 3 * MINUTE_MS)
    await bench.ask("POST", "/runs/resume", bench.keys["a"], {})
    await live(bench, 3 * MINUTE_MS)
    ticks, ships = await list_records(bench, "tick"), await list_records(bench, "ship")
    due_at = Counter(read(each)[1]["due_at"] for each in ticks)
    followed = Counter(read(each)[1]["run_id"] for each in ships)
    told = [read(each)[0] for each in await list_records(bench, "alarm")]
    assert chaos.count > 0
    assert {*due_at.values(), *followed.values()} == {1}
    assert passed - 1 <= len(due_at) <= passed
    assert {*followed} == {each["run_id"] for each in ticks}
    assert sum(each["count"] for each in told) == FAILURES
