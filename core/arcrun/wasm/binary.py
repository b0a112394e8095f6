"""The primitives of WebAssembly's binary format. Source: WebAssembly core specification 3.0, sections 5.1 to 5.5."""

from collections.abc import Iterator
from dataclasses import dataclass

from arcrun.errors import ComponentError
from arcrun.limits import MAX_CONSTANT_INSTRUCTIONS, MAX_SECTIONS

MAGIC = b"\x00asm\x01\x00\x00\x00"

CUSTOM, TYPE, IMPORT, FUNCTION, TABLE, MEMORY, GLOBAL = range(7)
EXPORT, START, ELEMENT, CODE, DATA, DATA_COUNT, TAG = range(7, 14)
# The order of sections in a module; custom sections may be anywhere.
SECTION_ORDER = (
    TYPE, IMPORT, FUNCTION, TABLE, MEMORY, TAG, GLOBAL, EXPORT, START, ELEMENT, DATA_COUNT, CODE, DATA,
)  # fmt: skip

IMPORTED_FUNCTION, IMPORTED_TABLE, IMPORTED_MEMORY, IMPORTED_GLOBAL, IMPORTED_TAG = range(5)
NAMED_TYPE = -1  # in addition to the kinds of imports
HAS_MAXIMUM = 1
KNOWN_LIMITS = (0, HAS_MAXIMUM)  # neither shared, nor 64-bit, nor of another page size
REFERENCE_PREFIXES = (0x63, 0x64)
_ABSTRACT_HEAP_TYPES = frozenset(range(0x69, 0x75))
_VALUE_TYPES = _ABSTRACT_HEAP_TYPES.union(range(0x7B, 0x80))  # v128, f64, f32, i64, i32
TABLE_WITH_VALUE = b"\x40\x00"
_END, _GLOBAL_GET, _REF_NULL, _REF_FUNC, _PREFIX_FD, _V128_CONST = 0x0B, 0x23, 0xD0, 0xD2, 0xFD, 12
_CONSTANT_LENGTHS = {0x41: 5, 0x42: 10}  # i32.const, i64.const
# f32.const, f64.const; adding, subtracting and multiplying.
_CONSTANT_SIZES = {0x43: 4, 0x44: 8, **dict.fromkeys((0x6A, 0x6B, 0x6C, 0x7C, 0x7D, 0x7E), 0)}


def invalid_module(reason: str) -> ComponentError:
    return ComponentError(
        f"This is not a WebAssembly module: {reason}.",
        code="INVALID_MODULE",
        next_actions=["Build the component for the target wasm32-wasi (preview1) and upload the .wasm file itself."],
    )


def module_too_large(count: int, limit: int, what: str) -> ComponentError:
    return ComponentError(
        f"The module has {count:,} {what}; the limit is {limit:,}.",
        code="MODULE_TOO_LARGE",
        next_actions=["Build it for size, without unused code, or split it into two components."],
        details={"count": count, "limit": limit},
    )


