"""Each kind of bad component fails its own step with its own code, and the steps that need it are skipped.

The runs are real, under wasmtime; cold starts are what the test says they are.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from acr.bench import build_bench
from acr.wasmtime_runner import WasmtimeRunner
from arcrun.registry.review import Bench, Review, review_component
from arcrun.registry.step import StepName, StepStatus
from arcrun.wasm.component import Component
from fixtures import modules

ROOT = Path(__file__).resolve().parents[2]
VALIDATOR = build_bench(ROOT).validator


@dataclass(frozen=True)
class FixedColdStarts:
    measured_ms: Sequence[float] = (1.0,)

    async def measure_ms(self, component: Component, count: int) -> Sequence[float]:
        return self.measured_ms


def review(module: bytes | str, contract: dict[str, Any] | str | None = None, *cold_starts_ms: float) -> Review:
    bench = Bench(WasmtimeRunner(fuel=50_000_000), FixedColdStarts(cold_starts_ms or (1.0,)), VALIDATOR)
    text = contract if isinstance(contract, str) else json.dumps(contract or modules.build_contract("tried"))
    binary = modules.build_module(module) if isinstance(module, str) else module
    return asyncio.run(review_component(text, binary, bench))


def scenario(given: dict[str, Any], then: Any) -> dict[str, Any]:
    return {"scenario": "exact", "given": given, "then": then}


def expecting(then: Any, **changes: Any) -> dict[str, Any]:
    return modules.build_contract("tried", gherkin_tests=[scenario({}, then), scenario({}, then)], **changes)


def constrained(**changes: Any) -> dict[str, Any]:
    contract = modules.build_contract("tried")
    return {**contract, "constraints": {**contract["constraints"], **changes}}


GOOD = modules.printing('{"success":true,"data":{"n":1}}')
DATA_1 = {"success": True, "data": {"n": 1}}
NUMBER = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "maximum": 1}}}
LOOPING = '(module (memory (export "memory") 1) (func (export "_start") (loop $l br $l)))'
ENDLESS_TEXT = "a: &a [x]\nb: [*a, *a]\n"
# Prints a random digit.
RANDOM = """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 16) "{\\22n\\22:000000}") (data (i32.const 0) "\\10\\00\\00\\00\\0c")
  (func (export "_start") (local $i i32)
    (drop (call $random (i32.const 64) (i32.const 5)))
    (loop $l
      (i32.store8 offset=22 (local.get $i)
        (i32.add (i32.const 48) (i32.rem_u (i32.load8_u offset=64 (local.get $i)) (i32.const 10))))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))
    (i32.store8 (i32.const 21) (i32.const 49))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


def test_a_good_component_is_accepted() -> None:
    found = review(GOOD, expecting(DATA_1, output_schema=NUMBER))
    assert found.accepted
    assert [(step.name, step.status) for step in found.steps] == [(name, StepStatus.PASSED) for name in StepName]
    assert found.failure is None
    assert found.component is not None


@pytest.mark.parametrize(
    ("module", "contract", "step", "code"),
    [
        pytest.param(GOOD, "a: [", "contract_check", "INVALID_YAML", id="not YAML"),
        pytest.param(GOOD, ENDLESS_TEXT, "contract_check", "INVALID_YAML", id="aliases"),
        pytest.param(GOOD, "- 1", "contract_check", "INVALID_CONTRACT", id="not a mapping"),
        pytest.param(GOOD, "#" * 300_000, "contract_check", "CONTRACT_TOO_LARGE", id="a contract of 300 KB"),
        pytest.param(GOOD, constrained(max_size_kb=-1), "contract_check", "INVALID_CONTRACT", id="a size below 1"),
        pytest.param(
            b"\0asm" + bytes(2048), constrained(max_size_kb=1), "size_check", "MODULE_TOO_LARGE", id="too big"
        ),
        pytest.param(b"<html>", None, "module_scan", "INVALID_MODULE", id="not a module"),
        pytest.param(modules.build_module(GOOD)[:-9], None, "module_scan", "INVALID_MODULE", id="cut off"),
        pytest.param(modules.WITHOUT_START, None, "module_scan", "INVALID_MODULE", id="no _start"),
        pytest.param(modules.importing("env", "f"), None, "module_scan", "UNKNOWN_IMPORT", id="an unknown import"),
        pytest.param(
            modules.importing("arcrun", "http_request"), None, "module_scan", "CAPABILITY_NOT_DECLARED", id="http"
        ),
        pytest.param(
            modules.importing("wasi_snapshot_preview1", "sock_send"),
            None,
            "module_scan",
            "FORBIDDEN_IMPORT",
            id="socket",
        ),
        pytest.param(
            modules.importing("wasi_snapshot_preview1", "path_open"), None, "module_scan", "FORBIDDEN_IMPORT", id="file"
        ),
        pytest.param(
            '(module (memory (export "memory") 2000) (func (export "_start")))',
            None,
            "module_scan",
            "MEMORY_LIMIT_EXCEEDED",
            id="125 MiB at its start",
        ),
        pytest.param(
            '(module (memory (export "memory") 1) (func (export "_start") (drop (ref.i31 (i32.const 1)))))',
            None,
            "module_scan",
            "UNSUPPORTED_INSTRUCTION",
            id="garbage collection",
        ),
        pytest.param(modules.TRAPPING, None, "gherkin_tests", "COMPONENT_TRAPPED", id="a trap"),
        pytest.param(modules.EXITING_WITH_3, None, "gherkin_tests", "COMPONENT_EXITED", id="exit code 3"),
        pytest.param(modules.FLOODING, None, "gherkin_tests", "OUTPUT_TOO_LARGE", id="5 MB of output"),
        pytest.param(modules.GROWING, None, "gherkin_tests", "MEMORY_LIMIT_EXCEEDED", id="a memory bomb"),
        pytest.param(LOOPING, None, "gherkin_tests", "FUEL_EXHAUSTED", id="an endless loop"),
        pytest.param(modules.printing("yes"), None, "gherkin_tests", "INVALID_OUTPUT", id="not JSON"),
        pytest.param(
            GOOD, expecting({"success": True, "data": {"n": True}}), "gherkin_tests", "SCENARIO_FAILED", id="wrong"
        ),
        pytest.param(
            GOOD,
            expecting(DATA_1, output_schema={**NUMBER, "required": ["n", "m"]}),
            "gherkin_tests",
            "OUTPUT_OUTSIDE_SCHEMA",
            id="outside its schema",
        ),
        pytest.param(
            GOOD,
            expecting(DATA_1, output_schema={**NUMBER, "if": {}}),
            "gherkin_tests",
            "INVALID_SCHEMA",
            id="a schema",
        ),
        pytest.param(RANDOM, None, "determinism", "NOT_DETERMINISTIC", id="random output"),
    ],
)
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
