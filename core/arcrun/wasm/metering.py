"""Writes an execution budget into a module, so that no code of it can run for ever, on whatever engine.

A mutable global of type i64 holds the fuel that is left. Code is cut into segments, at branches and where they lead
(segments.py). Where a segment begins, its cost is taken off the fuel. At a function's entry and at a loop's head the
module also traps (`unreachable`) if less than nothing is left: nothing repeats without them.

    global.get $fuel   i64.const COST   i64.sub   global.set $fuel
    global.get $fuel   i64.const 0      i64.lt_s  if  unreachable  end

Short segments are paid for together with the one that always comes before them, whether they run or not. So never less
fuel than instructions is used. Copying and filling costs one more for every 8 bytes: the length goes through a function
that is appended.

The global is exported as `arcrun_fuel`. The host sets it before `_start`; after a trap, a value below zero means that
the budget was used up, and any other value that the component itself trapped. Unset, and while the module's own start
function runs, it is what `meter_module` was given.
Why so, and what else was weighed: docs/adr/0010-metering.md.
"""

from collections.abc import Iterator

from arcrun.wasm import binary as wasm
from arcrun.wasm import code as op
from arcrun.wasm.binary import Reader, encode_name, encode_s64, encode_section, encode_u32, invalid_module
from arcrun.wasm.fuel import CALL_FUEL
from arcrun.wasm.segments import Body, Indices, Segment, fold_segments, read_body

FUEL_EXPORT = "arcrun_fuel"
METERING_VERSION = 1  # another one where the same module would come out differently: metered ones are kept
DEFAULT_FUEL = CALL_FUEL

_LENGTH_SHIFT = 3  # 8 bytes, or 8 entries of a table, for one unit of fuel
_I32, _I64, _FUNCTION_TYPE, _MUTABLE = 0x7F, 0x7E, 0x60, 1
_EXPORTED_GLOBAL = 3
_REFERENCE_PREFIXES = (0x63, 0x64)
# Custom sections that speak of offsets into the code, which change.
_DROPPED_CUSTOM = (".debug_", "metadata.code.", "reloc.", "linking", "sourceMappingURL", "external_debug_info")

Sections = dict[int, bytes]


def meter_module(binary: bytes, fuel: int = DEFAULT_FUEL) -> bytes:
    """The same module with an execution budget. Export `arcrun_fuel`, a mutable i64, is what is left of it.

    `fuel` is the budget as long as the host sets no other.

    Raises ComponentError: INVALID_MODULE, UNSUPPORTED_INSTRUCTION.
    """
    sections, custom = _split_sections(binary)
    try:
        indices = _count_indices(sections)
        bodies = list(_metered_bodies(sections.get(wasm.CODE, b"\x00"), indices))
        _refuse_exported_fuel(sections, indices)
    except IndexError:
        raise invalid_module("it ends too early") from None
    tank = bytes((_I64, _MUTABLE, op.I64_CONST)) + encode_s64(fuel) + bytes((op.END,))
    _append(sections, wasm.TYPE, bytes((_FUNCTION_TYPE, 1, _I32, 1, _I32)))
    _append(sections, wasm.FUNCTION, encode_u32(indices.types))
    _append(sections, wasm.GLOBAL, tank)
    _append(sections, wasm.EXPORT, encode_name(FUEL_EXPORT) + bytes((_EXPORTED_GLOBAL,)) + encode_u32(indices.fuel))
    sections[wasm.CODE] = encode_u32(len(bodies) + 1) + b"".join(map(_sized, [*bodies, _charge_length_body(indices)]))
    ordered = (encode_section(section, sections[section]) for section in wasm.SECTION_ORDER if section in sections)
    return wasm.MAGIC + b"".join(ordered) + b"".join(custom)


def _split_sections(binary: bytes) -> tuple[Sections, list[bytes]]:
    """The sections by their ids, and the custom sections, whole, which may stand anywhere and so go to the end."""
    if binary[:8] != wasm.MAGIC:
        raise invalid_module("it does not begin with \\0asm and version 1")
    sections: Sections = {}
    custom: list[bytes] = []
    reader = Reader(binary, offset=8)
    while reader.offset < reader.end:
        section, body = reader.byte(), reader.take(reader.u32())
        if section == wasm.CUSTOM:
            if not Reader(body).name().startswith(_DROPPED_CUSTOM):
                custom.append(encode_section(section, body))
        elif section in sections or section not in wasm.SECTION_ORDER:
            raise invalid_module(f"section {section} is unknown or there twice")
        else:
            sections[section] = body
    return sections, custom


