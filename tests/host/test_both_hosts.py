"""Proves that the two hosts of components, component_host.mjs and acr's under wasmtime, answer and charge the same:
errnos, descriptors, arguments, the ends of a call, and that nothing which a component does after its end counts.
"""

import re
from pathlib import Path

import pytest
from host.conftest import RunOn
from hypothesis import given
from hypothesis import strategies as st

from arcrun.wasm import host_functions
from arcrun.wasm.abi import Execution, ExitKind
from fixtures import modules
from fixtures.modules import asking, echoing, printing

HOSTS = ("node", "wasmtime")
SUCCESS, BADF, FAULT, INVAL, NOSYS, NOTDIR, NOTSOCK, SPIPE = 0, 8, 21, 28, 52, 54, 57, 70
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
    ("clock_res_get", "i32 i32", (-1, OUT), INVAL),
    ("clock_time_get", "i32 i64 i32", (4, 0, OUT), INVAL),
    ("clock_time_get", "i32 i64 i32", (1, 0, OUT), SUCCESS),
    ("clock_time_get", "i32 i64 i32", (0, 0, 200_000), FAULT),
    ("fd_advise", "i32 i64 i64 i32", (0, 0, 0, 0), SPIPE),
    ("fd_allocate", "i32 i64 i64", (1, 0, 0), INVAL),
    ("fd_close", "i32", (0,), SUCCESS),
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
    ("fd_read", "i32 i32 i32 i32", (0, OUT, -1, OUT), INVAL),
    ("fd_read", "i32 i32 i32 i32", (0, OUT, 1025, OUT), INVAL),
    ("fd_read", "i32 i32 i32 i32", (0, -8, 1, OUT), FAULT),
    ("fd_readdir", "i32 i32 i32 i64 i32", (0, OUT, 8, 0, OUT), NOTDIR),
    ("fd_readdir", "i32 i32 i32 i64 i32", (3, OUT, 8, 0, OUT), BADF),
    ("fd_renumber", "i32 i32", (0, 2), SUCCESS),
    ("fd_renumber", "i32 i32", (0, 0), SUCCESS),
    ("fd_renumber", "i32 i32", (0, 3), BADF),
    ("fd_renumber", "i32 i32", (3, 0), BADF),
    ("fd_renumber", "i32 i32", (-1, 0), BADF),
    ("fd_seek", "i32 i64 i32 i32", (0, 0, 0, OUT), SPIPE),
    ("fd_sync", "i32", (1,), INVAL),
    ("fd_tell", "i32 i32", (0, OUT), SPIPE),
    ("fd_write", "i32 i32 i32 i32", (0, OUT, 0, OUT), BADF),
    ("fd_write", "i32 i32 i32 i32", (5, OUT, 0, OUT), BADF),
    ("fd_write", "i32 i32 i32 i32", (1, OUT, -1, OUT), INVAL),
    ("fd_write", "i32 i32 i32 i32", (2, OUT, 1025, OUT), INVAL),
    ("fd_write", "i32 i32 i32 i32", (1, OUT, 1024, OUT), SUCCESS),
    ("fd_write", "i32 i32 i32 i32", (1, OUT, 0, 200_000), FAULT),
    ("fd_write", "i32 i32 i32 i32", (1, 200_000, 1, OUT), FAULT),
    ("path_create_directory", "i32 i32 i32", (3, OUT, 1), BADF),
    ("path_filestat_get", "i32 i32 i32 i32 i32", (3, 0, OUT, 1, OUT), BADF),
    ("path_filestat_set_times", "i32 i32 i32 i32 i64 i64 i32", (3, 0, OUT, 1, 0, 0, 0), BADF),
    ("path_link", "i32 i32 i32 i32 i32 i32 i32", (3, 0, OUT, 1, 3, OUT, 1), BADF),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", (3, 0, OUT, 1, 0, 0, 0, 0, OUT), BADF),
    ("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32", (0, 0, OUT, 1, 0, 0, 0, 0, OUT), NOTDIR),
    ("path_readlink", "i32 i32 i32 i32 i32 i32", (3, OUT, 1, OUT, 1, OUT), BADF),
    ("path_remove_directory", "i32 i32 i32", (3, OUT, 1), BADF),
    ("path_rename", "i32 i32 i32 i32 i32 i32", (3, OUT, 1, 3, OUT, 1), BADF),
    ("path_symlink", "i32 i32 i32 i32 i32", (OUT, 1, 3, OUT, 1), BADF),
    ("path_symlink", "i32 i32 i32 i32 i32", (OUT, 1, 2, OUT, 1), NOTDIR),
    ("path_unlink_file", "i32 i32 i32", (3, OUT, 1), BADF),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, 4096, 0, 0), INVAL),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, 4096, -1, 0), INVAL),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, 4096, 1025, 0), INVAL),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, BEYOND, 1024, 0), FAULT),
    ("poll_oneoff", "i32 i32 i32 i32", (200_000, 4096, 1, 0), FAULT),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, 4096, 1, 200_000), FAULT),
    ("poll_oneoff", "i32 i32 i32 i32", (OUT, 4096, 1, 0), SUCCESS),
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

