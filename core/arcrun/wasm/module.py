"""Read a WebAssembly binary's outline, and bound its memory. Format: WebAssembly core specification 2.0, section 5.5.

Only sections are parsed, never searched for substrings. Whether the code in them is valid is for the engine to say.
"""

from dataclasses import dataclass

from arcrun.errors import ComponentError

MAGIC = b"\x00asm\x01\x00\x00\x00"
PAGE_BYTES = 64 * 1024
# A WebAssembly 3 memory64 or a custom page size would need other rules for its limits; neither is accepted.
_HAS_MAXIMUM, _KNOWN_MEMORY_FLAGS = 1, (0, 1)

_CUSTOM, _IMPORT, _MEMORY, _EXPORT = 0, 2, 5, 7
_FUNCTION, _TABLE, _MEMORY_KIND, _GLOBAL, _TAG = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Import:
    module: str
    name: str
    is_function: bool


@dataclass(frozen=True)
class Memory:
    """A memory's limits in pages of 64 KiB, and where its section lies in the binary."""

    minimum_pages: int
    maximum_pages: int | None
    section_start: int
    section_end: int


@dataclass(frozen=True)
class ModuleOutline:
    imports: tuple[Import, ...]
    exports: frozenset[str]
    memory: Memory | None


def _invalid(reason: str) -> ComponentError:
    return ComponentError(
        f"This is not a WebAssembly module: {reason}.",
        code="INVALID_MODULE",
        next_actions=["Build the component for the target wasm32-wasi (preview1) and upload the .wasm file itself."],
    )


class _Reader:
    def __init__(self, data: bytes, offset: int = 0, end: int | None = None) -> None:
        self.data, self.offset, self.end = data, offset, len(data) if end is None else end

    def byte(self) -> int:
        if self.offset >= self.end:
            raise _invalid("it ends too early")
        self.offset += 1
        return self.data[self.offset - 1]

    def u32(self) -> int:
        """An unsigned LEB128 of at most 32 bits."""
        value = 0
        for shift in range(0, 35, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 32:
                    break
                return value
        raise _invalid("a number in it is longer than 32 bits")

    def take(self, count: int) -> bytes:
        if count > self.end - self.offset:
            raise _invalid("it ends too early")
        self.offset += count
        return self.data[self.offset - count : self.offset]

    def name(self) -> str:
        try:
            return self.take(self.u32()).decode()
        except UnicodeDecodeError:
            raise _invalid("a name in it is not UTF-8") from None

    def limits(self) -> tuple[int, int | None, int]:
        flags = self.byte()
        minimum = self.u32()
        return minimum, self.u32() if flags & _HAS_MAXIMUM else None, flags


def parse_module(binary: bytes) -> ModuleOutline:
    """Parse the outline of `binary`. Raises ComponentError INVALID_MODULE."""
    if binary[:8] != MAGIC:
        raise _invalid("it does not begin with \\0asm and version 1")
    imports: list[Import] = []
    exports: set[str] = set()
    memory: Memory | None = None
    reader = _Reader(binary, offset=8)
    while reader.offset < reader.end:
        start = reader.offset
        section = reader.byte()
        size = reader.u32()
        body = _Reader(binary, reader.offset, reader.offset + size)
        reader.take(size)
        if section == _IMPORT:
            imports = _parse_imports(body)
        elif section == _EXPORT:
            exports = _parse_exports(body)
        elif section == _MEMORY:
            memory = _parse_memory(body, start)
    return ModuleOutline(tuple(imports), frozenset(exports), memory)


def _parse_imports(body: _Reader) -> list[Import]:
    return [_parse_import(body) for _ in range(body.u32())]


def _parse_import(body: _Reader) -> Import:
    module, name, kind = body.name(), body.name(), body.byte()
    if kind == _FUNCTION:
        body.u32()
    elif kind == _TABLE:
        body.byte()
        body.limits()
    elif kind == _MEMORY_KIND:
        body.limits()
    elif kind in (_GLOBAL, _TAG):
        body.take(2)
    else:
        raise _invalid(f"it imports something of the unknown kind {kind}")
    return Import(module, name, kind == _FUNCTION)


def _parse_exports(body: _Reader) -> set[str]:
    names = set()
    for _ in range(body.u32()):
        names.add(body.name())
        body.byte()
        body.u32()
    return names


def _parse_memory(body: _Reader, section_start: int) -> Memory | None:
    count = body.u32()
    if count == 0:
        return None
    if count > 1:
        raise _invalid("it has more than one memory")
    minimum, maximum, flags = body.limits()
    if flags not in _KNOWN_MEMORY_FLAGS:
        raise _invalid("its memory is shared, 64-bit or has its own page size")
    return Memory(minimum, maximum, section_start, body.end)


def limit_memory(binary: bytes, outline: ModuleOutline, limit_pages: int) -> bytes:
    """Rewrite the memory's maximum to at most `limit_pages`; the module is otherwise the same.

    Raises ComponentError MEMORY_LIMIT_EXCEEDED if the module asks for more from the start.
    """
    memory = outline.memory
    if memory is None:
        return binary
    if memory.minimum_pages > limit_pages:
        raise ComponentError(
            f"The component asks for {memory.minimum_pages * PAGE_BYTES >> 10} KiB of memory at its start; "
            f"the limit is {limit_pages * PAGE_BYTES >> 10} KiB.",
            code="MEMORY_LIMIT_EXCEEDED",
            next_actions=["Build it with a smaller initial memory."],
        )
    if memory.maximum_pages is not None and memory.maximum_pages <= limit_pages:
        return binary
    body = b"\x01\x01" + _encode_u32(memory.minimum_pages) + _encode_u32(limit_pages)
    section = bytes([_MEMORY]) + _encode_u32(len(body)) + body
    return binary[: memory.section_start] + section + binary[memory.section_end :]


def _encode_u32(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
