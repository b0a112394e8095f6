"""The meaning of each way for a call to end, and that the Python and JavaScript sides of the ABI agree."""

import re
from pathlib import Path
from typing import Any

import pytest
import wasmtime

from arcrun.limits import MAX_MEMORY_PAGES
from arcrun.wasm import abi
from arcrun.wasm.abi import Execution, ExitKind, read_outcome
from arcrun.wasm.host_functions import HOST_FUNCTIONS, HOST_MODULE, WASI_FUNCTIONS, WASI_MODULE
from fakes.components import exited
from fixtures.json_limits import BEYOND_JSON

HOST_SOURCE = (Path(__file__).parents[3] / "workers/edge/component_host.mjs").read_text()
FULL_MEMORY = MAX_MEMORY_PAGES * abi.PAGE_BYTES
HINT = "Run only the component on this input: POST /execute with {component, input}."
BUDGET_HINTS = [
    "Give it less data at once: fewer items, shorter strings.",
    "Or let the node compute for longer, in a sandbox: `cpu_ms` in its config, at most 10000.",
]


@pytest.mark.parametrize(
    ("stdout", "expected"),
    [
        pytest.param('{"success": true, "data": {"n": 1}}', {"success": True, "data": {"n": 1}}, id="success"),
        pytest.param('{"success": true}', {"success": True}, id="success without data"),
        pytest.param(
            '{"success": true, "data": 1, "note": "x"}', {"success": True, "data": 1, "note": "x"}, id="other keys stay"
        ),
        pytest.param('{"n": 1}', {"success": True, "data": {"n": 1}}, id="object without success"),
        pytest.param('{"success": "yes"}', {"success": True, "data": {"success": "yes"}}, id="success that is a text"),
        pytest.param('{"success": 1}', {"success": True, "data": {"success": 1}}, id="success that is a number"),
        pytest.param("[1, 2]", {"success": True, "data": [1, 2]}, id="list"),
        pytest.param('"text"', {"success": True, "data": "text"}, id="text"),
        pytest.param("null", {"success": True, "data": None}, id="null"),
        pytest.param("false", {"success": True, "data": False}, id="false"),
        pytest.param(" \n{}\n ", {"success": True, "data": {}}, id="white space around"),
        pytest.param('"\\u5f97\\ud83d\\ude00"', {"success": True, "data": "得😀"}, id="escaped characters"),
    ],
)
def test_output_that_counts_as_success(stdout: str, expected: dict[str, Any]) -> None:
    outcome = read_outcome(exited(stdout, stderr="a line\n"), "echo")
    assert (outcome.envelope, outcome.error, outcome.log) == (expected, None, "a line\n")


@pytest.mark.parametrize(
    ("output", "code", "message", "details"),
    [
        pytest.param(
            {"error": {"code": "BAD", "message": "It is bad."}}, "BAD", "It is bad.", {}, id="code and message"
        ),
        pytest.param({"error": "It is bad."}, "COMPONENT_FAILED", "It is bad.", {}, id="bare text"),
        pytest.param({"error": {"message": "m"}}, "COMPONENT_FAILED", "m", {}, id="no code"),
        pytest.param({"error": {"code": "BAD"}}, "BAD", "The component failed.", {}, id="no message"),
        pytest.param({"error": {}}, "COMPONENT_FAILED", "The component failed.", {}, id="empty error"),
        pytest.param(
            {"error": {"code": None, "message": None}},
            "COMPONENT_FAILED",
            "The component failed.",
            {},
            id="null code and message",
        ),
        pytest.param({"error": {"code": 7, "message": 8}}, "7", "8", {}, id="numbers for texts"),
        pytest.param(
            {"error": {"code": "BAD", "message": "m", "field": "to"}}, "BAD", "m", {"field": "to"}, id="more about it"
        ),
        pytest.param({}, "COMPONENT_FAILED", "The component failed and did not say why.", {}, id="no error"),
        pytest.param({"error": ""}, "COMPONENT_FAILED", "The component failed and did not say why.", {}, id="no text"),
        pytest.param({"error": None}, "COMPONENT_FAILED", "The component failed and did not say why.", {}, id="null"),
        pytest.param({"error": [1]}, "COMPONENT_FAILED", "[1]", {}, id="list"),
    ],
)
def test_output_that_says_failure(output: dict[str, Any], code: str, message: str, details: dict[str, Any]) -> None:
    outcome = read_outcome(exited({"success": False, **output}, stderr="log"), "echo")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message, outcome.error.details) == (code, message, details)
    assert outcome.error.http_status == 422
    assert outcome.envelope == {"success": False, "error": {"code": code, "message": message, **details}}
    assert outcome.log == "log"


