"""Finds modules whose instances can be reused for another call: those whose whole state the host can restore.

The state of an instance is its memory, its globals, its tables, and which of its passive segments are dropped. The
memory is exported; the globals are exported here, so the host can restore both (component_host.mjs). It cannot access
tables and segments: a module with an instruction that changes them is left unchanged, and each of its calls gets a new
instance. A custom section marks modules that passed this check.
"""

from arcrun.wasm import binary as wasm
from arcrun.wasm import code as op
from arcrun.wasm.binary import Reader, encode_name, encode_section, encode_u32

MARK = "arcrun.state"
EXPORT_PREFIX = "arcrun_state_"

_I32, _I64 = 0x7F, 0x7E
_ELEM_DROP, _DATA_DROP = 0xFC0D, 0xFC09
_CHANGE_MORE = frozenset(
    (op.TABLE_SET, op.TABLE_INIT, op.TABLE_COPY, op.TABLE_GROW, op.TABLE_FILL, _ELEM_DROP, _DATA_DROP)
)


def expose_state(binary: bytes) -> bytes:
    """A complete, valid module with its mutable globals exported and marked; unchanged if that is not all of
    its state.
    """
    sections = [(section, body.take(body.end - body.offset)) for section, body in wasm.read_sections(binary)]
    contents = {section: content for section, content in sections if section != wasm.CUSTOM}
    try:
        exposed = _mutable_globals(Reader(contents.get(wasm.GLOBAL, b"\x00")))
    except _UnknownStateError:
        return binary
    exports = Reader(contents[wasm.EXPORT])
    count, rest = exports.u32(), contents[wasm.EXPORT][exports.offset :]
    if _imports_more_than_functions(contents) or EXPORT_PREFIX.encode() in rest or _changes_more(contents):
        return binary
    added = b"".join(
        encode_name(f"{EXPORT_PREFIX}{index}") + bytes((wasm.IMPORTED_GLOBAL,)) + encode_u32(index) for index in exposed
    )
    written = (
        encode_section(section, encode_u32(count + len(exposed)) + rest + added if section == wasm.EXPORT else content)
        for section, content in sections
    )
    return wasm.MAGIC + b"".join(written) + encode_section(wasm.CUSTOM, encode_name(MARK))


class _UnknownStateError(Exception):
    """A global whose value JavaScript could not restore bit for bit."""


def _mutable_globals(reader: Reader) -> list[int]:
    mutable = []
    for index in range(reader.u32()):
        kind = reader.data[reader.offset]
        reader.value_type()
        is_mutable = reader.byte()
        list(reader.constant_expression())
        if is_mutable and kind not in (_I32, _I64):
            raise _UnknownStateError
        if is_mutable:
            mutable.append(index)
    return mutable


def _imports_more_than_functions(contents: dict[int, bytes]) -> bool:
    reader = Reader(contents.get(wasm.IMPORT, b"\x00"))
    return any(reader.import_entry().kind != wasm.IMPORTED_FUNCTION for _ in range(reader.u32()))


def _changes_more(contents: dict[int, bytes]) -> bool:
    """Whether an instruction changes a table or drops a segment."""
    reader = Reader(contents.get(wasm.CODE, b"\x00"))
    for _ in range(reader.u32()):
        body = reader.take(reader.u32())
        _, _, at = op.read_locals(body)
        if any(instruction.opcode in _CHANGE_MORE for instruction in op.read_instructions(body, at)):
            return True
    return False
