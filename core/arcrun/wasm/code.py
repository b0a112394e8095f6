"""Reads function bodies instruction by instruction: opcode, start and end.

Source: WebAssembly core specification 3.0, section 5.4 and appendix A.8. It knows the instructions that compilers of C,
Zig, Rust, Go and TinyGo emit: all of WebAssembly 2.0 (with SIMD, bulk memory, reference types, multi-value, sign
extension, saturating conversions), tail calls, typed function references, relaxed SIMD and exceptions. It does not know
threads, garbage collection and stack switching; a module with such an instruction is refused.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from arcrun.errors import ComponentError
from arcrun.limits import MAX_BRANCH_TARGETS, MAX_FUNCTION_LOCALS
from arcrun.wasm.binary import REFERENCE_PREFIXES, invalid_module, module_too_large

UNREACHABLE, BLOCK, LOOP, IF, ELSE, END = 0x00, 0x02, 0x03, 0x04, 0x05, 0x0B
CALL, CALL_INDIRECT, RETURN_CALL, RETURN_CALL_INDIRECT, CALL_REF, RETURN_CALL_REF = range(0x10, 0x16)
BR, BR_IF, BR_TABLE, RETURN = range(0x0C, 0x10)
THROW, THROW_REF, TRY_TABLE = 0x08, 0x0A, 0x1F
BR_ON_NULL, BR_ON_NON_NULL = 0xD5, 0xD6
LOCAL_GET, LOCAL_SET, GLOBAL_GET, GLOBAL_SET, TABLE_GET, TABLE_SET = 0x20, 0x21, 0x23, 0x24, 0x25, 0x26
MEMORY_GROW, I32_CONST, I64_CONST, I32_LE_U, I64_LT_S = 0x40, 0x41, 0x42, 0x4D, 0x53
I64_SUB, I64_MUL, I64_SHR_U, I64_EXTEND_I32_U = 0x7D, 0x7E, 0x88, 0xAD
DROP, SELECT_TYPED, REF_NULL, REF_FUNC = 0x1A, 0x1C, 0xD0, 0xD2
# Instructions of two numbers: the prefix byte, and the following number in the low bits.
PREFIX_FC, PREFIX_FD = 0xFC, 0xFD
MEMORY_INIT, MEMORY_COPY, MEMORY_FILL = 0xFC08, 0xFC0A, 0xFC0B
TABLE_INIT, TABLE_COPY, TABLE_GROW, TABLE_FILL = 0xFC0C, 0xFC0E, 0xFC0F, 0xFC11

EMPTY_BLOCK_TYPE = 0x40
_HAS_MEMORY_INDEX = 0x40
_MAX_LOCAL_GROUPS = 5_000  # consecutive groups of one type each

Skip = Callable[[bytes, int], int]


class Instruction(NamedTuple):
    """`start` and `end` are offsets into the body; the immediates end at `end`."""

    opcode: int
    start: int
    end: int


def read_instructions(body: bytes, at: int) -> Iterator[Instruction]:
    """The instructions of one function body, from `at`, the end of its locals, to its last byte.

    Raises ComponentError: INVALID_MODULE, MODULE_TOO_LARGE, UNSUPPORTED_INSTRUCTION.
    """
    size = len(body)
    while at < size:
        start, opcode = at, body[at]
        skip = _SKIPS[opcode]
        if skip is None:
            raise _unsupported(f"0x{opcode:02x}")
        if skip is _skip_prefixed:
            number, _ = read_u32(body, at + 1)
            opcode = opcode << 8 | number if number < 0x100 else opcode << 16 | number
        at = skip(body, at + 1)
        yield Instruction(opcode, start, at)
    if at > size:
        raise invalid_module("a function body ends too early")


def read_u32(body: bytes, at: int) -> tuple[int, int]:
    """An unsigned LEB128 of at most 5 bytes, and the offset after it."""
    byte = body[at]
    if byte < 0x80:
        return byte, at + 1
    value = byte & 0x7F
    for shift in range(7, 35, 7):
        at += 1
        byte = body[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
    raise invalid_module("a number in it is longer than 32 bits")


def read_named_type(body: bytes, at: int) -> tuple[int | None, int]:
    """The index that a value type, block type or reference type names, None if it names none; and the offset
    after it.
    """
    if body[at] in REFERENCE_PREFIXES:
        at += 1
    if 0x40 <= body[at] < 0x80:  # one negative number for each kind of value
        return None, at + 1
    return read_u32(body, at)


def read_locals(body: bytes) -> tuple[int, list[int], int]:
    """The number of declared local variables, the types that theirs name, and the offset of the first instruction."""
    total, named_types = 0, []
    groups, at = read_u32(body, 0)
    if groups > _MAX_LOCAL_GROUPS:
        raise module_too_large(groups, _MAX_LOCAL_GROUPS, "groups of local variables in a function")
    for _ in range(groups):
        count, at = read_u32(body, at)
        named, at = read_named_type(body, at)
        total += count
        if named is not None:
            named_types.append(named)
    if total > MAX_FUNCTION_LOCALS:
        raise module_too_large(total, MAX_FUNCTION_LOCALS, "local variables in a function")
    return total, named_types, at


def _unsupported(name: str) -> ComponentError:
    return ComponentError(
        f"The module uses the instruction {name}, which arcrun cannot meter.",
        code="UNSUPPORTED_INSTRUCTION",
        next_actions=["Build it without the features threads (atomics), garbage collection and legacy exceptions."],
        details={"instruction": name},
    )


def _skip_nothing(_body: bytes, at: int) -> int:
    return at


def _skip_number(body: bytes, at: int) -> int:
    while body[at] >= 0x80:
        at += 1
    return at + 1


def _skip_two_numbers(body: bytes, at: int) -> int:
    return _skip_number(body, _skip_number(body, at))


def _skip_four_bytes(_body: bytes, at: int) -> int:
    return at + 4


def _skip_eight_bytes(_body: bytes, at: int) -> int:
    return at + 8


def _skip_value_type(body: bytes, at: int) -> int:
    return read_named_type(body, at)[1]


def _skip_value_types(body: bytes, at: int) -> int:
    count, at = _read_targets(body, at)
    for _ in range(count):
        at = _skip_value_type(body, at)
    return at


def _skip_labels(body: bytes, at: int) -> int:
    count, at = _read_targets(body, at)
    for _ in range(count + 1):
        at = _skip_number(body, at)
    return at


def _read_targets(body: bytes, at: int) -> tuple[int, int]:
    count, at = read_u32(body, at)
    if count > MAX_BRANCH_TARGETS:
        raise module_too_large(count, MAX_BRANCH_TARGETS, "targets of one branch")
    return count, at


def _skip_catches(body: bytes, at: int) -> int:
    """try_table: a block type and clauses; clauses of kinds 0 and 1 name a tag before their label."""
    count, at = _read_targets(body, _skip_value_type(body, at))
    for _ in range(count):
        at = (_skip_two_numbers if body[at] < 2 else _skip_number)(body, at + 1)
    return at


def _skip_memory_argument(body: bytes, at: int) -> int:
    """Alignment and offset; between them the memory's index if a bit of the alignment is set."""
    if body[at] & _HAS_MEMORY_INDEX:
        at = _skip_number(body, at)
    return _skip_two_numbers(body, at)


