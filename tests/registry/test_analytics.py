"""Proves the routes of the statistics over the object's own code, and the rate and content of the export."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fakes.ports.storage import InMemoryKV, PlatformLimitError
from fakes.registry import MIRROR_INTERVAL_S, OWNER_KEY, RegistryBench
from fakes.wire import UNAUTHORIZED, read_error
from registry.statistics_export import EXPORT_KEY

pytestmark = pytest.mark.anyio

RECORD = {"canonical_id": "string_ops", "version": "v1", "success": True, "duration_ms": 2}
COUNTED = {"total_runs": 1, "success_rate": 1.0, "avg_duration_ms": 2.0, "p95_duration_ms": pytest.approx(2, rel=0.05)}


class Bench(RegistryBench):
    async def let_alarm_go_off(self) -> None:
        self.alarm.go_off()
        await self.state.on_alarm(self.statistics)

    async def exported(self) -> Any:
        return json.loads(await self.statistics.get(EXPORT_KEY) or "null")

    async def record(self, body: Any, key: str = OWNER_KEY) -> httpx.Response:
        async with self.client(key) as client:
            return await client.post("/analytics/record", json=body)

    async def listed(self, key: str = OWNER_KEY) -> list[dict[str, Any]]:
        async with self.client(key) as client:
            components: list[dict[str, Any]] = (await client.get("/analytics")).json()["data"]["components"]
            return components


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.close()


async def test_a_record_is_counted(bench: Bench) -> None:
    answer = await bench.record(RECORD)
    assert (answer.status_code, answer.json()) == (200, {"success": True, "data": {"recorded": 1}})
    assert await bench.listed() == [{"canonical_id": "string_ops", **COUNTED}]


async def test_a_report_asks_the_object_once(bench: Bench) -> None:
    answer = await bench.record({"records": [{**RECORD, "canonical_id": f"p{i}", "count": 2} for i in range(1_000)]})
    assert answer.json()["data"] == {"recorded": 2_000}
    assert bench.channel.asked == ["count_runs"]
    assert len(await bench.listed()) == 1_000


async def test_of_a_report_with_a_bad_record_nothing_is_counted(bench: Bench) -> None:
    answer = await bench.record({"records": [RECORD, {**RECORD, "duration_ms": -1}]})
    assert (answer.status_code, read_error(answer)["code"]) == (400, "INVALID_RECORD")
    assert await bench.listed() == []
    assert bench.alarm.settings == 0


@pytest.mark.parametrize(("path", "method"), [("/analytics/record", "POST"), ("/analytics", "GET")])
async def test_a_stranger_is_refused(bench: Bench, path: str, method: str) -> None:
    async with bench.client("wrong") as client:
        answer = await client.request(method, path, json=RECORD)
    assert (answer.status_code, read_error(answer)) == (401, UNAUTHORIZED)
    assert bench.channel.asked == []


async def test_everyone_sees_what_he_has_counted(bench: Bench) -> None:
    await bench.record(RECORD, "k3")
    assert await bench.listed("k1") == []
    assert [found["canonical_id"] for found in await bench.listed("k3")] == ["string_ops"]


async def test_changes_within_an_interval_are_exported_by_one_write(bench: Bench) -> None:
    for _ in range(5):
        await bench.record(RECORD)
    assert (bench.alarm.delay_ms, bench.alarm.settings) == (MIRROR_INTERVAL_S * 1000, 1)
    await bench.let_alarm_go_off()
    assert bench.statistics.writes == [EXPORT_KEY]
    exported = await bench.exported()
    assert exported["sequence"] == 1
    assert exported["scopes"]["owner"]["string_ops"]["total_runs"] == 5


async def test_without_a_change_there_is_no_alarm(bench: Bench) -> None:
    await bench.record(RECORD)
    await bench.let_alarm_go_off()
    await bench.listed()
    await bench.record({"records": []})
    assert bench.alarm.delay_ms is None


async def test_the_next_change_is_exported_an_interval_later(bench: Bench) -> None:
    for _ in range(2):
        await bench.record(RECORD)
        assert bench.alarm.delay_ms == MIRROR_INTERVAL_S * 1000
        await bench.let_alarm_go_off()
    assert (await bench.exported())["sequence"] == 2


async def test_a_restart_neither_forgets_nor_moves_the_alarm(bench: Bench) -> None:
    await bench.record(RECORD)
    bench.restart()
    await bench.record(RECORD)
    assert bench.alarm.settings == 1
    await bench.let_alarm_go_off()
    assert (await bench.exported())["scopes"]["owner"]["string_ops"]["total_runs"] == 2


async def test_a_write_that_fails_is_tried_again_an_interval_later(bench: Bench) -> None:
    class BrokenKV(InMemoryKV):
        async def put(self, *_args: Any, **_more: Any) -> None:
            raise PlatformLimitError("429: too many writes")

    await bench.record(RECORD)
    working, bench.statistics = bench.statistics, BrokenKV()
    await bench.let_alarm_go_off()
    assert bench.alarm.delay_ms == MIRROR_INTERVAL_S * 1000
    bench.statistics = working
    await bench.let_alarm_go_off()
    assert (await bench.exported())["scopes"]["owner"]["string_ops"]["total_runs"] == 1


async def test_a_change_during_the_write_is_exported_by_the_next(bench: Bench) -> None:
    class SlowKV(InMemoryKV):
        async def put(self, *args: Any, **more: Any) -> None:
            await bench.record(RECORD)
            await super().put(*args, **more)

    await bench.record(RECORD)
    bench.statistics = SlowKV()
    await bench.let_alarm_go_off()
    assert (await bench.exported())["scopes"]["owner"]["string_ops"]["total_runs"] == 1
    bench.statistics = InMemoryKV()
    await bench.let_alarm_go_off()
    assert (await bench.exported())["scopes"]["owner"]["string_ops"]["total_runs"] == 2
    assert bench.alarm.delay_ms is None
