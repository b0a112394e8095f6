"""Random WASI commands that do all that can make a module run long, and count by themselves how much they run.

Every piece of straight code adds its number of instructions, and what a bulk operation moves, to the exported global
`ran`, after it has run. That count owes nothing to metering. Most of the modules never end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from hypothesis import strategies as st

FUNCTIONS = 5
IMPORTS = '(import "wasi_snapshot_preview1" "sched_yield" (func $host (result i32)))'
LONGEST = 1_500  # straight additions, of 4 instructions each: more than one segment
TICK = 4  # what counting takes, of instructions
LENGTHS = (0, 1, 7, 64, 5_000, 70_000, 4_000_000_000)

Statement = Callable[[int], str]


@dataclass
class Writer:
    """Writes functions without parameters or results; `draw` chooses."""

    draw: st.DrawFn
    has_bulk: bool
    labels: "count[int]" = field(default_factory=count)
    counters: list[str] = field(default_factory=list)

    def module(self) -> str:
        bodies = []
        for number in range(FUNCTIONS):
            self.counters = []
            body = self.block(3 if number < 2 else self.draw(st.integers(0, 2)))
            declared = " ".join(f"(local {name} i32)" for name in self.counters)
            bodies.append(f"(func $f{number} (type $plain) (local $x i32) {declared} {body})")
        start = f"(start $f{self.number(FUNCTIONS - 1)})" if self.draw(st.integers(0, 3)) == 0 else ""
        names = " ".join(f"$f{number}" for number in range(FUNCTIONS))
        wide = " ".join(["i64"] * self.draw(st.sampled_from((1, 9, 60))))
        zeros = " ".join(f"(i64.const {value})" for value in range(len(wide.split())))
        return f"""
            (type $plain (func)) {IMPORTS} (tag $e) (tag $wide (param {wide}))
            (memory (export "memory") 1) (table $t {FUNCTIONS} funcref) (table $u 2 funcref)
            (global $ran (export "ran") (mut i64) (i64.const 0))
            (global $dry (mut i32) (i32.const 0))
            (export "_start" (func $f0)) {start}
            (elem (table $t) (i32.const 0) func {names}) (elem $passive func {names} $leaf) (data $bytes "some bytes")
            (func $many (result {wide}) {zeros})
            (func $leaf {self.straight(0)})
            {" ".join(bodies)}"""

    def number(self, largest: int) -> int:
        return self.draw(st.integers(0, largest))

    def block(self, depth: int) -> str:
        return " ".join(self.statement(depth) for _ in range(self.number(3 if depth else 1)))

    def statement(self, depth: int) -> str:
        nested: tuple[Statement, ...] = (
            self.endless, self.counted, self.branch, self.switch, self.dead,
            self.catching, self.retrying, self.rethrowing, self.wide_catching,
        )  # fmt: skip
        flat: tuple[Statement, ...] = (
            self.straight, self.straight, self.call, self.call, self.tail_call, self.host_call, self.wide_call,
            self.throw, self.bulk, self.grow, self.leave, self.costly,
        )  # fmt: skip
        return self.draw(st.sampled_from(nested + flat if depth else flat))(max(0, depth - 1))

    @staticmethod
    def tick(weight: int) -> str:
        return f"(global.set $ran (i64.add (global.get $ran) (i64.const {weight + TICK})))"

    def straight(self, _depth: int) -> str:
        amount = self.draw(st.sampled_from((1, 3, 40, 40, LONGEST)))
        return "(global.set $dry (i32.add (global.get $dry) (i32.const 3)))" * amount + self.tick(4 * amount)

    def costly(self, _depth: int) -> str:
        operation = self.draw(
            st.sampled_from(
                (
                    "(drop (i64.div_s (global.get $ran) (i64.const 3)))",
                    "(drop (f64.sqrt (f64.const 2)))",
                    "(drop (memory.size))",
                    "(drop (ref.func $leaf))",
                    "(drop (table.get $t (i32.const 1)))",
                    "(table.set $t (i32.const 1) (ref.func $f1))",
                )
            )
        )
        return operation * 20 + self.tick(20 * operation.count("(") - 20 * operation.count("(ref."))

    def test(self) -> str:
        return f"(i32.and (global.get $dry) (i32.const {self.number(15)}))"

    def endless(self, depth: int) -> str:
        label = next(self.labels)
        return f"(loop $l{label} {self.block(depth)} {self.tick(1)} (br $l{label}))"

    def counted(self, depth: int) -> str:
        label, times = next(self.labels), self.number(2_000)
        self.counters.append(name := f"$c{label}")
        again = (
            f"(br_if $l{label} (i32.gt_s (local.tee {name} (i32.sub (local.get {name}) (i32.const 1))) (i32.const 0)))"
        )
        return f"(local.set {name} (i32.const {times})) (loop $l{label} {self.block(depth)} {self.tick(7)} {again})"

    def branch(self, depth: int) -> str:
        return f"(if {self.test()} (then {self.block(depth)}) (else {self.block(depth)}))"

    def switch(self, depth: int) -> str:
        a, b, c = (f"$s{next(self.labels)}" for _ in range(3))
        table = f"(br_table {a} {b} {c} (i32.rem_u (global.get $dry) (i32.const 3)))"
        return f"(block {a} (loop {c} (block {b} {table}) {self.block(depth)} (br {c})))"

    def dead(self, depth: int) -> str:
        label = next(self.labels)
        return f"(block $d{label} (br $d{label}) {self.block(depth)})"

    def leave(self, _depth: int) -> str:
        return f"(if {self.test()} (then (return)))"

    def call(self, _depth: int) -> str:
        callee = self.number(FUNCTIONS - 1)
        how = self.number(3)
        if how == 0:
            return f"(call_indirect $t (type $plain) (i32.const {callee}))"
        if how == 1:
            return f"(call_ref $plain (ref.func $f{callee}))"
        return f"(call $f{callee})" if how == 2 else "(call $leaf)" * (1 + 50 * self.number(1))

    def tail_call(self, _depth: int) -> str:
        callee = self.number(FUNCTIONS - 1)
        how = (f"$f{callee}", f"$t (type $plain) (i32.const {callee})", f"$plain (ref.func $f{callee})")[self.number(2)]
        kind = (
            "return_call_indirect"
            if how.startswith("$t")
            else "return_call_ref"
            if "ref.func" in how
            else "return_call"
        )
        return f"{self.tick(1)} (if {self.test()} (then ({kind} {how})))"

    def host_call(self, _depth: int) -> str:
        return "(drop (call $host))"

    def wide_call(self, _depth: int) -> str:
        return "(block (call $many) (br 0))"

    def throw(self, _depth: int) -> str:
        return f"(if {self.test()} (then (throw $e)) (else (call $many) (throw $wide)))"

    def catching(self, depth: int) -> str:
        label = next(self.labels)
        clause = self.draw(st.sampled_from(("catch $e", "catch_all")))
        return f"(block $h{label} (try_table ({clause} $h{label}) {self.block(depth)})) {self.tick(0)}"

    def retrying(self, depth: int) -> str:
        """An exception leads to the head of a loop."""
        label = next(self.labels)
        return f"(loop $l{label} {self.tick(0)} (try_table (catch_all $l{label}) {self.block(depth)}))"

    def rethrowing(self, depth: int) -> str:
        label = next(self.labels)
        tried = f"(try_table (catch_all_ref $h{label}) {self.block(depth)})"
        return f"(block $o{label} (block $h{label} (result exnref) {tried} (br $o{label})) (throw_ref))"

    def wide_catching(self, depth: int) -> str:
        label = next(self.labels)
        inner = f"(try_table (catch_all $h{label}) (try_table (catch $e $h{label}) {self.block(depth)}))"
        return f"(block $h{label} {inner}) {self.tick(0)}"

    def bulk(self, _depth: int) -> str:
        if not self.has_bulk:
            return self.straight(0)
        length = self.draw(st.sampled_from(LENGTHS))
        start = f"(i32.const 0) (i32.const 0) (i32.const {length})"
        entries = f"(i32.const {min(length, FUNCTIONS)})"
        done, weight = self.draw(
            st.sampled_from(
                (
                    (f"(memory.fill {start})", length // 8),
                    (f"(memory.copy {start})", length // 8),
                    (f"(memory.init $bytes (i32.const 0) (i32.const 0) (i32.const {min(length, 9)}))", 1),
                    (f"(table.fill $t (i32.const 0) (ref.func $leaf) {entries})", min(length, FUNCTIONS)),
                    (f"(table.copy $t $t (i32.const 0) (i32.const 0) {entries})", min(length, FUNCTIONS)),
                    (f"(table.init $t $passive (i32.const 0) (i32.const 0) {entries})", min(length, FUNCTIONS)),
                )
            )
        )
        return done + self.tick(4 + weight)

    def grow(self, _depth: int) -> str:
        by = self.draw(st.sampled_from((0, 1, 100, 70_000)))
        grown = self.draw(
            st.sampled_from((f"(memory.grow (i32.const {by}))", f"(table.grow $u (ref.null func) (i32.const {by}))"))
        )
        return f"(drop {grown}) {self.tick(2)}"


@st.composite
def commands(draw: st.DrawFn, *, has_bulk: bool = True) -> str:
    """The text of a module, without the parentheses around it."""
    return Writer(draw, has_bulk).module()
