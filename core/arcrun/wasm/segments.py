"""Cuts function bodies into segments, pieces of code that run from their start to their end, and counts their cost.

A segment ends at a branch, and begins at a branch target or where straight code has become expensive. Its cost is that
of its instructions (costs.py), and more for each call and each iteration. Additional costs of host calls are charged by
the host (host_functions.py).
"""

from dataclasses import dataclass, field

from arcrun.interruptible import Steps
from arcrun.limits import MAX_FUNCTION_BRANCHES, MAX_FUNCTION_STATES, MAX_NESTING
from arcrun.wasm import code as op
from arcrun.wasm import costs
from arcrun.wasm.binary import IMPORTED_FUNCTION, IMPORTED_GLOBAL, NAMED_TYPE, invalid_module, module_too_large
from arcrun.wasm.code import Instruction, read_instructions, read_locals, read_named_type, read_u32
from arcrun.wasm.structure import Structure

_STRETCH_BYTES = 500  # of code, between two yields
_FOLDED_AT_ONCE = 2_000  # segments, between two yields
_OPENING = frozenset((op.BLOCK, op.LOOP, op.IF, op.TRY_TABLE))
_BRANCHING_ON = frozenset((op.BR_IF, op.BR_ON_NULL, op.BR_ON_NON_NULL))
_BRANCHING = _BRANCHING_ON | {op.BR, op.BR_TABLE}
_TAIL_CALLS = frozenset((op.RETURN_CALL, op.RETURN_CALL_INDIRECT, op.RETURN_CALL_REF))
_LEAVING = _TAIL_CALLS | {op.UNREACHABLE, op.BR, op.BR_TABLE, op.RETURN, op.THROW, op.THROW_REF}
# Instructions whose first number is the index of a type, a function or a global.
_NAMING = {
    op.CALL: IMPORTED_FUNCTION,
    op.RETURN_CALL: IMPORTED_FUNCTION,
    op.REF_FUNC: IMPORTED_FUNCTION,
    op.GLOBAL_GET: IMPORTED_GLOBAL,
    op.GLOBAL_SET: IMPORTED_GLOBAL,
    op.CALL_INDIRECT: NAMED_TYPE,
    op.RETURN_CALL_INDIRECT: NAMED_TYPE,
    op.CALL_REF: NAMED_TYPE,
    op.RETURN_CALL_REF: NAMED_TYPE,
}
_MAY_NAME_TYPE = frozenset((op.REF_NULL, *_OPENING))
_WITH_LENGTH = frozenset((*costs.LENGTH_FACTORS, op.MEMORY_GROW))
_SPECIAL = frozenset((op.ELSE, op.END, op.SELECT_TYPED)).union(
    _NAMING, _MAY_NAME_TYPE, _WITH_LENGTH, _BRANCHING, _LEAVING, costs.EXTRA_COST
)


@dataclass(slots=True)
class Segment:
    """Code that runs from its start to the next branch; its charge is inserted at `offset` in the body.

    `before` is the segment of the same loop that always precedes it; None at a function's entry and a loop's head.
    """

    offset: int
    before: "Segment | None" = None
    cost: int = 0
    folded: int = 0  # the part of the cost that belongs to other segments


@dataclass(slots=True)
class Body:
    """A function's body with the insertions: charges, and the instructions with a length.

    `width` is its number of local variables, `states` the sum of them over all places that branch or are a branch's
    target, with the values that are carried there.
    """

    code: bytes
    results: int
    current: Segment
    width: int = 1
    states: int = 0
    segments: list[Segment] = field(default_factory=list)
    # For each block, the segment in which it was opened, and the number of values that a branch carries to it.
    open_blocks: list[tuple[Segment, int]] = field(default_factory=list)
    lengths: list[tuple[int, int]] = field(default_factory=list)  # offset and opcode


def read_body(code: bytes, index: int, module: Structure) -> Steps[Body]:
    """Cut function `index` into segments and compute their costs.

    Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE, UNSUPPORTED_INSTRUCTION.
    """
    parameters, results = module.types[module.functions[index]]
    local_count, local_types, start = read_locals(code)
    for named in local_types:
        module.check_type(named)
    body = Body(code, results, Segment(start), 1 + parameters + local_count)
    _begin(body, start)
    body.current.cost += _entry_cost(parameters + results, local_count, module)
    body.open_blocks.append((body.current, results))
    yielded, previous = 0, op.BLOCK
    for instruction in read_instructions(code, start):
        opcode, at, end = instruction
        if not body.open_blocks:
            raise invalid_module("a function body goes on after its end")
        if body.current.cost >= costs.MAX_SEGMENT_COST:
            _continue(body, at)
        if opcode != op.BLOCK or previous != op.BLOCK:  # a switch nests a block for each case, before it branches once
            body.current.cost += 1
        previous = opcode
        if opcode in _SPECIAL:
            _check_names(body, instruction, module)
            _charge_extra(body, instruction, module)
            _cut(body, instruction, module)
        if end - yielded > _STRETCH_BYTES:
            _require_bounded(body)
            yield (end - yielded) // 2
            yielded = end
    if body.open_blocks:
        raise invalid_module("a function body has no end")
    _require_bounded(body)
    return body


def _require_bounded(body: Body) -> None:
    if len(body.segments) > MAX_FUNCTION_BRANCHES:
        raise module_too_large(len(body.segments), MAX_FUNCTION_BRANCHES, "branches in a function")
    if body.states > MAX_FUNCTION_STATES:
        raise module_too_large(body.states, MAX_FUNCTION_STATES, "local variables at all branches of a function")