@pytest.mark.parametrize(
    ("said", "retriable"),
    [({"retriable": True}, True), ({"retriable": False}, False), ({}, False), ({"retriable": 1}, False)],
)
def test_a_failure_is_retriable_if_the_component_says_so(said: dict[str, Any], retriable: bool) -> None:
    outcome = read_outcome(exited({"success": False, "error": {"code": "BAD", "message": "m", **said}}), "echo")
    assert outcome.error is not None
    assert (outcome.error.retriable, outcome.error.details) == (retriable, said)


def test_a_failure_keeps_the_rest_of_its_envelope() -> None:
    outcome = read_outcome(exited({"success": False, "error": "x", "data": {"partial": 1}}), "echo")
    assert outcome.envelope["data"] == {"partial": 1}


def end(kind: ExitKind, *, exit_code: int = -1, message: str = "", memory_bytes: int = 1 << 20) -> Execution:
    return Execution(kind, exit_code, message, "", "", memory_bytes)


@pytest.mark.parametrize(
    ("execution", "code", "message", "details"),
    [
        pytest.param(
            end(ExitKind.EXITED, exit_code=3),
            "COMPONENT_EXITED",
            "`echo` ended with exit code 3.",
            {"exit_code": 3},
            id="exit code",
        ),
        pytest.param(
            end(ExitKind.TRAPPED, message="unreachable"),
            "COMPONENT_TRAPPED",
            "`echo` trapped: unreachable.",
            {},
            id="trap",
        ),
        pytest.param(
            end(ExitKind.STDOUT_LIMIT),
            "OUTPUT_TOO_LARGE",
            "`echo` wrote more than 4 MiB to stdout.",
            {},
            id="too much output",
        ),
        pytest.param(
            end(ExitKind.NOT_UTF8), "INVALID_OUTPUT", "The output of `echo` is not UTF-8.", {}, id="not UTF-8"
        ),
        pytest.param(
            end(ExitKind.FUEL_EXHAUSTED),
            "FUEL_EXHAUSTED",
            "`echo` used up its execution budget; it may be in an endless loop.",
            {},
            id="fuel",
        ),
        pytest.param(
            end(ExitKind.DEADLINE_EXCEEDED), "DEADLINE_EXCEEDED", "`echo` did not end in time.", {}, id="time"
        ),
        pytest.param(
            end(ExitKind.NOT_LOADED, message="LinkError"),
            "INVALID_MODULE",
            "`echo` could not be loaded: LinkError.",
            {},
            id="not loaded",
        ),
        pytest.param(
            end(ExitKind.TRAPPED, message="unreachable", memory_bytes=FULL_MEMORY),
            "MEMORY_LIMIT_EXCEEDED",
            "`echo` failed with its memory full (64 MiB).",
            {},
            id="trap with the memory full",
        ),
        pytest.param(
            end(ExitKind.EXITED, exit_code=1, memory_bytes=FULL_MEMORY * 15 // 16),
            "MEMORY_LIMIT_EXCEEDED",
            "`echo` failed with its memory full (64 MiB).",
            {"exit_code": 1},
            id="exit with the memory nearly full",
        ),
        pytest.param(
            end(ExitKind.TRAPPED, message="m", memory_bytes=FULL_MEMORY * 15 // 16 - abi.PAGE_BYTES),
            "COMPONENT_TRAPPED",
            "`echo` trapped: m.",
            {},
            id="trap with less memory",
        ),
        pytest.param(
            end(ExitKind.STDOUT_LIMIT, memory_bytes=FULL_MEMORY),
            "OUTPUT_TOO_LARGE",
            "`echo` wrote more than 4 MiB to stdout.",
            {},
            id="too much output with the memory full",
        ),
    ],
)
def test_a_call_that_the_platform_ended(execution: Execution, code: str, message: str, details: dict[str, Any]) -> None:
    outcome = read_outcome(execution, "echo")
    assert outcome.error is not None
    assert outcome.error.http_status == 502
    assert outcome.error.to_json() == {
        "code": code,
        "message": message,
        "retriable": False,
        "next_actions": BUDGET_HINTS if code == "FUEL_EXHAUSTED" else [HINT],
        "details": details,
    }
    assert outcome.envelope == {"success": False, "error": outcome.error.to_json()}


@pytest.mark.parametrize("kind", [ExitKind.EXITED, ExitKind.TRAPPED])
def test_fuel_is_handed_on(kind: ExitKind) -> None:
    assert read_outcome(Execution(kind, 0, "", "{}", "", 0, 42), "echo").fuel == 42


def test_full_memory_is_no_failure_by_itself() -> None:
    execution = Execution(ExitKind.EXITED, 0, "", "{}", "", FULL_MEMORY)
    assert read_outcome(execution, "echo").error is None


def test_every_kind_of_end_but_a_clean_exit_is_a_failure() -> None:
    assert [kind for kind in ExitKind if read_outcome(end(kind, exit_code=0), "echo").error is None] == []


def test_output_is_not_read_after_a_failure() -> None:
    outcome = read_outcome(exited('{"success": true}', exit_code=1), "echo")
    assert outcome.error is not None
    assert outcome.error.code == "COMPONENT_EXITED"


@pytest.mark.parametrize(
    "stdout",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello", id="plain text"),
        pytest.param('{"a": 1} {"b": 2}', id="two values"),
        pytest.param("{'a': 1}", id="single quotes"),
        pytest.param('{"a": 1,}', id="trailing comma"),
        pytest.param('{"data": NaN}', id="NaN, which JSON does not have"),
        pytest.param('{"data": -Infinity}', id="Infinity, which JSON does not have"),
    ],
)
def test_output_that_is_not_json(stdout: str) -> None:
    outcome = read_outcome(exited(stdout), "echo")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.http_status) == ("INVALID_OUTPUT", 502)
    assert outcome.error.message == "The output of `echo` is not JSON."


