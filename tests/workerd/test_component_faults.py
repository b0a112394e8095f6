"""Proves on real workerd that each fault of a bucket component has its own error code, and the next request works."""

import json
from typing import Any

import pytest

from fixtures.modules import (
    EXITING_WITH_3,
    FLOODING,
    GROWING,
    LOOPING,
    RECURSING,
    TRAPPING,
    WITHOUT_START,
    asking,
    build_contract,
    build_module,
    importing,
    printing,
)
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

FAULTS = [
    pytest.param("trap", TRAPPING, "COMPONENT_TRAPPED", 502, id="trap"),
    pytest.param("recursion", RECURSING, "COMPONENT_TRAPPED", 502, id="endless recursion"),
    pytest.param("exit3", EXITING_WITH_3, "COMPONENT_EXITED", 502, id="exit code 3"),
    pytest.param("growth", GROWING, "MEMORY_LIMIT_EXCEEDED", 502, id="endless memory growth"),
    pytest.param("flood", FLOODING, "OUTPUT_TOO_LARGE", 502, id="5 MB of stdout"),
    pytest.param("not_json", printing("hello"), "INVALID_OUTPUT", 502, id="output that is not JSON"),
    pytest.param("no_start", WITHOUT_START, "INVALID_MODULE", 422, id="no _start"),
    pytest.param("plain_fetch", importing("env", "fetch"), "UNKNOWN_IMPORT", 422, id="a plain fetch"),
    pytest.param("unknown_host", importing("arcrun", "launch"), "UNKNOWN_IMPORT", 422, id="unknown host function"),
    pytest.param("undeclared", asking("http_request", "{}"), "CAPABILITY_NOT_DECLARED", 422, id="undeclared network"),
]


@pytest.mark.parametrize(("name", "source", "code", "status"), FAULTS)
def test_each_fault_has_its_code_and_the_next_request_works(
    platform: LocalPlatform, name: str, source: str, code: str, status: int
) -> None:
    component_id = platform.put_component(build_module(source), build_contract(f"fault_{name}"))
    answer = platform.execute(component_id, {})
    assert (answer.json()["error"]["code"], answer.status_code) == (code, status)
    assert platform.execute("string_ops", {"operation": "upper", "input": "on"}).json()["data"]["result"] == "ON"


@pytest.mark.parametrize("tier", ["bundle", "bucket"])
def test_an_endless_loop_ends_with_its_fuel(platform: LocalPlatform, tier: str) -> None:
    component_id = "endless"
    if tier == "bucket":
        component_id = platform.put_component(build_module(LOOPING), build_contract("endless_in_bucket"))
    answer = platform.execute(component_id, {})
    assert (answer.json()["error"]["code"], answer.status_code) == ("FUEL_EXHAUSTED", 502)
    assert platform.execute("string_ops", {"operation": "upper", "input": "on"}).json()["data"]["result"] == "ON"


# Ends its call, catches the exception, and then reports success.
GOING_ON = """(module
  {ask}
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "\\20\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 32) "{{}}")
  (func $end {end})
  (func (export "_start")
    (block $caught (try_table (catch_all $caught) (call $end)))
    (loop $more
      (block $caught (try_table (catch_all $caught)
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
      (br $more))))"""
ASK = '(import "arcrun" "sleep" (func $ask (param i32 i32) (result i32)))'
TOO_MUCH = (
    "(i32.store (i32.const 4) (i32.const 60000)) (loop $l (drop (call $write (i32.const 1) (i32.const 0) "
    "(i32.const 1) (i32.const 8))) (br $l))"
)


@pytest.mark.parametrize("suspends", [False, True], ids=["does not wait", "could wait"])
@pytest.mark.parametrize(
    ("name", "end", "code"),
    [
        ("exit", "(call $exit (i32.const 3))", "COMPONENT_EXITED"),
        ("output", TOO_MUCH, "OUTPUT_TOO_LARGE"),
    ],
)
def test_nothing_goes_on_after_the_end(platform: LocalPlatform, name: str, end: str, code: str, suspends: bool) -> None:
    source = GOING_ON.format(ask=ASK if suspends else "", end=end)
    contract = build_contract(f"going_on_{name}_{suspends}".lower(), capabilities=["sleep"])
    answer = platform.execute(platform.put_component(build_module(source), contract), {})
    assert (answer.json()["error"]["code"], answer.status_code) == (code, 502)


def test_a_code_of_ours_that_a_component_tells_is_not_taken_for_ours(platform: LocalPlatform) -> None:
    given = {"success": False, "error": {"code": "FUEL_EXHAUSTED", "message": "none left"}}
    component_id = platform.put_component(build_module(printing(json.dumps(given))), build_contract("told_ours"))
    answer = platform.execute(component_id, {})
    assert answer.status_code == 422
    error = {"code": "COMPONENT_FAILED", "message": "none left", "component_code": "FUEL_EXHAUSTED"}
    assert answer.json() == {"success": False, "error": error}


BROKEN_FILES = [
    pytest.param(b"MZ, not WebAssembly", id="another format"),
    pytest.param(b"", id="empty"),
    pytest.param(b"\0asm\x01\0\0\0\x01\x7f", id="truncated"),
    # A valid structure with an invalid body: one function, which adds two numbers that are not on the stack.
    pytest.param(
        bytes.fromhex(
            "0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a060104006a1a0b"
        ),
        id="invalid code",
    ),
]


@pytest.mark.parametrize("content", BROKEN_FILES)
def test_a_file_that_is_not_webassembly(
    platform: LocalPlatform, content: bytes, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id.replace(" ", "_")
    component_id = platform.put_component(content, build_contract(f"broken_{name}"))
    answer = platform.execute(component_id, {})
    assert answer.json()["error"]["code"] == "INVALID_MODULE"
    assert answer.status_code in (422, 502)


def test_a_module_that_starts_beyond_the_memory_limit(platform: LocalPlatform) -> None:
    source = '(module (memory (export "memory") 2000) (func (export "_start")))'
    component_id = platform.put_component(build_module(source), build_contract("fault_big_start"))
    answer = platform.execute(component_id, {})
    assert answer.json()["error"]["code"] == "MEMORY_LIMIT_EXCEEDED"


def test_a_contract_that_is_not_valid_lists_its_findings(platform: LocalPlatform) -> None:
    contract: dict[str, Any] = {**build_contract("bad_contract"), "category": "magic", "version": "one"}
    platform.put_component(build_module(TRAPPING), contract)
    error = platform.execute("bad_contract", {}).json()["error"]
    assert error["code"] == "INVALID_CONTRACT"
    assert [finding["path"] for finding in error["details"]["findings"]] == ["category", "version"]


def test_output_that_is_not_an_envelope_is_data(platform: LocalPlatform) -> None:
    component_id = platform.put_component(build_module(printing('{"a": [1]}')), build_contract("plain_output"))
    assert platform.execute(component_id, {}).json() == {"success": True, "data": {"a": [1]}}


def test_a_failure_that_the_component_returns_is_answered_as_it_gave_it(platform: LocalPlatform) -> None:
    given = {"success": False, "error": {"code": "NO_LUCK", "message": "none left", "left": 0}}
    component_id = platform.put_component(build_module(printing(json.dumps(given))), build_contract("returned_failure"))
    answer = platform.execute(component_id, {})
    assert (answer.status_code, answer.json()) == (422, given)
