"""In any module, code is paid for before it runs, whatever it loops, calls, throws or starts with: checked with a count
in the module itself, and with wasmtime's. No invalid module becomes valid by metering.

ARCRUN_SEARCH=1000 tries that many times more modules, which takes some ten minutes.
"""

import functools

import pytest
import wasmtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arcrun.errors import ComponentError
from arcrun.interruptible import run_steps
from arcrun.limits import MAX_MEMORY_PAGES, MAX_TABLE_ENTRIES
from arcrun.registry.checks import scan_module
from arcrun.registry.step import StepStatus
from arcrun.wasm.component import build_component
from arcrun.wasm.costs import MAX_CHARGE
from arcrun.wasm.metering import FUEL_EXPORT
from arcrun.wasm.module import bound_module, parse_module
from fakes.contracts import build_contract, constraints_source
from fakes.generated_modules import commands
from fakes.modules import build_module
from fakes.ports.searches import examples

EXAMPLES = examples(15)
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
CONTRACT = build_contract(constraints=constraints_source(max_size_kb=8192))


@functools.cache
def _engine(*, consumes_fuel: bool = False) -> wasmtime.Engine:
    config = wasmtime.Config()
    config.wasm_exceptions = True
    config.wasm_function_references = True
    config.wasm_tail_call = True
    config.consume_fuel = consumes_fuel
    return wasmtime.Engine(config)


class Run:
    """A module after its run. `ran` is its own count, `fuel` the remaining budget."""

    def __init__(self, module: bytes, engine: wasmtime.Engine, engine_fuel: int = 0, budget: int = 0) -> None:
        store = wasmtime.Store(engine)
        if engine_fuel:
            store.set_fuel(engine_fuel)
        linker = wasmtime.Linker(engine)
        linker.define_func(
            "wasi_snapshot_preview1", "sched_yield", wasmtime.FuncType([], [wasmtime.ValType.i32()]), lambda: 0
        )
        self.ran = self.fuel = 0
        self.trap: Exception | None = None
        compiled = wasmtime.Module(engine, module)
        try:
            exports = linker.instantiate(store, compiled).exports(store)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:  # of its start function: nothing can be read
            self.trap = trap
            return
        start, ran, fuel = exports["_start"], exports["ran"], exports.get(FUEL_EXPORT)
        assert isinstance(start, wasmtime.Func)
        assert isinstance(ran, wasmtime.Global)
        if isinstance(fuel, wasmtime.Global):
            fuel.set_value(store, budget)
        try:
            start(store)
        except (wasmtime.Trap, wasmtime.WasmtimeError) as trap:
            self.trap = trap
        self.ran = int(ran.value(store))
        self.fuel = int(fuel.value(store)) if isinstance(fuel, wasmtime.Global) else 0


def metered(module: bytes) -> bytes:
    """The module as the registry signs it."""
    step, component = run_steps(scan_module(CONTRACT, module))
    assert step.status is StepStatus.PASSED, step
    assert component is not None
    assert component.module is not None
    return component.module


@SETTINGS
@given(commands(), st.integers(0, 60_000))
def test_what_runs_is_paid_for_before_it_runs(fields: str, budget: int) -> None:
    run = Run(metered(build_module(fields)), _engine(), budget=budget)
    assert run.ran <= budget
    assert -MAX_CHARGE <= run.fuel <= budget
    if run.trap is None:
        assert run.fuel >= 0


