"""A metered module behaves as before, no loop or recursion outlives its fuel, a module cannot access its own fuel, and
every instruction is read correctly (wasmtime validates the output).
"""

import time
from contextlib import suppress
from typing import Any

import pytest
import wasmtime

from arcrun.errors import ComponentError
from arcrun.wasm.costs import MAX_CHARGE
from arcrun.wasm.metering import DEFAULT_FUEL, FUEL_EXPORT, meter_module
from fakes.modules import build_module

FUEL = 20_000  # little enough to end a recursion before the stack does


class Instance:
    """A metered module with the given fuel."""

    def __init__(self, fields: str, fuel: int = FUEL) -> None:
        config = wasmtime.Config()
        config.wasm_exceptions = True
        self.store = wasmtime.Store(wasmtime.Engine(config))
        module = wasmtime.Module(self.store.engine, meter_module(build_module(fields)))
        imports = [_IMPORTED(self.store)] if module.imports else []
        self.exports: Any = wasmtime.Instance(self.store, module, imports).exports(self.store)
        self.fuel = _global(self.exports, FUEL_EXPORT)
        self.fuel.set_value(self.store, fuel)

    def call(self, *arguments: int) -> object:
        return self.exports["run"](self.store, *arguments)

    @property
    def fuel_left(self) -> int:
        return int(self.fuel.value(self.store))


def _global(exports: Any, name: str) -> wasmtime.Global:
    found = exports[name]
    assert isinstance(found, wasmtime.Global)
    return found


def _IMPORTED(store: wasmtime.Store) -> wasmtime.Func:  # noqa: N802 - stands for an import
    return wasmtime.Func(store, wasmtime.FuncType([], []), lambda: None)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param('(func (export "run") (loop $l br $l))', id="br"),
        pytest.param('(func (export "run") (loop $l i32.const 1 br_if $l))', id="br_if"),
        pytest.param('(func (export "run") (loop $l i32.const 7 br_table $l $l $l))', id="br_table"),
        pytest.param(
            '(func (export "run") (loop $l (block $b (block i32.const 1 br_table 0 $l $b)) br $l))', id="nested"
        ),
        pytest.param('(func (export "run") (loop $l (if (i32.const 1) (then br $l) (else br $l))))', id="if"),
        pytest.param('(func (export "run") i32.const 0 (loop $l (param i32) br $l))', id="loop with a parameter"),
        pytest.param('(func $f (export "run") call $f)', id="recursion"),
        pytest.param('(func $f (export "run") return_call $f)', id="tail call"),
        pytest.param('(func $f (export "run") call $g) (func $g call $f)', id="mutual recursion"),
        pytest.param(
            '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "run") (call_indirect (i32.const 0)))',
            id="recursion through a table",
        ),
        pytest.param(
            '(table 1 funcref) (elem (i32.const 0) $f) (func $f (export "run") (return_call_indirect (i32.const 0)))',
            id="tail call through a table",
        ),
        pytest.param(
            '(type $t (func)) (elem declare func $f) (func $f (export "run") (call_ref $t (ref.func $f)))',
            id="recursion through a reference",
        ),
        pytest.param(
            '(tag $e) (func (export "run") (loop $l (block $h (try_table (catch_all $h) (throw $e))) br $l))',
            id="exceptions",
        ),
        pytest.param('(func $leaf) (func (export "run") (loop $l call $leaf br $l))', id="calls of a leaf"),
        pytest.param('(func (export "run") (block br 0 (loop $d br $d)) (loop $l br $l))', id="after dead code"),
    ],
)
def test_nothing_outlives_its_fuel(fields: str) -> None:
    instance = Instance(fields)
    with pytest.raises(wasmtime.Trap) as raised:
        instance.call()
    assert (raised.value.trap_code, instance.fuel_left < 0) == (wasmtime.TrapCode.UNREACHABLE, True)


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(f"{'(global.set $n (i32.const 1))' * 5_000}", id="straight code"),
        pytest.param(f"(if (global.get $n) (then {'(drop (i32.const 1))' * 5_000}))", id="behind a condition"),
        pytest.param(
            f"(block $b (block $a (br_table $b $a (global.get $n))) {'(drop (i32.const 1))' * 5_000})", id="a switch"
        ),
    ],
)
@pytest.mark.parametrize(
    "call",
    [
        pytest.param("(call $leaf)", id="call"),
        pytest.param("(call_indirect (type $plain) (i32.const 0))", id="call_indirect"),
        pytest.param("(call_ref $plain (ref.func $leaf))", id="call_ref"),
    ],
)
def test_a_leaf_called_again_and_again_does_not_run_past_the_budget(leaf: str, call: str) -> None:
    """5,000 instructions, called 2,000 times by a function that does nothing else: used to be 7,200 times its
    budget.
    """
    instance = Instance(
        f"""(type $plain (func)) (table 1 funcref) (elem (i32.const 0) $leaf)
        (global $n (mut i32) (i32.const 1)) (global $calls (mut i32) (i32.const 0))
        (func (export "calls") (result i32) global.get $calls)
        (func $leaf (type $plain) {leaf} (global.set $calls (i32.add (global.get $calls) (i32.const 1))))
        (func (export "run") {call * 2_000})"""
    )
    with pytest.raises(wasmtime.Trap):
        instance.call()
    assert -MAX_CHARGE <= instance.fuel_left < 0
    instance.fuel.set_value(instance.store, FUEL)
    assert instance.exports["calls"](instance.store) <= FUEL / 5_000