@pytest.mark.parametrize(("stdout", "problem"), BEYOND_JSON)
def test_output_that_is_too_much_json_says_so(stdout: str, problem: str) -> None:
    outcome = read_outcome(exited(stdout), "echo")
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.http_status) == ("INVALID_OUTPUT", 502)
    assert outcome.error.message == f"The output of `echo` cannot be read: {problem}."


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        pytest.param("panic: boom\n", {"log": "panic: boom\n"}, id="short"),
        pytest.param("x" * 2_000, {"log": "x" * 2_000}, id="just short"),
        pytest.param("x" * 1_999 + "\n" + "y" * 1_000 + "\nend", {"log": "y" * 1_000 + "\nend"}, id="its last lines"),
        pytest.param("x" * 5_000 + "end", {}, id="no part of a line"),
        pytest.param("", {}, id="none"),
    ],
)
def test_a_fault_quotes_the_log(stderr: str, expected: dict[str, str]) -> None:
    outcome = read_outcome(Execution(ExitKind.TRAPPED, -1, "m", "", stderr, 0), "echo")
    assert outcome.error is not None
    assert outcome.error.details == expected
    assert outcome.log == stderr


def host_modules() -> dict[str, list[str]]:
    """The functions of each import module, parsed from component_host.mjs."""
    table = re.search(r"^const HOST_MODULES = \{\n(.*?)^\};", HOST_SOURCE, re.MULTILINE | re.DOTALL)
    assert table is not None
    modules = re.findall(r"^  (\w+): \{\n(.*?)^  \},", table[1], re.MULTILINE | re.DOTALL)
    return {module: re.findall(r"^    (\w+): ", functions, re.MULTILINE) for module, functions in modules}


def test_functions_are_those_of_component_host_mjs() -> None:
    expected = {
        WASI_MODULE: sorted(WASI_FUNCTIONS),
        HOST_MODULE: sorted(HOST_FUNCTIONS),
    }
    assert {module: sorted(names) for module, names in host_modules().items()} == expected


def test_what_suspends_is_what_asks_the_host() -> None:
    suspending = re.search(r"^const SUSPENDING = \[(.*?)\];", HOST_SOURCE, re.MULTILINE)
    assert suspending is not None
    asking = [name for name in HOST_FUNCTIONS if f'    {name}: asking("{name}"),' in HOST_SOURCE]
    assert sorted(re.findall(r'"(\w+)"', suspending[1])) == sorted([*asking, "poll_oneoff"])
    assert {name for name, lent in HOST_FUNCTIONS.items() if lent.asks} == set(asking)


def test_wasi_functions_are_known_to_another_runtime() -> None:
    engine = wasmtime.Engine()
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    found = [linker.get(store, WASI_MODULE, name) for name in sorted(WASI_FUNCTIONS)]
    assert (len(found), None in found) == (46, False)


def test_exit_kinds_are_the_words_of_component_host_mjs() -> None:
    returned = re.findall(r'return \["(\w+)", -1', HOST_SOURCE)
    ended = re.findall(r'(?:#end|\.stop)\("(\w+)"', HOST_SOURCE)
    replaced = re.findall(r'\bkind = "(\w+)"', HOST_SOURCE)
    assert {*returned, *ended, *replaced} == set(ExitKind) - {ExitKind.DEADLINE_EXCEEDED}  # the command line's runner
