"""Any program of branches, loops, switches, early returns and calls computes the same when metered, and uses at least
as much fuel as wasmtime counts instructions in the original.
"""

from dataclasses import dataclass, field
from itertools import count

import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.wasm.metering import FUEL_EXPORT, meter_module
from fakes.modules import build_module
from fakes.ports.searches import examples

FUEL = 10**9
SLACK = 4  # at most so many times what runs, and a little
KINDS = ("add", "if", "block", "loop", "switch", "return", "call", "dead")


@dataclass
class Program:
    """Writes random statements on a local $x, chosen by `draw`."""

    draw: st.DrawFn
    labels: "count[int]" = field(default_factory=count)
    locals: list[str] = field(default_factory=list)

    def statements(self, depth: int) -> str:
        amount = self.draw(st.integers(0, 4 if depth else 1))
        return " ".join(self.statement(depth) for _ in range(amount))

    def statement(self, depth: int) -> str:
        kind = self.draw(st.sampled_from(KINDS if depth else ("add", "call")))
        label, number = next(self.labels), self.draw(st.integers(1, 9))
        inner = [self.statements(depth - 1) for _ in range(3)] if depth else [""] * 3
        if kind == "if":
            return f"(if {self.test(number)} (then {inner[0]}) (else {inner[1]}))"
        if kind == "block":
            return f"(block $b{label} {inner[0]} (br_if $b{label} {self.test(number)}) {inner[1]})"
        if kind == "loop":
            self.locals.append(f"$c{label}")
            again = f"(br_if $l{label} (local.tee $c{label} (i32.sub (local.get $c{label}) (i32.const 1))))"
            return f"(local.set $c{label} (i32.const {number % 3 + 1})) (loop $l{label} {inner[0]} {again} {inner[1]})"
        if kind == "switch":
            table = f"(br_table $s{label} $t{label} $u{label} (i32.rem_u (local.get $x) (i32.const 4)))"
            cases = (
                f"(block $u{label} (block $t{label} (block $s{label} {table}) {inner[0]} (br $u{label})) {inner[1]})"
            )
            return f"{cases} {inner[2]}"
        if kind == "return":
            return f"(if {self.test(number)} (then (return (local.get $x))))"
        if kind == "call":
            return "(local.set $x (call $leaf (local.get $x)))"
        if kind == "dead":
            return f"(block $d{label} (br $d{label}) {inner[0]})"
        return f"(local.set $x (i32.add (local.get $x) (i32.const {number})))"

    @staticmethod
    def test(number: int) -> str:
        return f"(i32.and (local.get $x) (i32.const {number}))"


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    program = Program(draw)
    body = program.statements(3)
    declared = " ".join(f"(local {name} i32)" for name in program.locals)
    return build_module(f"""
        (func $leaf (param i32) (result i32) (i32.xor (i32.mul (local.get 0) (i32.const 5)) (i32.const 3)))
        (func (export "run") (param $x i32) (result i32) {declared} {body} (local.get $x))""")


def run_plain(module: bytes, argument: int) -> tuple[object, int]:
    """The result, and the instructions that wasmtime counted."""
    config = wasmtime.Config()
    config.consume_fuel = True
    store = wasmtime.Store(wasmtime.Engine(config))
    store.set_fuel(FUEL)
    run = wasmtime.Instance(store, wasmtime.Module(store.engine, module), []).exports(store)["run"]
    assert isinstance(run, wasmtime.Func)
    return run(store, argument), FUEL - store.get_fuel()


def run_metered(module: bytes, argument: int) -> tuple[object, int]:
    store = wasmtime.Store()
    metered = wasmtime.Module(store.engine, meter_module(module, FUEL))
    exports = wasmtime.Instance(store, metered, []).exports(store)
    run, fuel = exports["run"], exports[FUEL_EXPORT]
    assert isinstance(run, wasmtime.Func)
    assert isinstance(fuel, wasmtime.Global)
    return run(store, argument), FUEL - int(fuel.value(store))


@settings(max_examples=examples(40), deadline=None)
@given(programs(), st.integers(0, 1000))
def test_metered_code_computes_the_same_and_pays_for_what_runs(module: bytes, argument: int) -> None:
    expected, instructions = run_plain(module, argument)
    result, fuel = run_metered(module, argument)
    assert result == expected
    assert instructions <= fuel <= SLACK * instructions + 50