@SETTINGS
@given(commands(has_bulk=False).filter(lambda fields: "(start " not in fields), st.integers(0, 60_000))
def test_wasmtime_counts_no_more(fields: str, budget: int) -> None:
    """With 1.1 times the budget in wasmtime's own fuel, the module gets at least as far as when metered.

    Without bulk operations, of which wasmtime counts each byte, and without start functions, after which nothing of an
    unmetered module can be read.
    """
    module = build_module(fields)
    bounded = bound_module(module, parse_module(module), MAX_MEMORY_PAGES)
    as_far = Run(bounded, _engine(consumes_fuel=True), engine_fuel=budget * 11 // 10 + MAX_CHARGE)
    assert Run(metered(module), _engine(), budget=budget).ran <= as_far.ran


@SETTINGS
@given(commands())
def test_memory_and_tables_are_bounded(fields: str) -> None:
    outline = parse_module(metered(build_module(fields)))
    assert outline.memory is not None
    assert outline.memory.maximum_pages is not None
    assert outline.memory.maximum_pages <= MAX_MEMORY_PAGES
    assert sum(table.maximum or MAX_TABLE_ENTRIES + 1 for table in outline.tables) <= MAX_TABLE_ENTRIES


RICH = """
    (type $plain (func)) (type $pair (func (param i32 i32) (result i32 i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $host (result i32)))
    (import "arcrun" "log" (func $log (param i32 i32) (result i32)))
    (table $t 4 funcref) (table $typed 2 (ref null $plain)) (memory (export "memory") 1) (tag $e (type $plain))
    (global $g (mut i32) (i32.const 5)) (global $f funcref (ref.func $a))
    (global $n (ref null $plain) (ref.null $plain))
    (export "_start" (func $a)) (export "g" (global $g)) (start $b)
    (elem (i32.const 0) $a $b) (elem (table $t) (i32.const 2) funcref (ref.func $a) (ref.null func))
    (elem $passive func $a) (elem $typed_passive (ref null $plain) (ref.func $a)) (elem declare func $b)
    (func $pair (type $pair) local.get 1 local.get 0)
    (func $a (local (ref null $plain) i64)
      (call $b) (call_indirect (type $plain) (i32.const 1)) (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (call_ref $plain (ref.func $b)) (drop (ref.null $plain)) (local.set 0 (ref.null $plain))
      (i32.const 1) (i32.const 2) (block (type $pair)) (loop (type $pair)) drop drop
      (block $h (try_table (catch $e $h) (throw $e)))
      (drop (select (result (ref null $plain)) (local.get 0) (ref.null $plain) (global.get $g)))
      (block $k (block $l (br_table $k $l (i32.const 0)))) (drop (call $host)) (return_call $b))
    (func $b (type $plain))
    (data (i32.const 8) "abc") (data $passive_data "de")"""


def _is_valid(module: bytes) -> bool:
    try:
        wasmtime.Module.validate(_engine(), module)
    except wasmtime.WasmtimeError:
        return False
    return True


@pytest.fixture(scope="module")
def rich() -> bytes:
    module = build_module(RICH)
    assert _is_valid(module)
    assert _is_valid(metered_or_refused(module) or b"")
    return module


def metered_or_refused(module: bytes) -> bytes | None:
    try:
        return build_component(CONTRACT, module).module
    except ComponentError:
        return None


def test_no_module_with_another_byte_becomes_valid(rich: bytes) -> None:
    """Every byte plus one and minus one, and references to the appended items."""
    for at in range(8, len(rich)):
        for change in (1, -1):
            changed = rich[:at] + bytes(((rich[at] + change) % 256,)) + rich[at + 1 :]
            result = metered_or_refused(changed)
            if result is not None and _is_valid(result):
                assert _is_valid(changed), (at, change)


@settings(max_examples=20 * EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_invalid_module_becomes_valid(rich: bytes, data: st.DataObject) -> None:
    changed = bytearray(rich)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(8, len(changed) - 1))
        kind = data.draw(st.sampled_from(("set", "insert", "delete", "copy")))
        if kind == "set":
            changed[at] = data.draw(st.integers(0, 255))
        elif kind == "insert":
            changed[at:at] = bytes((data.draw(st.integers(0, 255)),))
        elif kind == "delete":
            del changed[at]
        else:
            end = data.draw(st.integers(at, min(at + 40, len(changed))))
            changed[at:at] = changed[at:end]
    result = metered_or_refused(bytes(changed))
    if result is not None and _is_valid(result):
        assert _is_valid(bytes(changed))
