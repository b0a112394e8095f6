"""Proves that each component call is reported once, in batches after the answer, which is never delayed."""

import logging

import pytest

from arcrun.analytics import OVERDUE_MS, UsageRecord, UsageReporter, tally
from arcrun.engine.engine import Trigger
from arcrun.engine.trigger import TriggerKind
from arcrun.errors import RunError
from arcrun.limits import MAX_USAGE_RECORDS
from fakes.components import echo, trapped
from fakes.executor import Bench, build_bench
from fakes.ports.background import FakeBackground
from fakes.ports.system import FixedClock
from fakes.report import InMemoryReport

pytestmark = pytest.mark.anyio

FLOW = {
    "name": "w",
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b", "b >> ON_FAIL >> c"],
    "config": {"a": {"component": "echo"}, "b": {"component": "broken"}, "c": {"component": "echo"}},
}


@pytest.fixture
def bench() -> Bench:
    return build_bench({"echo": echo, "broken": trapped()})


def record(component_id: str = "echo", *, success: bool = True, count: int = 1) -> UsageRecord:
    return UsageRecord(component_id, "v1", success, 0.0, count)


async def test_a_run_reports_its_components(bench: Bench) -> None:
    await bench.service.execute_workflow(FLOW, Trigger(TriggerKind.EXECUTE, {}))
    assert bench.report.reports == []
    await bench.background.finish()
    assert bench.report.reports == [(record(count=2), record("broken", success=False))]


async def test_runs_of_a_moment_are_reported_in_one_call(bench: Bench) -> None:
    for _ in range(3):
        await bench.service.execute_workflow(FLOW, Trigger(TriggerKind.EXECUTE, {}))
    await bench.service.execute_component("echo", {})
    await bench.background.finish()
    assert bench.report.reports == [(record(count=7), record("broken", success=False, count=3))]
    await bench.service.execute_component("echo", {})
    await bench.background.finish()
    assert bench.report.reports[1:] == [(record(),)]


async def test_a_failing_component_of_its_own_counts_too(bench: Bench) -> None:
    await bench.service.execute_component("broken", {})
    await bench.background.finish()
    assert bench.report.reports == [(record("broken", success=False),)]


async def test_a_report_that_fails_hurts_nothing_and_is_logged_without_content(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.report.error = RunError("echo ran 3 times", code="REPORT_REFUSED")
    with caplog.at_level(logging.WARNING):
        ran = await bench.service.execute_workflow(FLOW, Trigger(TriggerKind.EXECUTE, {}))
        await bench.background.finish()
    assert (await bench.service.runs.find(ran.run_id))["status"] == "success"
    assert [entry.getMessage() for entry in caplog.records] == [
        "2 records of components' runs were not reported: RunError"
    ]
    bench.report.error = None
    await bench.service.execute_component("echo", {})
    await bench.background.finish()
    assert bench.report.reports == [(record(),)]


async def test_more_than_a_report_holds_goes_in_several() -> None:
    report, background = InMemoryReport(), FakeBackground()
    usage = UsageReporter(report, FixedClock(), background)
    usage.add(tally(record(f"p{i}") for i in range(MAX_USAGE_RECORDS + 1)))
    await background.finish()
    assert [len(some) for some in report.reports] == [MAX_USAGE_RECORDS, 1]


async def test_without_a_registry_nothing_is_reported() -> None:
    background = FakeBackground()
    usage = UsageReporter(None, FixedClock(), background)
    usage.add(tally([record()]))
    assert background.is_idle


async def test_where_the_sender_is_gone_another_one_sends_all() -> None:
    """The platform cancels a request's work when its client disconnects."""
    report, clock, background = InMemoryReport(), FixedClock(), FakeBackground()
    usage = UsageReporter(report, clock, background)
    usage.add(tally([record()]))
    background.drop()
    clock.advance(OVERDUE_MS)
    usage.add(tally([record()]))
    await background.finish()
    assert report.reports == [(record(count=2),)]