class Reader:
    """Reads [offset, end) of `data` in order. Every method raises ComponentError INVALID_MODULE."""

    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data, self.offset, self.end = data, offset, len(data) if end is None else end

    def byte(self) -> int:
        if self.offset >= self.end:
            raise invalid_module("it ends too early")
        self.offset += 1
        return self.data[self.offset - 1]

    def u32(self) -> int:
        """Read an unsigned LEB128 of at most 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 32:
                    break
                return value
        raise invalid_module("a number in it is longer than 32 bits")

    def skip_number(self, longest: int) -> None:
        """Skip a LEB128 of at most `longest` bytes."""
        for _ in range(longest):
            if self.byte() < 0x80:
                return
        raise invalid_module("a number in it is too long")

    def skip(self, count: int) -> None:
        if count > self.end - self.offset:
            raise invalid_module("it ends too early")
        self.offset += count

    def take(self, count: int) -> bytes:
        self.skip(count)
        return self.data[self.offset - count : self.offset]

    def finish(self) -> None:
        """Refuse remaining bytes."""
        if self.offset != self.end:
            raise invalid_module("a section in it is longer than its contents")

    def count(self, limit: int, what: str, earlier: int = 0) -> int:
        """Read a vector's number of elements. Raises ComponentError MODULE_TOO_LARGE if it plus `earlier` exceeds
        `limit`.
        """
        count = self.u32()
        if earlier + count > limit:
            raise module_too_large(earlier + count, limit, what)
        return count

    def name(self) -> str:
        try:
            return self.take(self.u32()).decode()
        except UnicodeDecodeError:
            raise invalid_module("a name in it is not UTF-8") from None

    def limits(self) -> tuple[int, int | None, int]:
        """Read the minimum, the maximum if there is one, and the flags."""
        flags = self.byte()
        minimum = self.u32()
        return minimum, self.u32() if flags & HAS_MAXIMUM else None, flags

    def value_type(self) -> int | None:
        """Read the index of the function type that a typed reference names; None for any other value type."""
        kind = self.byte()
        if kind in REFERENCE_PREFIXES:
            return self.heap_type()
        if kind not in _VALUE_TYPES:
            raise invalid_module(f"0x{kind:02x} is not a value type")
        return None

    def heap_type(self) -> int | None:
        """Like `value_type`, for a heap type."""
        if 0x40 <= (kind := self.byte()) < 0x80:
            if kind not in _ABSTRACT_HEAP_TYPES:
                raise invalid_module(f"0x{kind:02x} is not a reference type")
            return None
        self.offset -= 1
        return self.u32()

    def table_type(self) -> tuple[int | None, int, int | None]:
        """Read the type that the table's references name, the minimum and the maximum, in entries."""
        return self.value_type(), *self.table_limits()

    def table_limits(self) -> tuple[int, int | None]:
        """Read the minimum and the maximum, in entries."""
        minimum, maximum, flags = self.limits()
        if flags not in KNOWN_LIMITS:
            raise invalid_module("a table in it is shared or 64-bit")
        return minimum, maximum

    def memory_type(self) -> tuple[int, int | None]:
        """Read the minimum and the maximum, in pages."""
        minimum, maximum, flags = self.limits()
        if flags not in KNOWN_LIMITS:
            raise invalid_module("its memory is shared, 64-bit or has its own page size")
        return minimum, maximum

    def constant_expression(self) -> Iterator[tuple[int, int]]:
        """Kinds and indices of everything it names: IMPORTED_FUNCTION, IMPORTED_GLOBAL, or NAMED_TYPE."""
        for _ in range(MAX_CONSTANT_INSTRUCTIONS):
            if (opcode := self.byte()) == _END:
                return
            if opcode in (_GLOBAL_GET, _REF_FUNC):
                yield (IMPORTED_GLOBAL if opcode == _GLOBAL_GET else IMPORTED_FUNCTION), self.u32()
            elif opcode == _REF_NULL:
                named = self.heap_type()
                if named is not None:
                    yield NAMED_TYPE, named
            elif opcode in _CONSTANT_LENGTHS:
                self.skip_number(_CONSTANT_LENGTHS[opcode])
            elif opcode in _CONSTANT_SIZES:
                self.take(_CONSTANT_SIZES[opcode])
            elif opcode == _PREFIX_FD and self.u32() == _V128_CONST:
                self.take(16)
            else:
                raise invalid_module(f"a constant in it has the instruction 0x{opcode:02x}")
        raise module_too_large(MAX_CONSTANT_INSTRUCTIONS + 1, MAX_CONSTANT_INSTRUCTIONS, "instructions in a constant")

    def import_entry(self) -> "ImportEntry":
        entry = ImportEntry(self.name(), self.name(), self.byte())
        if entry.kind == IMPORTED_FUNCTION:
            entry.type_index = self.u32()
        elif entry.kind == IMPORTED_TABLE:
            entry.type_index, _, _ = self.table_type()
        elif entry.kind == IMPORTED_MEMORY:
            self.memory_type()
        elif entry.kind == IMPORTED_GLOBAL:
            entry.type_index = self.value_type()
            self.byte()
        elif entry.kind == IMPORTED_TAG:
            self.byte()
            entry.type_index = self.u32()
        else:
            raise invalid_module(f"it imports something of the unknown kind {entry.kind}")
        return entry


@dataclass(slots=True)
class ImportEntry:
    """An import. `type_index` is the function type that its type names, None if it names none."""

    module: str
    name: str
    kind: int
    type_index: int | None = None


def read_sections(binary: bytes) -> Iterator[tuple[int, Reader]]:
    """The id and contents of each section. Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE."""
    if binary[:8] != MAGIC:
        raise invalid_module("it does not begin with \\0asm and version 1")
    reader = Reader(binary, offset=8)
    count = 0
    while reader.offset < reader.end:
        count += 1
        if count > MAX_SECTIONS:
            raise module_too_large(count, MAX_SECTIONS, "sections")
        section, size = reader.byte(), reader.u32()
        start = reader.offset
        reader.skip(size)
        yield section, Reader(binary, start, reader.offset)


def encode_u32(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def encode_s64(value: int) -> bytes:
    """Encode a signed LEB128."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)


def encode_name(name: str) -> bytes:
    return encode_u32(len(name.encode())) + name.encode()


def encode_section(section: int, body: bytes) -> bytes:
    return bytes([section]) + encode_u32(len(body)) + body