def _entry_cost(values: int, local_count: int, module: Structure) -> int:
    unwinding = costs.UNWINDING_COST if module.tags else 0
    return unwinding + max(0, values - costs.FREE_VALUES) + local_count // costs.LOCALS_FOR_ONE


def _check_names(body: Body, instruction: Instruction, module: Structure) -> None:
    """Check that the code names nothing beyond the module's own items: metering appends some."""
    opcode, at = instruction.opcode, instruction.start + 1
    if opcode in _NAMING:
        module.check_index(_NAMING[opcode], read_u32(body.code, at)[0])
    elif opcode in _MAY_NAME_TYPE:
        module.check_type(read_named_type(body.code, at)[0])
    elif opcode == op.SELECT_TYPED:
        count, at = read_u32(body.code, at)
        for _ in range(count):
            named, at = read_named_type(body.code, at)
            module.check_type(named)


def _charge_extra(body: Body, instruction: Instruction, module: Structure) -> None:
    """Charge what an instruction costs beyond one unit. `current` is the segment that it ends."""
    opcode, at = instruction.opcode, instruction.start + 1
    body.current.cost += costs.EXTRA_COST.get(opcode, 0)
    if opcode in _WITH_LENGTH:
        body.lengths.append((instruction.start, opcode))
    elif opcode in _BRANCHING:
        if opcode == op.BR_TABLE:
            count, at = read_u32(body.code, at)
            body.current.cost += count.bit_length()
            carried = _carried(body, read_u32(body.code, at)[0])
            body.states += min(count, len(body.open_blocks)) * (body.width + carried)
        body.current.cost += _carried(body, read_u32(body.code, at)[0]) // costs.BRANCHED_FOR_ONE
    elif opcode == op.RETURN:
        body.current.cost += body.results // costs.BRANCHED_FOR_ONE
    elif opcode == op.THROW:
        body.current.cost += _thrown_values(read_u32(body.code, at)[0], module) * costs.THROWN_VALUE_COST
    elif opcode == op.TRY_TABLE:
        body.current.cost += _clauses_cost(body.code, at, module)


def _carried(body: Body, label: int) -> int:
    """The number of values that a branch carries. All labels of a br_table carry the same number."""
    if label >= len(body.open_blocks):
        raise invalid_module(f"a branch in it leads {label} blocks out and is in {len(body.open_blocks)}")
    return body.open_blocks[-1 - label][1]


def _thrown_values(tag: int, module: Structure) -> int:
    if tag >= len(module.tags):
        raise invalid_module(f"it names exception {tag} and has {len(module.tags)}")
    return module.types[module.tags[tag]][0]


def _clauses_cost(code: bytes, at: int, module: Structure) -> int:
    _, at = read_named_type(code, at)
    count, at = read_u32(code, at)
    values = 0
    for _ in range(count):
        kind = code[at]
        at += 1
        if kind < 2:  # with a tag
            tag, at = read_u32(code, at)
            values = max(values, _thrown_values(tag, module))
        _, at = read_u32(code, at)
    return count * costs.CLAUSE_COST + values * costs.THROWN_VALUE_COST


def _cut(body: Body, instruction: Instruction, module: Structure) -> None:
    """Begin a new segment after an instruction that branches or is a branch's target."""
    opcode, after = instruction.opcode, instruction.end
    if opcode in _OPENING:
        _open(body, instruction, module)
    elif opcode == op.ELSE:
        _begin(body, after, body.open_blocks[-1][0])
    elif opcode == op.END:
        _begin(body, after, body.open_blocks.pop()[0])
    elif opcode in _BRANCHING_ON:
        _begin(body, after, body.current)
    elif opcode in _LEAVING:
        body.current = Segment(after)  # unreachable, so it is not charged


def _open(body: Body, instruction: Instruction, module: Structure) -> None:
    named, _ = read_named_type(body.code, instruction.start + 1)
    parameters, results = (0, 1) if named is None else module.types[named]
    taken = parameters if instruction.opcode == op.LOOP else results
    body.open_blocks.append((body.current, taken))
    body.states += parameters + results
    if len(body.open_blocks) > MAX_NESTING:
        raise module_too_large(len(body.open_blocks), MAX_NESTING, "blocks within one another")
    if instruction.opcode == op.LOOP:
        _begin(body, instruction.end)
    elif instruction.opcode == op.IF:
        _begin(body, instruction.end, body.current)


def _begin(body: Body, offset: int, before: Segment | None = None) -> None:
    body.states += body.width
    body.current = Segment(offset, before, cost=costs.REPEAT_COST if before is None else 0)
    body.segments.append(body.current)


def _continue(body: Body, offset: int) -> None:
    """Cut straight code. Unreachable code is not charged, cut or not."""
    if body.current is body.segments[-1]:
        _begin(body, offset, body.current)
    else:
        body.current = Segment(offset)


def fold_segments(segments: list[Segment]) -> Steps[list[Segment]]:
    """The segments with a charge of their own, after the costs of the others have been added to those before them."""
    kept = []
    for number, segment in enumerate(reversed(segments), 1):
        if number % _FOLDED_AT_ONCE == 0:
            yield _FOLDED_AT_ONCE // 4
        before, cost = segment.before, segment.cost
        if before is None or (cost and before.folded + cost > costs.MAX_FOLDED):
            kept.append(segment)
        else:
            before.cost += cost
            before.folded += cost
    return kept[::-1]