def _append(sections: Sections, section: int, item: bytes) -> None:
    """Add one item to a section that is a vector; make the section where it is missing."""
    reader = Reader(sections.get(section, b"\x00"))
    sections[section] = encode_u32(reader.u32() + 1) + reader.data[reader.offset :] + item


def _sized(body: bytes) -> bytes:
    return encode_u32(len(body)) + body


def _count_indices(sections: Sections) -> Indices:
    imports = Reader(sections.get(wasm.IMPORT, b"\x00"))
    kinds = [imports.import_entry()[2] for _ in range(imports.u32())]
    imported_functions = kinds.count(wasm.IMPORTED_FUNCTION)
    return Indices(
        types=_count_types(sections.get(wasm.TYPE, b"\x00")),
        imported_functions=imported_functions,
        functions=imported_functions + _count(sections, wasm.FUNCTION),
        fuel=kinds.count(wasm.IMPORTED_GLOBAL) + _count(sections, wasm.GLOBAL),
    )


def _count(sections: Sections, section: int) -> int:
    return Reader(sections.get(section, b"\x00")).u32()


def _count_types(section: bytes) -> int:
    """Function types only: a recursive group would count for more than one."""
    reader = Reader(section)
    count = reader.u32()
    for _ in range(count):
        if reader.byte() != _FUNCTION_TYPE:
            raise invalid_module("it has a type that is not a function's (garbage collection)")
        for _ in range(2):  # parameters, results
            for _ in range(reader.u32()):
                if reader.byte() in _REFERENCE_PREFIXES:
                    reader.u32()
    return count


def _refuse_exported_fuel(sections: Sections, indices: Indices) -> None:
    """A module that exports what it does not have yet would be given the fuel."""
    reader = Reader(sections.get(wasm.EXPORT, b"\x00"))
    for _ in range(reader.u32()):
        name, kind, index = reader.name(), reader.byte(), reader.u32()
        if name == FUEL_EXPORT or (kind == _EXPORTED_GLOBAL and index >= indices.fuel):
            raise invalid_module(f"it exports `{name}`, global {index}, which it may not")


def _metered_bodies(section: bytes, indices: Indices) -> Iterator[bytes]:
    reader = Reader(section)
    for _ in range(reader.u32()):
        yield _insert_charges(read_body(reader.take(reader.u32()), indices), indices)


def _insert_charges(body: Body, indices: Indices) -> bytes:
    charge_length = bytes((op.CALL,)) + encode_u32(indices.functions)
    inserts = [(segment.offset, _charge(segment, body, indices)) for segment in fold_segments(body.segments)]
    inserts += [(offset, charge_length) for offset in body.lengths]
    parts: list[bytes] = []
    done = 0
    for offset, inserted in sorted(inserts, key=lambda insert: insert[0]):
        parts += (body.code[done:offset], inserted)
        done = offset
    return b"".join((*parts, body.code[done:]))


def _charge(segment: Segment, body: Body, indices: Indices) -> bytes:
    """Take the segment's cost off the fuel. A function that neither loops nor calls leaves the trap to another."""
    fuel = encode_u32(indices.fuel)
    cost = (op.I64_CONST, *encode_s64(segment.cost))
    take = (op.GLOBAL_GET, *fuel, *cost, op.I64_SUB, op.GLOBAL_SET, *fuel)
    must_trap = segment.before is None and body.repeats
    return bytes((*take, *_trap_below_zero(fuel))) if must_trap else bytes(take)


def _trap_below_zero(fuel: bytes) -> tuple[int, ...]:
    test = (op.GLOBAL_GET, *fuel, op.I64_CONST, 0, op.I64_LT_S)
    return (*test, op.IF, op.EMPTY_BLOCK_TYPE, op.UNREACHABLE, op.END)


def _charge_length_body(indices: Indices) -> bytes:
    """A function of a length (i32) that takes its cost off the fuel and gives it back."""
    fuel = encode_u32(indices.fuel)
    length = (op.LOCAL_GET, 0, op.I64_EXTEND_I32_U, op.I64_CONST, _LENGTH_SHIFT, op.I64_SHR_U)
    take = (op.GLOBAL_GET, *fuel, *length, op.I64_SUB, op.GLOBAL_SET, *fuel)
    return bytes((0, *take, *_trap_below_zero(fuel), op.LOCAL_GET, 0, op.END))