# The descriptor that is tried last, after what has been done to it: `calls` of functions, then fd_write of nothing.
DESCRIPTORS = [
    pytest.param("(call $close (i32.const 1))", 1, BADF, id="closed"),
    pytest.param("(call $close (i32.const 2))", 1, SUCCESS, id="another closed"),
    pytest.param("(call $close (i32.const 3))", 1, SUCCESS, id="one closed that is not there"),
    pytest.param("(call $renumber (i32.const 1) (i32.const 2))", 1, BADF, id="moved away"),
    pytest.param("(call $renumber (i32.const 2) (i32.const 1))", 1, SUCCESS, id="replaced"),
    pytest.param("(call $renumber (i32.const 0) (i32.const 1))", 1, BADF, id="replaced by stdin, which takes nothing"),
    pytest.param("(call $renumber (i32.const 1) (i32.const 0))", 0, SUCCESS, id="where it was moved to"),
]

_TRY = """(module
  (import "wasi_snapshot_preview1" "{function}" (func $tried (param {types}) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
  (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (func (export "_start") (local $errno i32)
    {before}
    (local.set $errno (call $tried {given}))
    (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i32.div_u (local.get $errno) (i32.const 10))))
    (i32.store8 (i32.const 17) (i32.add (i32.const 48) (i32.rem_u (local.get $errno) (i32.const 10))))
    (drop (call $log (i32.const 16) (i32.const 2)))))"""


def trying(function: str, types: str, arguments: tuple[int, ...], before: str = "") -> str:
    """A module that calls one function and logs the errno it gets, as two digits."""
    given = " ".join(f"({kind}.const {value})" for kind, value in zip(types.split(), arguments, strict=True))
    return _TRY.format(function=function, types=types, given=given, before=before)


@pytest.mark.parametrize(("function", "types", "arguments", "errno"), CALLS)
def test_a_function_answers_its_errno(
    run_on: RunOn, function: str, types: str, arguments: tuple[int, ...], errno: int
) -> None:
    found = [run_on(host, trying(function, types, arguments)) for host in HOSTS]
    assert found[0] == found[1]
    assert (found[0].kind, found[0].stderr) == (ExitKind.EXITED, f"{errno:02}\n")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("before", "descriptor", "errno"), DESCRIPTORS)
def test_a_descriptor_is_what_was_done_to_it(
    run_on: RunOn, host: str, before: str, descriptor: int, errno: int
) -> None:
    source = trying("fd_write", "i32 i32 i32 i32", (descriptor, OUT, 0, OUT), f"(drop {before})")
    assert run_on(host, source).stderr == f"{errno:02}\n"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("function", ["fd_close", "fd_fdstat_get", "fd_sync", "fd_seek", "sock_shutdown"])
def test_a_descriptor_that_was_closed_is_closed_to_every_function(run_on: RunOn, host: str, function: str) -> None:
    types = host_functions.WASI_FUNCTIONS[function]
    source = trying(function, types, (1,) + (OUT,) * (len(types.split()) - 1), "(drop (call $close (i32.const 1)))")
    assert run_on(host, source).stderr == "08\n"


@pytest.mark.parametrize("host", HOSTS)
def test_the_arguments_are_the_programs_name(run_on: RunOn, host: str) -> None:
    """Its pointer lies at 16, its text at 64; their sizes at 24 and 28."""
    source = """(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "args_get" (func $get (param i32 i32) (result i32)))
      (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (drop (call $sizes (i32.const 24) (i32.const 28)))
        (drop (call $get (i32.const 16) (i32.const 64)))
        (if (i32.ne (i32.load (i32.const 24)) (i32.const 1)) (then unreachable))
        (drop (call $log (i32.load (i32.const 16)) (i32.load (i32.const 28))))))"""
    assert run_on(host, source).stderr == "component\0\n"