def _skip_prefixed(body: bytes, at: int) -> int:
    number, following = read_u32(body, at)
    skip = (_FC_SKIPS if body[at - 1] == PREFIX_FC else _FD_SKIPS).get(number)
    if skip is None:
        raise _unsupported(f"0x{body[at - 1]:02x} {number}")
    return skip(body, following)


def _skip_memory_argument_and_lane(body: bytes, at: int) -> int:
    return _skip_memory_argument(body, at) + 1


def _skip_lane(_body: bytes, at: int) -> int:
    return at + 1


def _skip_sixteen_bytes(_body: bytes, at: int) -> int:
    return at + 16


def _build_skips() -> list[Skip | None]:
    skips: list[Skip | None] = [None] * 256
    plain = (*range(0x02), ELSE, END, THROW_REF, RETURN, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1, 0xD3, 0xD4)
    numbered = (THROW, BR, BR_IF, CALL, RETURN_CALL, CALL_REF, RETURN_CALL_REF)
    numbered = (
        *numbered,
        *range(0x20, 0x27),
        0x3F,
        MEMORY_GROW,
        I32_CONST,
        I64_CONST,
        REF_NULL,
        REF_FUNC,
        BR_ON_NULL,
        BR_ON_NON_NULL,
    )
    kinds: list[tuple[Skip, tuple[int, ...]]] = [
        (_skip_nothing, plain),
        (_skip_number, numbered),
        (_skip_two_numbers, (CALL_INDIRECT, RETURN_CALL_INDIRECT)),
        (_skip_value_type, (BLOCK, LOOP, IF)),
        (_skip_value_types, (SELECT_TYPED,)),
        (_skip_labels, (BR_TABLE,)),
        (_skip_catches, (TRY_TABLE,)),
        (_skip_memory_argument, tuple(range(0x28, 0x3F))),
        (_skip_four_bytes, (0x43,)),
        (_skip_eight_bytes, (0x44,)),
        (_skip_prefixed, (PREFIX_FC, PREFIX_FD)),
    ]
    for skip, opcodes in kinds:
        for opcode in opcodes:
            skips[opcode] = skip
    return skips


_SKIPS = _build_skips()
_FC_SKIPS: dict[int, Skip] = {
    **dict.fromkeys(range(8), _skip_nothing),  # saturating conversions
    **dict.fromkeys((8, 10, 12, 14), _skip_two_numbers),  # memory.init, memory.copy, table.init, table.copy
    **dict.fromkeys((9, 11, 13, 15, 16, 17), _skip_number),
}
_FD_SKIPS: dict[int, Skip] = {
    **dict.fromkeys(range(0x114), _skip_nothing),  # 0x100 and above: relaxed SIMD
    **dict.fromkeys((*range(12), 0x5C, 0x5D), _skip_memory_argument),
    **dict.fromkeys((12, 13), _skip_sixteen_bytes),  # v128.const, i8x16.shuffle
    **dict.fromkeys(range(0x15, 0x23), _skip_lane),
    **dict.fromkeys(range(0x54, 0x5C), _skip_memory_argument_and_lane),
}
