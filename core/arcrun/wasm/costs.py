"""The cost of code in units of fuel: an instruction costs one unit, which is about a nanosecond or less in V8.

`EXTRA_COST` is the additional cost of an instruction. According to benchmarks/components/instruction_costs.py, no
instruction takes more than 3 ns per unit, in V8's baseline and in its optimizing compiler. The figures exclude loads
that miss every cache (170 ns in 64 MiB), and the first touch of each page of memory (at most some milliseconds a call).

The fuel per millisecond varies: benchmarks/components/fuel.py prints it for the built-in components with their heaviest
inputs. On the calibration machine, sorting 190,000 numbers, which misses the processor's caches, uses 4.8 million, and
no call that takes 100 ms uses less. Components that process strings and values from end to end use 11 to 16 million; at
the common rate they could not process large responses that they would finish in time. Scripts of `code`, which an
interpreter runs, use 12 to 36 million, and 9.5 where each step misses the processor's caches. A module that is not ours
may be one endless loop, which V8 runs to its end in unoptimized code: 3.6 million.
"""

from arcrun.limits import CALL_CPU_MS, MAX_MEMORY_PAGES, SANDBOX_CALL_CPU_MS
from arcrun.wasm import code as op

FUEL_A_MS = 4_500_000
TEXT_FUEL_A_MS = 10_000_000
CODE_FUEL_A_MS = 6_000_000
CALL_FUEL = CALL_CPU_MS * FUEL_A_MS
SANDBOX_FUEL = SANDBOX_CALL_CPU_MS * FUEL_A_MS

MAX_SEGMENT_COST = 4_096  # straight code is cut beyond it: one more instruction may exceed it
MAX_FOLDED = 24  # what a segment pays for others at most, so that code that does not run costs little
REPEAT_COST = 5  # extra cost of a call and of an iteration
UNWINDING_COST = 60  # extra cost of a call in a module with exceptions, which may unwind it
FREE_VALUES = 8  # parameters and results of a call in registers; any others cost one each
LOCALS_FOR_ONE = 8  # local variables zeroed per unit
BRANCHED_FOR_ONE = 2  # values that a branch carries per unit
THROWN_VALUE_COST = 4  # per value of an exception, when it is thrown and when it may be caught
CLAUSE_COST = 2

# The largest single charge, and so the maximum by which used fuel can exceed the budget. Straight code up to its cut,
# then a try_table of 10,000 clauses for 100 values; or a function's 50,000 local variables and 200 values.
MAX_CHARGE = 32_768

# Factors of a length for its cost, in eighths of a unit.
BYTES = 1
ENTRIES = 8 * 100  # of a table that is copied, filled or grown
NEW_ENTRIES = 8 * 1_000  # of an element segment: this creates a function's first reference
PAGES = 8 * 8_192  # as for memory.fill
MAX_PAGES = MAX_MEMORY_PAGES  # memory.grow by more fails, without an additional cost

LENGTH_FACTORS = {
    op.MEMORY_INIT: BYTES,
    op.MEMORY_COPY: BYTES,
    op.MEMORY_FILL: BYTES,
    op.TABLE_INIT: NEW_ENTRIES,
    op.TABLE_COPY: ENTRIES,
    op.TABLE_FILL: ENTRIES,
    op.TABLE_GROW: ENTRIES,
}

_DIVISION, _ROOT, _SLOW_VECTOR = 4, 6, 2
_FD = op.PREFIX_FD << 8
EXTRA_COST = {
    op.MEMORY_GROW: 2_000,
    op.MEMORY_FILL: 130,  # a length of 0 takes the longest
    op.MEMORY_COPY: 10,
    op.MEMORY_INIT: 10,
    op.TABLE_INIT: 50,
    op.TABLE_COPY: 50,
    op.TABLE_FILL: 50,
    op.TABLE_GROW: 200,
    op.TABLE_SET: 60,
    op.TABLE_GET: 1_000,  # the first time for each entry, when the function's reference is created
    op.REF_FUNC: 1_000,
    op.CALL_INDIRECT: 5,
    op.RETURN_CALL_INDIRECT: 5,
    op.CALL_REF: 5,
    op.RETURN_CALL_REF: 5,
    op.THROW: 1_000,
    op.THROW_REF: 1_000,
    op.TRY_TABLE: 200,  # an exception that it does not catch is rethrown
    **dict.fromkeys(range(0x6D, 0x71), _DIVISION),  # i32.div_s to i32.rem_u
    **dict.fromkeys(range(0x7F, 0x83), _DIVISION),  # i64.div_s to i64.rem_u
    **dict.fromkeys((0x95, 0xA3), _DIVISION),  # f32.div, f64.div
    **dict.fromkeys((0x91, 0x9F), _ROOT),  # f32.sqrt, f64.sqrt
    **dict.fromkeys((_FD | 0xE7, _FD | 0xF3), _DIVISION),  # f32x4.div, f64x2.div
    **dict.fromkeys((_FD | 0xE3, _FD | 0xEF), _ROOT),  # f32x4.sqrt, f64x2.sqrt
    # f64x2.min and max; i64x2.mul; f32x4.convert_i32x4_u; the saturating conversions; i8x16.shuffle
    **dict.fromkeys(
        (_FD | 0xF4, _FD | 0xF5, _FD | 0xD5, _FD | 0xFB, *range(_FD | 0xF8, _FD | 0xFA), _FD | 0xFC, _FD | 0xFD),
        _SLOW_VECTOR,
    ),
    _FD | 0x0D: _SLOW_VECTOR,
    # Relaxed: the conversions, which an engine may implement by the others, and f64x2's minimum and maximum.
    **dict.fromkeys((*range(0xFD0101, 0xFD0105), 0xFD010F, 0xFD0110), _SLOW_VECTOR),
}