def test_what_a_recursion_does_on_its_way_back_does_not_run_past_the_budget() -> None:
    """Each of 500 calls has straight code after its inner call."""
    instance = Instance(
        f"""(global $done (mut i32) (i32.const 0)) (func (export "done") (result i32) global.get $done)
        (func $f (export "run") (param i32)
          (if (local.get 0) (then (call $f (i32.sub (local.get 0) (i32.const 1)))))
          {"(if (local.get 0) (then " + "(drop (i32.const 1))" * 2_000 + "))"}
          (global.set $done (i32.add (global.get $done) (i32.const 1))))"""
    )
    with pytest.raises(wasmtime.Trap):
        instance.call(500)
    instance.fuel.set_value(instance.store, FUEL)
    assert instance.exports["done"](instance.store) <= FUEL / 4_000 + 1


WIDE, ONES = "i64 " * 90, "(i64.const 1)" * 90


@pytest.mark.parametrize(
    ("fields", "least"),
    [
        pytest.param(f"(func $f (local {WIDE * 10}))", 900 // 8, id="local variables"),
        pytest.param(
            f"(func $f (block (result i64) (call $g) (br 0)) drop) (func $g (result {WIDE}) {ONES})",
            90 + 82,
            id="results",
        ),
        pytest.param(
            f"(func $f (block (result {WIDE}) {ONES} (br 0)) {'drop ' * 90})", 180 + 45, id="values of a branch"
        ),
        pytest.param("(func $f (drop (i64.div_u (i64.const 1) (i64.const 1))))", 4 + 4, id="a division"),
        pytest.param("(tag $e) (func $f (block $h (try_table (catch_all $h) (throw $e))))", 1_200, id="an exception"),
        pytest.param(
            f"(tag $e (param {WIDE})) (func $f (block $h (try_table (catch_all $h) {ONES} (throw $e))))",
            1_200 + 5 * 90,
            id="an exception with values",
        ),
        pytest.param("(func $f (drop (ref.func $f))) (elem declare func $f)", 1_000, id="a function's reference"),
        pytest.param("(memory 1) (func $f (drop (memory.grow (i32.const 2))))", 2 * 8_192, id="two pages"),
        pytest.param(
            "(table 0 funcref) (func $f (drop (table.grow (ref.null func) (i32.const 20))))", 2_000, id="grow"
        ),
        pytest.param(
            "(table 9 funcref) (func $f (table.fill (i32.const 0) (ref.null func) (i32.const 9)))", 900, id="fill"
        ),
    ],
)
def test_what_costs_more_than_its_instructions(fields: str, least: int) -> None:
    instance = Instance(f'{fields} (func (export "run") (call $f))', 100_000)
    instance.call()
    used = 100_000 - instance.fuel_left
    assert least <= used <= least * 1.4 + 60


def test_a_growth_that_must_fail_costs_no_pages() -> None:
    instance = Instance('(memory 1 9) (func (export "run") (result i32) (memory.grow (i32.const 65000)))')
    assert instance.call() == -1
    assert instance.fuel_left > FUEL - 3_000


def test_what_cannot_be_paid_leaves_the_fuel_little_below_zero() -> None:
    instance = Instance('(memory 1) (func (export "run") (memory.fill (i32.const 0) (i32.const 0) (i32.const -1)))')
    with pytest.raises(wasmtime.Trap) as raised:
        instance.call()
    assert (raised.value.trap_code, instance.fuel_left) == (wasmtime.TrapCode.UNREACHABLE, -1)


HUNDRED = "i64 " * 100


@pytest.mark.parametrize(
    ("fields", "least"),
    [
        pytest.param(
            f"""(tag $e (param {HUNDRED})) (tag $none) (func (export "run") {"nop " * 4_000} (block $n
            (block $h (result {HUNDRED}) (try_table {"(catch $none $n)" * 9_999} (catch $e $h)) unreachable)
            {"drop " * 100}))""",
            24_500,
            id="clauses",
        ),
        pytest.param(f'(func (export "run") (local {"i64 " * 10_000}))', 1_250, id="local variables"),
        pytest.param(f'(func (export "run") {"nop " * 100_000})', 4_000, id="straight code"),
    ],
)
def test_the_fuel_ends_at_most_the_largest_charge_below_zero(fields: str, least: int) -> None:
    instance = Instance(fields, 0)
    with pytest.raises(wasmtime.Trap):
        instance.call()
    assert -MAX_CHARGE <= instance.fuel_left <= -least


STARTING = """
    (global $n (mut i32) (i32.const 0)) (func (export "run") (result i32) (global.get $n))
    (func $add (global.set $n (i32.add (global.get $n) (i32.const 7))))
    (func (export "_start") (global.set $n (i32.mul (global.get $n) (i32.const 6)))) (start $add)"""


def test_a_start_function_runs_at_the_beginning_of_start() -> None:
    instance = Instance(STARTING)
    assert instance.call() == 0
    instance.exports["_start"](instance.store)
    assert instance.call() == 42


@pytest.mark.parametrize(
    ("body", "is_exhausted"),
    [pytest.param("(loop (br 0))", True, id="endless"), pytest.param("unreachable", False, id="trapping")],
)
def test_a_start_function_shares_the_budget_and_fails_like_start(body: str, *, is_exhausted: bool) -> None:
    instance = Instance(f'(func $own {body}) (start $own) (func (export "_start"))')
    with pytest.raises(wasmtime.Trap):
        instance.exports["_start"](instance.store)
    assert (instance.fuel_left < 0) is is_exhausted


@pytest.mark.parametrize(
    ("instruction", "declared"),
    [
        pytest.param("(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))", "(memory 1)", id="memory.fill"),
        pytest.param("(memory.copy (i32.const 0) (i32.const 0) (i32.const 65536))", "(memory 1)", id="memory.copy"),
        pytest.param("(drop (memory.grow (i32.const 0)))", "(memory 1)", id="memory.grow"),
        pytest.param(
            "(table.fill (i32.const 0) (ref.null func) (i32.const 9999))", "(table 9999 funcref)", id="table.fill"
        ),
        pytest.param("(drop (table.grow (ref.null func) (i32.const 1)))", "(table 0 funcref)", id="table.grow"),
    ],
)
def test_what_takes_long_costs_more(instruction: str, declared: str) -> None:
    """Each would run ten times as often at the cost of an addition."""
    instance = Instance(
        f'{declared} (global $n (mut i32) (i32.const 0)) (func (export "count") (result i32) global.get $n)'
        f'(func (export "run") (loop $l {instruction} (global.set $n (i32.add (global.get $n) (i32.const 1))) br $l))'
    )
    with pytest.raises(wasmtime.Trap):
        instance.call()
    instance.fuel.set_value(instance.store, FUEL)
    assert instance.exports["count"](instance.store) < FUEL / 100


def test_exhaustion_is_told_from_another_trap() -> None:
    instance = Instance('(func (export "run") (loop $l unreachable br $l))')
    with pytest.raises(wasmtime.Trap):
        instance.call()
    assert 0 < instance.fuel_left < FUEL


def test_fuel_is_counted_by_what_runs() -> None:
    """100 iterations cost a hundred times as much as one, and never less than their instructions."""
    source = """(func (export "run") (param $n i32) (result i32) (local $sum i32)
      (loop $l
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br_if $l (local.get $n)))
      local.get $sum)"""
    used = {}
    for count in (1, 101):
        instance = Instance(source)
        assert instance.call(count) == count * (count + 1) // 2
        used[count] = FUEL - instance.fuel_left
    per_iteration = (used[101] - used[1]) / 100
    assert 10 <= per_iteration <= 16
    assert 12 <= used[1] <= 30


def test_a_long_branch_that_is_not_taken_costs_nothing() -> None:
    long = "(drop (i32.add (i32.const 1) (i32.const 2)))" * 100
    source = f'(func (export "run") (param i32) (if (local.get 0) (then {long}) (else nop)))'
    used = []
    for taken in (0, 1):
        instance = Instance(source)
        instance.call(taken)
        used.append(FUEL - instance.fuel_left)
    assert used[0] < 20
    assert used[1] >= 400


def test_unset_fuel_is_the_default() -> None:
    instance = Instance('(func (export "run"))')
    store = wasmtime.Store()
    module = wasmtime.Module(store.engine, meter_module(build_module('(func (export "run"))')))
    exports: Any = wasmtime.Instance(store, module, []).exports(store)
    assert exports[FUEL_EXPORT].value(store) == DEFAULT_FUEL
    assert instance.fuel_left == FUEL


EVERY_KIND = """
  (type $pair (func (param i32 i32) (result i32 i32)))
  (import "m" "n" (func))
  (table $t 10 funcref) (table $e 10 externref)
  (memory 1)
  (global $g (mut v128) (v128.const i64x2 1 2))
  (elem $passive func $run) (data $bytes "abc")
  (func $pair (type $pair) local.get 1 local.get 0)
  (func $run (export "run") (param i32) (result i32) (local f32 f64 v128 funcref externref)
    (local.set 1 (f32.const 1.5)) (local.set 2 (f64.const -2.5))
    (drop (i32.trunc_sat_f32_s (local.get 1))) (drop (i64.trunc_sat_f64_u (local.get 2)))
    (drop (i32.extend8_s (i32.const 128))) (drop (i64.extend32_s (i64.const 0xFFFFFFFF)))
    (i64.store offset=300 align=4 (i32.const 8) (i64.const -9223372036854775808))
    (if (i32.eqz (local.get 0)) (then (drop (i64.load32_u offset=70000 (i32.const 0)))))
    (memory.init $bytes (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop $bytes)
    (table.init $t $passive (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $passive)
    (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 1))
    (table.set $t (i32.const 2) (table.get $t (i32.const 1))) (drop (table.size $e))
    (drop (table.grow $e (ref.null extern) (i32.const 1)))
    (drop (ref.is_null (ref.func $run)))
    (drop (select (result funcref) (ref.null func) (ref.func $run) (i32.const 1)))
    (local.set 3 (v128.load (i32.const 16)))
    (local.set 3 (i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get 3) (v128.const i32x4 1 2 3 4)))
    (drop (i32x4.extract_lane 2 (local.get 3))) (drop (f64x2.replace_lane 1 (local.get 3) (f64.const 1)))
    (v128.store64_lane offset=8 1 (i32.const 0) (local.get 3)) (drop (v128.load8_lane 15 (i32.const 0) (local.get 3)))
    (drop (v128.load32_zero (i32.const 0))) (drop (v128.load8_splat (i32.const 0)))
    (drop (i32x4.dot_i16x8_s (local.get 3) (local.get 3)))
    (drop (f32x4.relaxed_madd (local.get 3) (local.get 3) (local.get 3)))
    (global.set $g (local.get 3))
    (call $pair (i32.const 1) (i32.const 2)) i32.add drop
    (block $b (block $a (br_table $a $b $a (local.get 0))) (drop (i32.const 1)))
    (memory.copy (i32.const 0) (i32.const 1) (i32.const 2))
    (i32.add (local.get 0) (memory.size)))
"""


def test_every_kind_of_instruction_is_read_rightly() -> None:
    assert Instance(EVERY_KIND).call(41) == 42


def test_any_cut_of_a_module_is_refused_or_metered() -> None:
    binary = build_module(EVERY_KIND)
    for size in range(len(binary)):
        with suppress(ComponentError):
            meter_module(binary[:size])


def test_metering_is_quick() -> None:
    body = "(drop (i32.add (i32.const 1) (i32.const 1000)))" * 12_000
    binary = build_module(f"(func {body})")
    assert len(binary) > 60_000
    started = time.perf_counter()
    meter_module(binary)
    assert time.perf_counter() - started < 0.5
