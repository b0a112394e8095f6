"""A component's report of its failure is bounded, and cannot be mistaken for the platform's."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.engine.calls import judge_failure
from arcrun.engine.node_run import delay_before_next
from arcrun.errors import ArcrunError
from arcrun.limits import MAX_ERROR_DETAILS_BYTES, MAX_ERROR_MESSAGE_CHARACTERS
from arcrun.platform_codes import RESERVED_CODES, SHARED_CODES
from arcrun.wasm.abi import read_outcome
from arcrun.wasm.failure import read_failure
from arcrun.workflows.model import RetryPolicy
from fakes.components import exited
from fakes.contracts import build_contract
from fakes.ports.system import SeededRandom

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("core/arcrun", *(f"workers/{name}" for name in ("executor/src", "registry/src", "auth/src", "http", "edge")))
MAKERS = {"_fault", "_fail", "naming_faults"}  # functions that take a code and make an error
_CODE = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)*")
_NAMES_A_CODE = re.compile(rf"\b(?:code|{'|'.join(MAKERS)})\b")  # without one, no file of Python has any


def codes_in(source: str) -> Iterator[str]:
    """Codes in the source: `code=...`, a class's `code`, or an argument of a function that builds an error."""
    if not _NAMES_A_CODE.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        values: list[ast.expr] = []
        if (isinstance(node, ast.keyword) and node.arg == "code") or (
            isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "code" for name in node.targets)
        ):
            values = [node.value]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in MAKERS:
            values = node.args
        for part in (part for value in values for part in ast.walk(value)):
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and _CODE.fullmatch(part.value):
                yield part.value


PLATFORM = sorted(
    {
        code
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if "workflows" not in path.parts  # diagnostics: of a text, not of a run
        for code in codes_in(path.read_text())
    }
)
# What the built-in components' sources and scenarios say.
COMPONENTS = sorted(
    {
        code
        for pattern in ("*.zig", "contract.yaml")
        for path in (ROOT / "components").rglob(pattern)
        for code in re.findall(r'\bcode\b"?\s*[:=]\s*"?([A-Z]+(?:_[A-Z]+)+)\b', path.read_text())
    }
)


def test_no_code_is_both_ours_and_theirs() -> None:
    assert set() == RESERVED_CODES & SHARED_CODES


def test_each_code_of_the_platform_is_known_as_one() -> None:
    assert len(PLATFORM) > 80
    assert [code for code in PLATFORM if code not in RESERVED_CODES | SHARED_CODES] == []


def test_the_components_tell_none_that_is_ours() -> None:
    assert len(COMPONENTS) > 10
    assert [code for code in COMPONENTS if code in RESERVED_CODES] == []


def tell(error: Any) -> tuple[Any, ArcrunError]:
    outcome = read_outcome(exited(json.dumps({"success": False, "error": error})), "echo")
    assert outcome.error is not None
    return outcome.envelope["error"], outcome.error


@pytest.mark.parametrize("code", sorted(RESERVED_CODES))
def test_a_code_of_ours_is_no_longer_one(code: str) -> None:
    envelope, error = tell({"code": code, "message": "m", "status": 503})
    expected = {"status": 503, "component_code": code}
    assert (error.code, error.http_status, error.ends_run) == ("COMPONENT_FAILED", 422, False)
    assert error.details == expected
    assert envelope == {"code": "COMPONENT_FAILED", "message": "m", **expected}


@pytest.mark.parametrize("code", ["fuel_exhausted", " RUN_TIMEOUT", "Cancelled\n"])
def test_nor_one_that_looks_like_ours(code: str) -> None:
    assert tell({"code": code, "message": "m"})[1].code == "COMPONENT_FAILED"


@pytest.mark.parametrize("code", ["HTTP_TIMEOUT", "INVALID_INPUT", "RATE_LIMITED", "NO_LUCK", "7", "nicht gut"])
def test_another_code_stays(code: str) -> None:
    envelope, error = tell({"code": code, "message": "m"})
    assert (envelope["code"], error.code, error.details) == (code, code, {})


def test_a_code_of_ours_is_no_cause_of_a_retry() -> None:
    policy = RetryPolicy(max_attempts=3, on=("RUN_TIMEOUT",))
    _, error = tell({"code": "RUN_TIMEOUT", "message": "m"})
    assert delay_before_next(policy, 1, error, SeededRandom()) is None
    assert judge_failure(read_failure({"code": "RUN_TIMEOUT"})[1], build_contract()) is False


def test_where_an_error_came_about_is_not_for_the_component_to_say() -> None:
    envelope, error = tell({"code": "BAD", "message": "m", "node": "another", "index": 3, "workflow": "w", "row": 4})
    error.locate(node="mine")
    assert error.details == {"row": 4, "node": "mine"}
    assert (envelope["node"], envelope["index"]) == ("another", 3)


def test_what_is_too_long_is_left_out_whole() -> None:
    envelope, error = tell({"code": "C" * 65, "message": "m" * 4_001})
    assert (error.code, error.details) == ("COMPONENT_FAILED", {"left_out": ["message", "code"]})
    assert error.message == envelope["message"] == "The component failed, with a message of 4001 characters."


def test_the_longest_stays() -> None:
    envelope, error = tell({"code": "C" * 64, "message": "m" * 4_000})
    assert (error.code, error.message, envelope["code"]) == ("C" * 64, "m" * 4_000, "C" * 64)


def test_fields_that_do_not_fit_are_named() -> None:
    envelope, error = tell({"code": "BAD", "retriable": True, "body": "x" * MAX_ERROR_DETAILS_BYTES, "status": 503})
    assert error.details == {"retriable": True, "status": 503, "left_out": ["body"]}
    assert error.retriable
    assert envelope["left_out"] == ["body"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(
    st.dictionaries(st.sampled_from(["code", "message", "status", "node", "x", "left_out"]), _JSON)
    | st.dictionaries(st.text(max_size=3), st.integers(0, 30_000).map(lambda size: "é" * size), max_size=40)
    | _JSON
)
def test_whatever_it_tells_is_bounded(error: Any) -> None:
    envelope, found = tell(error)
    most = MAX_ERROR_DETAILS_BYTES + 6 * MAX_ERROR_MESSAGE_CHARACTERS + 10_000
    assert len(json.dumps(envelope)) <= most
    assert len(json.dumps(found.to_json())) <= most
    assert found.code not in RESERVED_CODES
    assert isinstance(found.message, str)


@pytest.mark.parametrize(
    ("component_id", "code", "advised"),
    [
        ("code", "RESULT_NOT_JSON", True),
        ("code", "NO_STOCK", False),
        ("code", "HOST_NOT_ALLOWED", True),
        ("http_request", "HOST_NOT_ALLOWED", False),
        ("store", "STORE_FULL", True),
        ("store", "NOT_A_NUMBER", True),
        ("number_ops", "NOT_A_NUMBER", False),
    ],
)
def test_errors_that_need_it_say_what_to_do(component_id: str, code: str, *, advised: bool) -> None:
    envelope = {"success": False, "error": {"code": code, "message": "m"}}
    error = read_outcome(exited(envelope), component_id).error
    assert error is not None
    assert bool(error.to_json()["next_actions"]) is advised