# What a module does, in both hosts to the same end and the same fuel.
ALIKE = [
    pytest.param(printing("4\n2"), id="stdout"),
    pytest.param(echoing(1), id="stdin, a byte at a time"),
    pytest.param(echoing(7), id="stdin"),
    pytest.param(printing("e" * 100).replace("(call $write (i32.const 1)", "(call $write (i32.const 2)"), id="stderr"),
    pytest.param(asking("http_request", '{"url": "x"}'), id="asking"),
    pytest.param(asking("sleep", "\u00e9"), id="asking in UTF-8"),
    pytest.param(asking("log", "a line"), id="a log line"),
    pytest.param(modules.BAD_POINTER, id="a bad pointer"),
    pytest.param(modules.FLOODING, id="too much output"),
    pytest.param(modules.EXITING_WITH_3, id="an exit code"),
    pytest.param(modules.LOOPING, id="an endless loop"),
    pytest.param(modules.WITHOUT_START, id="no _start"),
]


@pytest.mark.parametrize("source", ALIKE)
def test_both_hosts_come_to_the_same(run_on: RunOn, source: str) -> None:
    node, wasmtime = (run_on(host, source, stdin="grüße, 世界", reply='{"ok": true}') for host in HOSTS)
    assert (_outside(node), node.fuel_used) == (_outside(wasmtime), wasmtime.fuel_used)


def _outside(execution: Execution) -> tuple[object, ...]:
    """What does not depend on the engine's words."""
    return execution.kind, execution.exit_code, execution.stdout, execution.stderr


def calling(function: str, types: str, arguments: str, *, through: str = "call", pages: int = 1) -> str:
    """A module that calls one function of WASI, or of arcrun where it has such a one, by itself or through a table."""
    module = "arcrun" if function in host_functions.HOST_FUNCTIONS else "wasi_snapshot_preview1"
    call = {
        "call": f"(drop (call $f {arguments}))",
        "call_indirect": f"(drop (call_indirect (type $t) {arguments} (i32.const 0)))",
    }[through]
    return f"""(module (type $t (func (param {types}) (result i32)))
      (import "{module}" "{function}" (func $f (type $t)))
      (table 1 funcref) (elem (i32.const 0) $f)
      (memory (export "memory") {pages}) (data (i32.const 4) "\\00\\00\\10\\00")
      (func (export "_start") {call}))"""


