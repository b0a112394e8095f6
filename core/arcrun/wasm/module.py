"""Read a WebAssembly binary's outline, and bound its memory. Format: WebAssembly core specification 2.0, section 5.5.

Only sections are parsed, never searched for substrings. Whether the code in them is valid is for the engine to say.
"""

from dataclasses import dataclass

from arcrun.errors import ComponentError
from arcrun.wasm.binary import (
    EXPORT,
    IMPORT,
    IMPORTED_FUNCTION,
    MAGIC,
    MEMORY,
    Reader,
    encode_section,
    encode_u32,
    invalid_module,
)

PAGE_BYTES = 64 * 1024
# A WebAssembly 3 memory64 or a custom page size would need other rules for its limits; neither is accepted.
_KNOWN_MEMORY_FLAGS = (0, 1)


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


def parse_module(binary: bytes) -> ModuleOutline:
    """Parse the outline of `binary`. Raises ComponentError INVALID_MODULE."""
    if binary[:8] != MAGIC:
        raise invalid_module("it does not begin with \\0asm and version 1")
    imports: list[Import] = []
    exports: set[str] = set()
    memory: Memory | None = None
    reader = Reader(binary, offset=8)
    while reader.offset < reader.end:
        start = reader.offset
        section = reader.byte()
        size = reader.u32()
        body = Reader(binary, reader.offset, reader.offset + size)
        reader.take(size)
        if section == IMPORT:
            imports = _parse_imports(body)
        elif section == EXPORT:
            exports = _parse_exports(body)
        elif section == MEMORY:
            memory = _parse_memory(body, start)
    return ModuleOutline(tuple(imports), frozenset(exports), memory)


def _parse_imports(body: Reader) -> list[Import]:
    return [_parse_import(body) for _ in range(body.u32())]


def _parse_import(body: Reader) -> Import:
    module, name, kind = body.import_entry()
    return Import(module, name, kind == IMPORTED_FUNCTION)


def _parse_exports(body: Reader) -> set[str]:
    names = set()
    for _ in range(body.u32()):
        names.add(body.name())
        body.byte()
        body.u32()
    return names


def _parse_memory(body: Reader, section_start: int) -> Memory | None:
    count = body.u32()
    if count == 0:
        return None
    if count > 1:
        raise invalid_module("it has more than one memory")
    minimum, maximum, flags = body.limits()
    if flags not in _KNOWN_MEMORY_FLAGS:
        raise invalid_module("its memory is shared, 64-bit or has its own page size")
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
    body = b"\x01\x01" + encode_u32(memory.minimum_pages) + encode_u32(limit_pages)
    return binary[: memory.section_start] + encode_section(MEMORY, body) + binary[memory.section_end :]
