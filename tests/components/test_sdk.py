"""What every component does with its streams, whatever it is for. `string_ops` stands for all of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components import wasm_harness as harness

ROOT = Path(__file__).parents[2]
ZIG_CACHE = ROOT / "build" / "zig"


def echo(text: str) -> str:
    return str(harness.run("string_ops", {"operation": "trim", "input": text}).data["result"])


@pytest.mark.parametrize(
    "stdin",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="cut off"),
        pytest.param('{"operation": "upper", "input": "a"} x', id="more after the object"),
        pytest.param('\ufeff{"operation": "upper", "input": "a"}', id="byte order mark"),
        pytest.param(b'{"operation": "upper", "input": "\xff"}', id="not UTF-8"),
        pytest.param(b'{"operation": "upper", "input": "\xed\xa0\x80"}', id="an encoded surrogate"),
        pytest.param('{"input": ' + "[" * 129 + "]" * 129 + "}", id="129 levels deep"),
        pytest.param("[" * 1_000_000, id="a million levels deep"),
    ],
)
def test_input_that_is_not_json_is_an_error(stdin: str | bytes) -> None:
    assert harness.run_text("string_ops", stdin).error["code"] == "INVALID_JSON"


def test_a_syntax_error_names_its_place() -> None:
    error = harness.run_text("string_ops", '{"a": 1,\n "é": ?}').error
    message = "The input is not valid JSON: a value must stand here (line 2, column 7)."
    assert error == {"code": "INVALID_JSON", "message": message}


@pytest.mark.parametrize("stdin", ["[]", '"text"', "null", "1"])
def test_input_that_is_not_an_object_is_an_error(stdin: str) -> None:
    assert harness.run_text("string_ops", stdin).error["code"] == "INVALID_INPUT"


def test_values_may_nest_128_levels_deep() -> None:
    nested = '{"operation": "trim", "input": " a ", "more": ' + "[" * 127 + "]" * 127 + "}"
    assert harness.run_text("string_ops", nested).data == {"result": "a"}


@pytest.mark.parametrize("text", ["\ud800", "a\udc00b", "\udc00\ud800", "😀", "\x00\x1f\x7f\u2028", '"\\/\b\f\n\r\t'])
def test_every_text_passes_through(text: str) -> None:
    assert echo(f"[{text}]") == f"[{text}]"


def test_of_members_with_the_same_name_the_last_counts() -> None:
    given = '{"operation": "upper", "operation": "lower", "input": "A"}'
    assert harness.run_text("string_ops", given).data == {"result": "a"}


def test_null_counts_as_absent() -> None:
    given = {"operation": "trim", "input": "a", "side": None}
    assert harness.run("string_ops", given).data == {"result": "a"}
    assert harness.run("string_ops", {**given, "input": None}).error["code"] == "INVALID_INPUT"


def test_full_memory_is_an_error_of_its_own() -> None:
    given = json.dumps({"operation": "split", "input": "a" * 300_000, "more": [{}] * 1_200_000}, separators=(",", ":"))
    assert harness.run_text("string_ops", given).error["code"] == "OUT_OF_MEMORY"


def test_zig_unit_tests() -> None:
    command = [sys.executable, "-m", "ziglang", "test", "components/_sdk/zig/sdk.zig"]
    caches = ["--cache-dir", str(ZIG_CACHE / "cache"), "--global-cache-dir", str(ZIG_CACHE / "global")]
    tested = subprocess.run([*command, *caches], cwd=ROOT, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr


def test_committed_modules_are_what_their_sources_build() -> None:
    checked = subprocess.run(
        ["scripts/build_components", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