FOUR, PAIR = "i32 i32 i32 i32", "i32 i32"
MIB = 1 << 20
ASKED = host_functions.ASK_COST + 2 * host_functions.REPLY_BYTE_COST  # of the reply
COSTS = [
    pytest.param("sched_yield", "", (), 0, id="nothing more"),
    pytest.param("fd_write", FOUR, (1, 64, 9, 8), 9 * host_functions.VECTOR_COST, id="vectors"),
    pytest.param("fd_write", FOUR, (1, 0, 1, 8), host_functions.VECTOR_COST + 2 * MIB, id="stdout"),
    pytest.param(
        "fd_write", FOUR, (2, 0, 1, 8), host_functions.VECTOR_COST + 2 * 65536, id="stderr, as far as it is taken"
    ),
    pytest.param("fd_write", FOUR, (1, 0, -1, 8), 0, id="vectors beyond the limit"),
    pytest.param("fd_read", FOUR, (0, 0, 1, 8), host_functions.VECTOR_COST + 5, id="stdin, what there is: 10 bytes"),
    pytest.param("random_get", PAIR, (0, 100), 100 * host_functions.RANDOM_BYTE_COST, id="random bytes"),
    pytest.param("random_get", PAIR, (0, -1), 0, id="random bytes beyond the memory"),
    pytest.param("poll_oneoff", FOUR, (64, 4096, 9, 8), 9 * host_functions.SUBSCRIPTION_COST, id="subscriptions"),
    pytest.param("poll_oneoff", FOUR, (64, 4096, -1, 8), 0, id="subscriptions beyond the limit"),
    pytest.param("log", PAIR, (0, 100), 200, id="the log"),
    pytest.param("log", PAIR, (0, MIB), 2 * 65536, id="the log, as far as it is taken"),
    pytest.param("read_reply", PAIR, (0, MIB), 0, id="a reply that is not there"),
    pytest.param("http_request", PAIR, (64, 100), ASKED + 100 * host_functions.REQUEST_BYTE_COST, id="a request"),
    pytest.param("http_request", PAIR, (0, 9 * MIB), 0, id="a request beyond the limit"),
    pytest.param("sleep", PAIR, (0, -1), 0, id="a request beyond the memory"),
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("through", ["call", "call_indirect"])
@pytest.mark.parametrize(("function", "types", "arguments", "extra"), COSTS)
def test_a_call_costs_what_it_moves_and_counts(
    run_on: RunOn, host: str, through: str, function: str, types: str, arguments: tuple[int, ...], extra: int
) -> None:
    values = " ".join(f"(i32.const {value})" for value in arguments)
    call = calling(function, types, values, through=through, pages=160)
    bare = calling("args_sizes_get", PAIR, "(i32.const 0) (i32.const 4)", through=through)  # CALL_COST and its own code
    found, plain = (run_on(host, source, stdin="0123456789").fuel_used for source in (call, bare))
    assert found is not None
    assert plain is not None
    assert found - plain == extra + len(arguments) - 2  # one instruction for each argument


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("function", "types", "arguments"),
    [
        ("random_get", PAIR, "(i32.const 0) (i32.const 65000000)"),
        ("fd_write", FOUR, "(i32.const 1) (i32.const 64) (i32.const 1000) (i32.const 8)"),
        ("poll_oneoff", FOUR, "(i32.const 64) (i32.const 65536) (i32.const 1024) (i32.const 8)"),
        ("http_request", PAIR, "(i32.const 0) (i32.const 100)"),
        ("log", PAIR, "(i32.const 0) (i32.const 65000)"),
    ],
)
def test_what_is_not_paid_for_is_not_done(run_on: RunOn, host: str, function: str, types: str, arguments: str) -> None:
    found = run_on(host, calling(function, types, arguments, pages=1000), fuel=60_000)
    assert (found.kind, found.stdout, found.stderr) == (ExitKind.FUEL_EXHAUSTED, "", "")
    assert found.fuel_used == 60_001


@pytest.mark.parametrize("host", HOSTS)
def test_thousands_of_calls_use_up_the_fuel(run_on: RunOn, host: str) -> None:
    source = """(module (import "wasi_snapshot_preview1" "sched_yield" (func $f (result i32)))
      (memory (export "memory") 1) (func (export "_start") (loop $l (drop (call $f)) (br $l))))"""
    found = run_on(host, source, fuel=1_000_000)
    assert (found.kind, found.fuel_used) == (ExitKind.FUEL_EXHAUSTED, 1_000_001)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("end", ["", "(return)", "(call $exit (i32.const 0))", "unreachable"])
def test_a_call_that_ends_in_debt_has_failed(run_on: RunOn, host: str, end: str) -> None:
    """Straight code of 200 instructions, whose cost is taken off where it begins."""
    source = f"""(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1) (func (export "_start") {"nop " * 200} {end}))"""
    found = run_on(host, source, fuel=100)
    assert (found.kind, found.exit_code) == (ExitKind.FUEL_EXHAUSTED, -1)
    assert found.fuel_used is not None
    assert 200 <= found.fuel_used < 1_000


@pytest.mark.parametrize("host", HOSTS)
def test_without_fuel_nothing_runs(run_on: RunOn, host: str) -> None:
    """0 is a budget, and not none."""
    found = run_on(host, printing("{}"), fuel=0)
    assert (found.kind, found.stdout) == (ExitKind.FUEL_EXHAUSTED, "")


