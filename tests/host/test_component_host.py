"""The WASI host itself, in plain Node: every function of preview1 answers what a program without files should get.

test_both_hosts.py compares it with the host under wasmtime; tests/workerd has it in the Workers.
"""

from collections.abc import Callable
from typing import Any

import pytest

from arcrun.wasm.metering import meter_module
from fixtures.modules import build_module, echoing, printing

Run = Callable[..., Any]


@pytest.fixture(scope="module")
def host(node: Run) -> Run:
    """Run a module (WebAssembly text) on the host; gives what `run` of component_host.mjs returns."""

    def ask(source: str, *, metered: bool = False, **request: Any) -> Any:
        module = build_module(source)
        return node(meter_module(module) if metered else module, **request)

    return ask


@pytest.fixture(scope="module")
def run(host: Run) -> Run:
    """The same; gives stdout, or the list of how it ended."""

    def ask(source: str, **request: Any) -> Any:
        result = host(source, **request)
        return result.partition("\n")[2] if isinstance(result, str) else result

    return ask


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param("(loop $l br $l)", "fuel_exhausted", id="an endless loop"),
        pytest.param("call $start", "fuel_exhausted", id="recursion"),
        pytest.param("unreachable", "trapped", id="a trap of its own"),
    ],
)
def test_the_end_of_the_fuel_is_told_from_another_trap(run: Run, body: str, kind: str) -> None:
    source = f'(module (memory (export "memory") 1) (func $start (export "_start") {body}))'
    assert run(source, metered=True)[0] == kind


def test_a_text_has_the_fuel_before_stdout(host: Run) -> None:
    assert host(printing("4\n2")) == "\n4\n2"
    fuel, _, stdout = host(printing("4\n2"), metered=True).partition("\n")
    assert (2_300 < int(fuel) < 2_400, stdout) == (True, "4\n2")  # a call of the host costs 2,000, its vector 300


@pytest.mark.parametrize(
    ("end", "kind", "used"),
    [
        pytest.param("unreachable", "trapped", range(1, 10), id="a trap"),
        pytest.param("(call $exit (i32.const 3))", "exited", range(2_000, 2_010), id="an exit code"),
        pytest.param("(loop $l br $l)", "fuel_exhausted", range(20_001, 20_010), id="no fuel left"),
    ],
)
def test_a_list_has_the_fuel_at_its_end(host: Run, end: str, kind: str, used: range) -> None:
    source = f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") {end}))"""
    result = host(source, metered=True)
    assert (result[0], result[6] in used) == (kind, True)


def test_a_list_without_metering_ends_in_null(host: Run) -> None:
    assert host('(module (memory (export "memory") 1) (func (export "_start") unreachable))')[5:] == [65536, None]


def test_stdin_is_read_to_its_end(run: Run) -> None:
    assert run(echoing(3), stdin="grüße, 世界") == "grüße, 世界"


@pytest.mark.parametrize("parts", [[128], [1, 63, 64], [100, 0, 28], [1] * 128])
def test_randomness_is_chacha20_of_the_seed(node: Run, parts: list[int]) -> None:
    # RFC 8439, appendix A.1, test vectors 1 and 2: key 0, nonce 0, blocks 0 and 1.
    expected = (
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
    )
    assert node(keystreamBytes=parts) == expected


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        pytest.param("", [False, False], id="neither"),
        pytest.param(
            '(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))',
            [False, True],
            id="seed",
        ),
        pytest.param('(import "arcrun" "sleep" (func (param i32 i32) (result i32)))', [True, False], id="host"),
    ],
)
def test_what_a_module_needs_is_told_by_its_imports(node: Run, imports: str, expected: list[bool]) -> None:
    assert node(build_module(f"(module {imports})"), needs=True) == expected


def test_the_same_seed_and_time_replay_a_call_exactly(run: Run) -> None:
    source = """(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (drop (call $random (i32.const 64) (i32.const 16)))
        (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 80)))
        (loop $more ;; make letters of the bytes
          (i32.store8 (i32.add (i32.const 64) (local.get $i))
            (i32.add (i32.const 97) (i32.and (i32.load8_u (i32.add (i32.const 64) (local.get $i))) (i32.const 15))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 24))))
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 24))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    first = run(source, seed="ab" * 32, nowMs=1_700_000_000_123)
    assert first == run(source, seed="ab" * 32, nowMs=1_700_000_000_123)
    assert first != run(source, seed="ac" * 32, nowMs=1_700_000_000_123)
    assert first != run(source, seed="ab" * 32, nowMs=1_700_000_000_124)


def test_each_call_gets_a_fresh_instance(run: Run) -> None:
    source = """(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 64) "0")
      (func (export "_start")
        (i32.store8 (i32.const 64) (i32.add (i32.load8_u (i32.const 64)) (i32.const 1)))
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 1))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    assert [run(source), run(source)] == ["1", "1"]


def test_stdout_is_limited(run: Run) -> None:
    assert run(printing("x" * 1024)) == "x" * 1024
    assert run(printing("x" * 1025))[0] == "stdout_limit"


def test_stderr_is_kept_up_to_its_limit_and_cut_there(run: Run) -> None:
    source = printing("e" * 100).replace("(call $write (i32.const 1)", "(call $write (i32.const 2)")
    assert run(source)[:5] == ["exited", 0, "", "", "e" * 64]


def test_output_that_is_not_utf8_is_told_apart(run: Run) -> None:
    source = printing("x").replace("\\78", "\\ff")
    assert run(source)[0] == "not_utf8"


@pytest.mark.parametrize("code", [1, 3, 255])
def test_an_exit_code_is_reported(run: Run, code: int) -> None:
    source = f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "_start") (call $exit (i32.const {code}))))"""
    assert run(source)[:2] == ["exited", code]
