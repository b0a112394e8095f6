"""The runner of `acr parts test`: the host as a component sees it, and how each way of ending is reported."""

import pytest

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.registry.trial import START_MS, TrialClock
from arcrun.wasm.abi import Execution, ExitKind, HostFunctions
from arcrun.wasm.metering import meter_module
from fixtures import modules

RUNNER = WasmtimeRunner(fuel=5_000_000, deadline_s=0.2)
ECHO = modules.echoing(2)


class Host(HostFunctions):
    """Records requests; waits advance its clock."""

    def __init__(self, reply: str = '{"ok": true}', seed: bytes = bytes(32)) -> None:
        self.asked: list[tuple[str, str]] = []
        self._reply, self._seed, self._clock = reply, seed, TrialClock()

    async def answer(self, name: str, request: str) -> str:
        self.asked.append((name, request))
        return self._reply

    def now_ms(self) -> float:
        return self._clock.now_ms()

    def seed(self) -> bytes:
        return self._seed


def run(source: str, stdin: bytes = b"", host: Host | None = None, *, metered: bool = True) -> Execution:
    module = modules.build_module(source)
    return RUNNER.call(meter_module(module) if metered else module, stdin, host or Host())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(modules.TRAPPING, (ExitKind.TRAPPED, -1), id="a trap"),
        pytest.param(modules.EXITING_WITH_3, (ExitKind.EXITED, 3), id="an exit code"),
        pytest.param(modules.printing("42"), (ExitKind.EXITED, 0), id="its end"),
        pytest.param(modules.WITHOUT_START, (ExitKind.NOT_LOADED, -1), id="no _start"),
        pytest.param(modules.importing("env", "f"), (ExitKind.NOT_LOADED, -1), id="an import that is not there"),
        pytest.param(modules.LOOPING, (ExitKind.FUEL_EXHAUSTED, -1), id="an endless loop"),
        pytest.param(modules.FLOODING, (ExitKind.STDOUT_LIMIT, -1), id="5 MB of output"),
    ],
)
def test_each_way_of_ending_is_reported(source: str, expected: tuple[ExitKind, int]) -> None:
    runner = WasmtimeRunner(fuel=10_000_000)
    execution = runner.call(meter_module(modules.build_module(source)), b"", Host())
    assert (execution.kind, execution.exit_code) == expected


def test_the_deadline_ends_a_module_that_is_not_metered() -> None:
    execution = run(modules.LOOPING, metered=False)
    assert (execution.kind, execution.fuel_used) == (ExitKind.DEADLINE_EXCEEDED, None)


def test_the_fuel_used_is_reported() -> None:
    used = run(modules.printing("42")).fuel_used
    assert used is not None
    assert 2_300 < used < 2_400  # a call of the host costs 2,000, its vector 300


def test_memory_does_not_grow_beyond_the_limit() -> None:
    execution = WasmtimeRunner().call(meter_module(modules.build_module(modules.GROWING)), b"", Host())
    assert (execution.kind, execution.memory_bytes) == (ExitKind.TRAPPED, 1009 * 65536)  # by 16 pages, below 1024


def test_stdin_is_read_to_its_end() -> None:
    assert run(ECHO, "Zoë!".encode()).stdout == "Zoë!"


def test_output_that_is_not_utf8_is_reported() -> None:
    assert run(ECHO, b"\xff").kind is ExitKind.NOT_UTF8


def test_host_functions_carry_the_request_and_the_reply() -> None:
    host = Host('{"ok": true, "value": "ä"}')
    assert run(modules.asking("http_request", '{"url": "x"}'), host=host).stdout == '{"ok": true, "value": "ä"}'
    assert host.asked == [("http_request", '{"url": "x"}')]


def test_log_lines_go_to_stderr() -> None:
    assert run(modules.asking("log", "a line")).stderr == "a line\n"


def test_a_pointer_outside_the_memory_is_an_errno() -> None:
    assert run(modules.BAD_POINTER).stdout == '{"errno":21}'


def _random(seed: bytes) -> str:
    """Four random bytes from the seed, printed by a component."""
    source = """(module
      (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\04")
      (func (export "_start")
        (drop (call $random (i32.const 16) (i32.const 4)))
        (i32.store (i32.const 16)
          (i32.or (i32.const 0x30303030) (i32.and (i32.load (i32.const 16)) (i32.const 0x07070707))))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    return run(source, host=Host(seed=seed)).stdout


def test_randomness_comes_from_the_seed() -> None:
    assert _random(b"a" * 32) == _random(b"a" * 32) != _random(b"b" * 32)


def test_the_clock_is_the_hosts() -> None:
    """clock_time_get writes 2026-01-01 as nanoseconds; the module prints these bytes of its memory."""
    source = """(module
      (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\01")
      (func (export "_start")
        (drop (call $time (i32.const 0) (i64.const 0) (i32.const 24)))
        (i32.store8 (i32.const 16) (i32.add (i32.const 48)
          (i64.eq (i64.load (i32.const 24)) (i64.const NANOSECONDS))))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    assert run(source.replace("NANOSECONDS", str(int(START_MS) * 1_000_000))).stdout == "1"


def test_a_wait_in_wasi_goes_through_the_host() -> None:
    """poll_oneoff with one subscription: the clock, 1.5 s from now."""
    source = """(module
      (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start")
        (i64.store (i32.const 24) (i64.const 1500000000))
        (if (call $poll (i32.const 0) (i32.const 128) (i32.const 1) (i32.const 256)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 256)) (i32.const 1)) (then unreachable))))"""
    host = Host()
    assert run(source, host=host).kind is ExitKind.EXITED
    assert host.asked == [("poll", '{"ms": 1500.0}')]
