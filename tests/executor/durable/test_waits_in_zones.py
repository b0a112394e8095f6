"""Proves that `wait` ends when the clocks of a zone show a time: what date_ops makes of it is a step, and is kept."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from arcrun.wasm.abi import Execution
from fakes.accepted import trigger
from fakes.components import exited
from fakes.executor import Bench, build_bench
from fakes.instances import FakeInstances

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
CONTRACTS = {"wait": yaml.safe_load((ROOT / "components/wait/contract.yaml").read_text(encoding="utf-8"))}


class Dates:
    """As date_ops, of the tz database that Python has."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, stdin: str) -> Execution:
        given = json.loads(stdin)
        self.asked.append(given)
        if given["timezone"] == "Mars/Base":
            return exited({"success": False, "error": {"code": "INVALID_INPUT", "message": "`timezone` must be UTC."}})
        moment = datetime.fromisoformat(given["input"]).replace(tzinfo=ZoneInfo(given["timezone"]))
        return exited({"success": True, "data": {"result": int(moment.timestamp() * 1000)}})


@pytest.fixture
def dates() -> Dates:
    return Dates()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(dates: Dates, instances: FakeInstances) -> Bench:
    return build_bench({"wait": exited({}), "date_ops": dates}, instances, CONTRACTS)


async def wait(
    bench: Bench, instances: FakeInstances, given: dict[str, Any] | None = None, **config: Any
) -> tuple[dict[str, Any], list[str]]:
    """The record of a run that waits, and the steps that it took."""
    node = {"component": "wait", **config}
    flow = {"name": "w", "durable": True, "flow": ["input >> PIPE >> a"], "config": {"a": node}}
    run_id = (await trigger(bench, flow, {"zone": "Europe/Berlin", **(given or {})}))["run_id"]
    isolate = await instances.run(bench.service, run_id)
    return dict(await bench.service.runs.find(run_id)), isolate.asked


def ms_until(bench: Bench, *moment: int) -> int:
    """From now to a time in UTC."""
    due = datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]
    return int(due.timestamp() * 1000 - bench.clock.now_ms())


@pytest.mark.parametrize("until", ["2026-12-24 18:00", "2026-12-24T18:00:00"])
async def test_it_waits_until_the_clocks_of_the_zone_show_the_time(
    bench: Bench, instances: FakeInstances, dates: Dates, until: str
) -> None:
    expected = ms_until(bench, 2026, 12, 24, 17)
    record, steps = await wait(bench, instances, until=until, zone="{{input.zone}}")
    assert record["data"] == {"waited_ms": expected}
    assert steps == ["a until", f"a {expected}", "a woke"]
    assert dates.asked == [{"operation": "format", "input": until, "timezone": "Europe/Berlin", "format": "unix_ms"}]


async def test_a_later_isolate_does_not_ask_again(bench: Bench, instances: FakeInstances, dates: Dates) -> None:
    flow = {
        "name": "w",
        "durable": True,
        "flow": ["input >> PIPE >> a"],
        "config": {"a": {"component": "wait", "until": "2026-12-24 18:00", "zone": "Europe/Berlin"}},
    }
    run_id = (await trigger(bench, flow, {}))["run_id"]
    await instances.run(bench.service, run_id)
    [kept] = [name for name in instances.stored[run_id].results if name.endswith("until")]
    assert (kept, len(dates.asked)) == ("a until", 1)


async def test_a_time_that_is_past_is_no_wait(bench: Bench, instances: FakeInstances) -> None:
    record, _ = await wait(bench, instances, until="2020-01-01", zone="Asia/Tokyo")
    assert record["data"] == {"waited_ms": 0}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param({"until": "2026-12-24 18:00", "zone": "Mars/Base"}, "timezone", id="no zone"),
        pytest.param({"until": "2026-12-24T18:00Z", "zone": "Europe/Berlin"}, "without an offset", id="an offset"),
        pytest.param({"until": "Christmas", "zone": "Europe/Berlin"}, "ISO 8601", id="no time"),
        pytest.param({"until": "", "zone": "Europe/Berlin"}, "beside an `until`", id="no until"),
        pytest.param({"until": "2099-12-24 18:00", "zone": "Europe/Berlin"}, "365 days", id="too far"),
    ],
)
async def test_what_cannot_be_waited_for_is_said(
    bench: Bench, instances: FakeInstances, config: dict[str, Any], said: str
) -> None:
    told = {key: f"{{{{input.{key}}}}}" for key in config}  # what stands in the workflow is checked at its push
    record, _ = await wait(bench, instances, config, **told)
    assert (record["status"], record["error"]["code"]) == ("failed", "INVALID_INPUT")
    assert said in record["error"]["message"]


async def test_a_zone_without_a_time_is_refused_at_push(bench: Bench) -> None:
    node = {"component": "wait", "for": "2d", "zone": "Europe/Berlin"}
    source = {"name": "w", "durable": True, "flow": ["input >> PIPE >> a"], "config": {"a": node}}
    [finding] = (await bench.service.validate(source)).diagnostics
    assert (finding.code, "`until` is, which is missing" in finding.message) == ("INVALID_INPUT", True)
