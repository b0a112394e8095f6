"""Proves that each kind of bad component fails its own step with its own code, and that dependent steps are skipped.

The runs are real, under wasmtime; the durations of cold starts are faked.
"""

import asyncio
import json
from typing import Any

import pytest

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.registry.review import Bench, Review, review_component
from arcrun.registry.step import StepName, StepStatus
from fakes.registry import VALIDATOR, FixedColdStarts, get_javascript_runner
from fixtures import modules
from fixtures.bad_components import BAD_COMPONENTS, DATA_1, GOOD, LOOPING, NUMBER, constrained, expecting


def review(module: bytes | str, contract: dict[str, Any] | str | None = None, *cold_starts_ms: float) -> Review:
    cold_starts = FixedColdStarts(cold_starts_ms or (1.0,))
    bench = Bench(WasmtimeRunner(fuel=50_000_000), cold_starts, VALIDATOR, get_javascript_runner)
    text = contract if isinstance(contract, str) else json.dumps(contract or modules.build_contract("tried"))
    binary = modules.build_module(module) if isinstance(module, str) else module
    return asyncio.run(review_component(text, binary, bench))


def test_a_good_component_is_accepted() -> None:
    found = review(GOOD, expecting(DATA_1, output_schema=NUMBER))
    assert found.accepted
    assert [(step.name, step.status) for step in found.steps] == [(name, StepStatus.PASSED) for name in StepName]
    assert found.failure is None
    assert found.component is not None


@pytest.mark.parametrize(("module", "contract", "step", "code"), BAD_COMPONENTS)
def test_a_bad_component_fails_its_own_step(
    module: bytes | str, contract: dict[str, Any] | str | None, step: str, code: str
) -> None:
    failure = review(module, contract).failure
    assert failure is not None
    assert (failure.name, failure.code) == (step, code)
    assert failure.findings


def test_every_wrong_field_is_told_at_once() -> None:
    contract = modules.build_contract("Tried!", category="food", gherkin_tests=[])
    failure = review(GOOD, contract).failure
    assert failure is not None
    assert [finding.split()[0] for finding in failure.findings] == ["canonical_id", "category", "gherkin_tests"]


def test_a_slow_start_is_told_with_its_median() -> None:
    found = review(GOOD, constrained(max_cold_start_ms=10), 9.0, 11.0, 99.0)
    [step] = [step for step in found.steps if step.status is StepStatus.FAILED]
    assert (step.name, step.code, step.figure, step.limit) == ("cold_start", "COLD_START_TOO_SLOW", "11.0 ms", "10 ms")


def test_what_needs_a_failed_step_is_skipped() -> None:
    statuses = [step.status for step in review(b"<html>").steps]
    assert statuses == ["passed", "passed", "failed", "skipped", "skipped", "skipped"]


def test_a_failed_scenario_leaves_nothing_to_measure_and_an_endless_one_is_run_once() -> None:
    steps = review(LOOPING).steps
    assert [step.status for step in steps[3:]] == ["skipped", "failed", "skipped"]
    assert steps[4].figure.startswith("0 of 2")
    assert len(steps[4].findings) == 1


def test_stubs_answer_and_missing_requests_are_told() -> None:
    request = {"method": "GET", "url": "https://a.example/x"}
    asked = modules.asking("http_request", json.dumps(request))
    stub = {"request": {"url": "https://a.example/x"}, "response": {"status": 200, "body": "ok"}}
    tests = [{"scenario": "s", "given": {}, "then_contains": '"status": 200', "http": [stub]}] * 2
    contract = modules.with_network(modules.build_contract("tried", gherkin_tests=tests), "a.example")
    assert review(asked, contract).accepted
    quiet = review(modules.printing('{"status": 200}'), contract).failure
    assert quiet is not None
    assert "not made" in quiet.findings[0]


def test_waiting_takes_no_time() -> None:
    asked = modules.asking("sleep", '{"ms": 30000}')
    tests = [{"scenario": "s", "given": {}, "then_contains": '"waited_ms": 30000'}] * 2
    assert review(asked, modules.build_contract("tried", gherkin_tests=tests, capabilities=["sleep"])).accepted


def test_a_scenario_has_no_blobs_but_its_own() -> None:
    for request, expected in (('{"op":"create"}', '"writing": 1'), ('{"op":"open","blob":"runs/a"}', "BLOB_NOT_FOUND")):
        tests = [{"scenario": "s", "given": {}, "then_contains": expected}] * 2
        contract = modules.build_contract("tried", gherkin_tests=tests, capabilities=["blob"])
        assert review(modules.asking("blob", request), contract).accepted