# How a call can be ended from within a host function: its own code, then what both hosts have to say of it.
ENDS = {
    "exit": ("(call $exit (i32.const 3))", ExitKind.EXITED, 3),
    "exit 0": ("(call $exit (i32.const 0))", ExitKind.EXITED, 0),
    "exit, indirect": ("(call_indirect (param i32) (i32.const 3) (i32.const 0))", ExitKind.EXITED, 3),
    "exit, in tail position": ("(call $tail)", ExitKind.EXITED, 3),
    "exit, from a loop": ("(loop $l (call $exit (i32.const 3)) (br $l))", ExitKind.EXITED, 3),
    "too much output": (
        "(i32.store (i32.const 4) (i32.const 5000000)) (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) "
        "(i32.const 8)))",
        ExitKind.STDOUT_LIMIT,
        -1,
    ),
    "no fuel": ("(drop (call $random (i32.const 64) (i32.const 5000000)))", ExitKind.FUEL_EXHAUSTED, -1),
}
# What a component may try after its end.
AFTERWARDS = {
    "write": "(i32.store (i32.const 4) (i32.const 2)) (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) "
    "(i32.const 8)))",
    "log": "(drop (call $log (i32.const 16) (i32.const 2)))",
    "ask": "(drop (call $ask (i32.const 16) (i32.const 2)))",
    "exit": "(call $exit (i32.const 5))",
    "grow": "(drop (memory.grow (i32.const 20)))",
    "loop": "(loop $l (drop (call $log (i32.const 16) (i32.const 2))) (br $l))",
    "spin": "(loop $l (br $l))",
    "trap": "unreachable",
    "throw": "(throw $e)",
    "return": "(return)",
    "recursion": "(call $again)",
}
_ENDING = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
  {ask}
  (tag $e)
  (table 1 funcref) (elem (i32.const 0) $exit)
  (memory (export "memory") 100)
  (data (i32.const 0) "\\10\\00\\00\\00\\02\\00\\00\\00") (data (i32.const 16) "[]")
  (func $tail (return_call $exit (i32.const 3)))
  (func $inner {end})
  (func $again (block $caught (try_table (catch_all $caught) (call $again))))
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (call $log (i32.const 16) (i32.const 2)))
    {outer}))"""
_ASK = '(import "arcrun" "sleep" (func $ask (param i32 i32) (result i32)))'
_NO_ASK = "(func $ask (param i32 i32) (result i32) (i32.const 0))"


def ending(end: str, afterwards: list[str], *, suspends: bool) -> str:
    """A module that ends its call, catches whatever that throws, and goes on, each time around all that follows."""
    outer = "(call $inner)"
    for step in afterwards:
        outer = f"(block $caught (try_table (catch_all $caught) {outer})) {AFTERWARDS[step]}"
    return _ENDING.format(ask=_ASK if suspends else _NO_ASK, end=ENDS[end][0], outer=outer)


@given(
    end=st.sampled_from(sorted(ENDS)),
    afterwards=st.lists(st.sampled_from(sorted(AFTERWARDS)), max_size=4),
    suspends=st.booleans(),
)
def test_nothing_that_comes_after_the_end_counts(
    run_on: RunOn, end: str, afterwards: list[str], suspends: bool
) -> None:
    _, kind, exit_code = ENDS[end]
    straight = ending(end, [], suspends=suspends)
    alone = run_on("node", straight, fuel=2_000_000)
    assert (alone.kind, alone.exit_code) == (kind, exit_code)
    assert (alone.stdout, alone.stderr) == ("[]", "[]\n")
    for host in HOSTS:
        found = run_on(host, ending(end, afterwards, suspends=suspends), fuel=2_000_000)
        assert (found.kind, found.exit_code, found.stdout, found.stderr) == (kind, exit_code, "[]", "[]\n")
        assert found.memory_bytes == 100 * 65536
        assert found.fuel_used is not None
        assert alone.fuel_used is not None
        assert 0 <= found.fuel_used - alone.fuel_used < 1_000  # the code around it is longer


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("body", "kind", "exit_code"),
    [
        pytest.param("unreachable", ExitKind.TRAPPED, -1, id="a trap"),
        pytest.param("(call $exit (i32.const 3))", ExitKind.EXITED, 3, id="an exit"),
        pytest.param("(call $exit (i32.const 0))", ExitKind.EXITED, 0, id="an exit with 0"),
        pytest.param("(call $start)", ExitKind.TRAPPED, -1, id="endless recursion"),
        pytest.param(
            "(drop (call $log (i32.const 0) (i32.const 0)))", ExitKind.TRAPPED, -1, id="its memory, too early"
        ),
    ],
)
def test_a_start_function_ends_in_its_own_way(
    run_on: RunOn, host: str, body: str, kind: ExitKind, exit_code: int
) -> None:
    """Of a module that is not metered. `_start` traps, so that what runs it is seen."""
    source = f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "_start") unreachable)
      (func $start {body}) (start $start))"""
    found = run_on(host, source, metered=False)
    assert (found.kind, found.exit_code, found.stderr) == (kind, exit_code, "")


