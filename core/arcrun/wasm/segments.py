"""Cuts function bodies into segments, pieces of code that run from their start to their end, and counts their cost.

A segment ends where code branches, and begins where a branch can lead. Its cost is the number of its instructions, and
more for those that `EXTRA_COST` names, and for each call and each iteration by itself. What a call of the host costs
beyond that, the host takes (host_costs.py).
"""

from dataclasses import dataclass, field

from arcrun.wasm import code as op
from arcrun.wasm.binary import invalid_module
from arcrun.wasm.code import Instruction, read_instructions, read_u32

REPEAT_COST = 5  # a call's and an iteration's own
MAX_FOLDED = 24  # what a segment pays for others at most, so that little is paid for what does not run
EXTRA_COST = {op.MEMORY_GROW: 1000, op.TABLE_GROW: 1000, op.CALL_INDIRECT: 5, op.RETURN_CALL_INDIRECT: 5}
_WITH_LENGTH = frozenset(
    (op.MEMORY_INIT, op.MEMORY_COPY, op.MEMORY_FILL, op.TABLE_INIT, op.TABLE_COPY, op.TABLE_GROW, op.TABLE_FILL)
)
_CALLING = frozenset(range(op.CALL, op.RETURN_CALL_REF + 1))
_BLOCKS = frozenset((op.BLOCK, op.LOOP, op.IF, op.ELSE, op.TRY_TABLE, op.END))
_BRANCHING_ON = frozenset((op.BR_IF, op.BR_ON_NULL, op.BR_ON_NON_NULL))
_TAIL_CALLS = frozenset((op.RETURN_CALL, op.RETURN_CALL_INDIRECT, op.RETURN_CALL_REF))
_LEAVING = _TAIL_CALLS | {op.UNREACHABLE, op.BR, op.BR_TABLE, op.RETURN, op.THROW, op.THROW_REF}
_SPECIAL = frozenset((op.GLOBAL_GET, op.GLOBAL_SET)).union(
    _CALLING, _WITH_LENGTH, _BLOCKS, _BRANCHING_ON, _LEAVING, EXTRA_COST
)


@dataclass(frozen=True)
class Indices:
    """The module's index spaces: what there is of each, so also the index of what is appended to it."""

    types: int
    imported_functions: int
    functions: int
    fuel: int


@dataclass(slots=True)
class Segment:
    """Code that runs from its start to the next branch; its charge goes at `offset` in the body.

    `before` is the segment of the same loop that always comes before it; None at a function's entry and a loop's head.
    """

    offset: int
    before: "Segment | None" = None
    cost: int = 0
    folded: int = 0  # how much of the cost is that of other segments


@dataclass(slots=True)
class Body:
    """A function's body with what is to be put into it: charges, and the offsets of instructions that take a length."""

    code: bytes
    current: Segment
    segments: list[Segment] = field(default_factory=list)
    open_blocks: list[Segment] = field(default_factory=list)  # for each, the segment that it was opened in
    lengths: list[int] = field(default_factory=list)
    repeats: bool = False  # it loops or calls


def read_body(code: bytes, indices: Indices) -> Body:
    """Cut one function into segments and work out what each costs."""
    body = Body(code, Segment(0))
    for instruction in read_instructions(code):
        if not body.segments:
            _begin(body, instruction.start)
            body.open_blocks.append(body.current)
        elif not body.open_blocks:
            raise invalid_module("a function body goes on after its end")
        body.current.cost += 1
        if instruction.opcode in _SPECIAL:
            _charge_extra(body, instruction, indices)
            _cut(body, instruction)
    if body.open_blocks or not body.segments:
        raise invalid_module("a function body has no end")
    return body


def _charge_extra(body: Body, instruction: Instruction, indices: Indices) -> None:
    """What costs more than one, and what must not reach the fuel."""
    opcode = instruction.opcode
    body.current.cost += EXTRA_COST.get(opcode, 0)
    if opcode in _WITH_LENGTH:
        body.lengths.append(instruction.start)
    elif opcode in (op.GLOBAL_GET, op.GLOBAL_SET):
        _refuse_appended(read_u32(body.code, instruction.start + 1)[0], indices.fuel, "global")
    elif opcode in (op.CALL, op.RETURN_CALL):
        callee, _ = read_u32(body.code, instruction.start + 1)
        _refuse_appended(callee, indices.functions, "function")
    if opcode in _CALLING:
        body.repeats = True


def _cut(body: Body, instruction: Instruction) -> None:
    """Begin a new segment after an instruction that branches, or that a branch can lead to."""
    opcode, after = instruction.opcode, instruction.end
    if opcode == op.LOOP:
        body.open_blocks.append(body.current)
        _begin(body, after)
        body.repeats = True
    elif opcode == op.IF:
        body.open_blocks.append(body.current)
        _begin(body, after, body.current)
    elif opcode in (op.BLOCK, op.TRY_TABLE):
        body.open_blocks.append(body.current)
    elif opcode == op.ELSE:
        _begin(body, after, body.open_blocks[-1])
    elif opcode == op.END:
        _begin(body, after, body.open_blocks.pop())
    elif opcode in _BRANCHING_ON:
        _begin(body, after, body.current)
    elif opcode in _LEAVING:
        body.current = Segment(after)  # cannot be reached, so it is paid for by nothing


def _begin(body: Body, offset: int, before: Segment | None = None) -> None:
    body.current = Segment(offset, before, cost=REPEAT_COST if before is None else 0)
    body.segments.append(body.current)


def fold_segments(segments: list[Segment]) -> list[Segment]:
    """The segments with a charge of their own, after the others' costs have been added to those before them."""
    kept = []
    for segment in reversed(segments):
        before, cost = segment.before, segment.cost
        if before is None or (cost and before.folded + cost > MAX_FOLDED):
            kept.append(segment)
        else:
            before.cost += cost
            before.folded += cost
    return kept[::-1]


def _refuse_appended(index: int, count: int, kind: str) -> None:
    if index >= count:
        raise invalid_module(f"it names {kind} {index} and has {count}")
