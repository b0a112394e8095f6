"""What code costs, in units of fuel: an instruction is one, and takes about a nanosecond or less in V8.

`EXTRA_COST` is what an instruction costs beyond its one. By benchmarks/components/instruction_costs.py none takes more
than 3 ns for a unit, in V8's baseline and in its optimizing compiler. Not in the figures: a load that misses every
cache (170 ns in 64 MiB), and the first touch of each page of memory (at most some milliseconds a call).

How much of it a millisecond stands for differs: benchmarks/components/fuel.py prints it for the built-in components on
their heaviest inputs. On the machine that it was calibrated on, sorting 190,000 numbers, which misses the processor's
caches, does 4.8 million, and no call that takes 100 ms does less. Those that go through texts and values from end to
end do 11 to 16 million; with the common rate they could not take a large answer that they would have done in time. A
module that is not ours may be one endless loop, which V8 runs to its end in code not optimized yet: 3.6 million.
"""

from arcrun.limits import CALL_CPU_MS, MAX_MEMORY_PAGES, SANDBOX_CALL_CPU_MS
from arcrun.wasm import code as op

FUEL_A_MS = 4_500_000
TEXT_FUEL_A_MS = 10_000_000
CALL_FUEL = CALL_CPU_MS * FUEL_A_MS
SANDBOX_FUEL = SANDBOX_CALL_CPU_MS * FUEL_A_MS

MAX_SEGMENT_COST = 4_096  # straight code is cut where it costs more: one more instruction may go beyond
MAX_FOLDED = 24  # what a segment pays for others at most, so that little is paid for what does not run
REPEAT_COST = 5  # a call's and an iteration's own
UNWINDING_COST = 60  # a call's besides, in a module with exceptions: one that is thrown goes through it
FREE_VALUES = 8  # parameters and results of a call, which registers hold; the others cost one each
LOCALS_FOR_ONE = 8  # local variables that are set to zero for one unit
BRANCHED_FOR_ONE = 2  # values that a branch takes along for one unit
THROWN_VALUE_COST = 4  # each value of an exception, where it is thrown and where it may be caught
CLAUSE_COST = 2

# The largest charge, and so what the fuel that is used can be above the budget. Straight code up to its cut, then a
# try_table of 10,000 clauses for 100 values; or a function's 50,000 local variables and 200 values.
MAX_CHARGE = 32_768

# What a length is multiplied by for its cost, in eighths of a unit.
BYTES = 1
ENTRIES = 8 * 100  # of a table that is copied, filled or made to grow
NEW_ENTRIES = 8 * 1_000  # of a segment of elements: a function's first reference is made then
PAGES = 8 * 8_192  # as memory.fill takes for them
MAX_PAGES = MAX_MEMORY_PAGES  # memory.grow by more fails, and costs nothing but its own

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
    op.TABLE_GET: 1_000,  # the first time, for each entry: then the function's reference is made
    op.REF_FUNC: 1_000,
    op.CALL_INDIRECT: 5,
    op.RETURN_CALL_INDIRECT: 5,
    op.CALL_REF: 5,
    op.RETURN_CALL_REF: 5,
    op.THROW: 1_000,
    op.THROW_REF: 1_000,
    op.TRY_TABLE: 200,  # an exception that it does not catch is thrown anew
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
    # Relaxed: the conversions, which an engine may make of the others, and f64x2's minimum and maximum.
    **dict.fromkeys((*range(0xFD0101, 0xFD0105), 0xFD010F, 0xFD0110), _SLOW_VECTOR),
}