@pytest.mark.parametrize("host", HOSTS)
def test_what_cannot_be_linked_is_not_loaded(run_on: RunOn, host: str) -> None:
    assert run_on(host, modules.importing("env", "f"), metered=False).kind is ExitKind.NOT_LOADED
    assert run_on(host, modules.importing("arcrun", "f"), metered=False).kind is ExitKind.NOT_LOADED


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("clock", "expected"),
    [pytest.param(0, (2, 0), id="due"), pytest.param(9, (2, INVAL), id="a clock that is not there")],
)
def test_poll_tells_what_is_wrong_with_one_subscription(
    run_on: RunOn, host: str, clock: int, expected: tuple[int, int]
) -> None:
    """A clock that is due at once, and a descriptor that is closed: two events, logged as count, errno, errno."""
    source = f"""(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func $digit (param $at i32) (param $value i32)
        (i32.store8 (local.get $at) (i32.add (i32.const 40) (local.get $value))))
      (func (export "_start")
        (i32.store (i32.const 80) (i32.const {clock}))
        (i32.store8 (i32.const 120) (i32.const 1)) (i32.store (i32.const 128) (i32.const 7))
        (if (call $poll (i32.const 64) (i32.const 512) (i32.const 2) (i32.const 8)) (then unreachable))
        (call $digit (i32.const 0) (i32.load (i32.const 8)))
        (call $digit (i32.const 1) (i32.load16_u (i32.const 520)))
        (call $digit (i32.const 2) (i32.load16_u (i32.const 552)))
        (drop (call $log (i32.const 0) (i32.const 3)))))"""
    count, errno = expected
    assert run_on(host, source).stderr == f"{chr(40 + count)}{chr(40 + errno)}{chr(40 + BADF)}\n"


@pytest.mark.parametrize("host", HOSTS)
def test_a_request_beyond_the_limit_is_refused_in_words(run_on: RunOn, host: str) -> None:
    source = asking("http_request", "{}").replace(
        "(call $ask (i32.const 16) (i32.const 2))", "(call $ask (i32.const 0) (i32.const 9000000))"
    )
    found = run_on(host, source.replace('(memory (export "memory") 2)', '(memory (export "memory") 160)'))
    assert found.stdout == (
        '{"ok":false,"error":{"code":"REQUEST_TOO_LARGE","message":"A request has at most 8 MiB.","retriable":false}}'
    )


@pytest.mark.parametrize("host", HOSTS)
def test_random_bytes_are_the_same_in_both(run_on: RunOn, host: str) -> None:
    """Seven bytes, then 61 over a block's end, of the seed ab..ab, as letters."""
    source = """(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (local $i i32)
        (drop (call $random (i32.const 64) (i32.const 7)))
        (drop (call $random (i32.const 71) (i32.const 61)))
        (loop $more
          (i32.store8 (i32.add (i32.const 64) (local.get $i))
            (i32.add (i32.const 97) (i32.and (i32.load8_u (i32.add (i32.const 64) (local.get $i))) (i32.const 15))))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $more (i32.lt_u (local.get $i) (i32.const 68))))
        (drop (call $log (i32.const 64) (i32.const 68)))))"""
    assert run_on(host, source).stderr == ("ifeopilaopdbcbnlppkhkpapgkdhmfcempgplbfcmjenchpapnkcoinndgcghfanmcnm\n")


def test_small_writes_come_to_their_bytes(run_on: RunOn) -> None:
    """200,000 of a byte each."""
    source = """(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00") (data (i32.const 16) "x")
      (func (export "_start") (local $i i32) (local.set $i (i32.const 200000))
        (loop $more (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
          (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))))"""
    assert run_on("node", source, fuel=1_000_000_000).stdout == "x" * 200_000


def test_the_costs_are_the_same_numbers_in_both() -> None:
    text = (Path(__file__).parents[2] / "workers/edge/component_host.mjs").read_text()
    written = {name: int(digits.replace("_", "")) for name, digits in re.findall(r"\b([A-Z_]+) = ([\d_]+)[,;]", text)}
    costs = {name: value for name, value in vars(host_functions).items() if name.endswith(("_COST", "_PER_UNIT"))}
    assert len(costs) == 9
    assert {name: written.get(name) for name in costs} == costs
