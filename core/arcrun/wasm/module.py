"""Reads a WebAssembly binary's outline, and bounds its memory and tables. Format: WebAssembly core specification, 5.5.

Sections are parsed, never searched for substrings. Validation of the code is left to the engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from arcrun.errors import ComponentError
from arcrun.limits import MAX_MODULE_NAMES, MAX_MODULE_TABLES, MAX_TABLE_ENTRIES
from arcrun.wasm.binary import (
    EXPORT,
    IMPORT,
    IMPORTED_FUNCTION,
    MEMORY,
    TABLE,
    TABLE_WITH_VALUE,
    Reader,
    encode_section,
    encode_u32,
    invalid_module,
    read_sections,
)

PAGE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Import:
    module: str
    name: str
    is_function: bool


@dataclass(frozen=True)
class Memory:
    """A memory's limits in pages of 64 KiB."""

    minimum_pages: int
    maximum_pages: int | None


@dataclass(frozen=True)
class Table:
    """A table's limits in entries; `before` and `after` are the surrounding bytes of its entry."""

    minimum: int
    maximum: int | None
    before: bytes
    after: bytes


@dataclass(frozen=True)
class ModuleOutline:
    """The outline of a module. `exports` are kinds by name; `places` are the positions of sections in the binary."""

    imports: tuple[Import, ...]
    exports: Mapping[str, int]
    memory: Memory | None
    tables: tuple[Table, ...]
    places: Mapping[int, tuple[int, int]]


def parse_module(binary: bytes) -> ModuleOutline:
    """Parse the outline of `binary`. Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE."""
    imports: list[Import] = []
    exports: dict[str, int] = {}
    memory: Memory | None = None
    tables: list[Table] = []
    places: dict[int, tuple[int, int]] = {}
    end = 8
    for section, body in read_sections(binary):
        places[section], end = (end, body.end), body.end
        if section == IMPORT:
            imports = _parse_imports(body)
        elif section == EXPORT:
            exports = _parse_exports(body)
        elif section == MEMORY:
            memory = _parse_memory(body)
            body.finish()
        elif section == TABLE:
            tables = _parse_tables(body)
            body.finish()
    return ModuleOutline(tuple(imports), exports, memory, tuple(tables), places)


def _parse_imports(body: Reader) -> list[Import]:
    entries = [body.import_entry() for _ in range(body.count(MAX_MODULE_NAMES, "imports"))]
    return [Import(entry.module, entry.name, entry.kind == IMPORTED_FUNCTION) for entry in entries]


def _parse_exports(body: Reader) -> dict[str, int]:
    exports = {}
    for _ in range(body.count(MAX_MODULE_NAMES, "exports")):
        name = body.name()
        exports[name] = body.byte()
        body.u32()
    return exports


def _parse_memory(body: Reader) -> Memory | None:
    count = body.u32()
    if count == 0:
        return None
    if count > 1:
        raise invalid_module("it has more than one memory")
    return Memory(*body.memory_type())


def _parse_tables(body: Reader) -> list[Table]:
    tables = []
    for _ in range(body.count(MAX_MODULE_TABLES, "tables")):
        start = body.offset
        has_value = body.data[start : start + 2] == TABLE_WITH_VALUE
        if has_value:
            body.skip(2)
        body.value_type()
        limits_start = body.offset
        minimum, maximum = body.table_limits()
        value_start = body.offset
        if has_value:
            list(body.constant_expression())
        tables.append(
            Table(minimum, maximum, body.data[start:limits_start], body.data[value_start : body.offset]),
        )
    return tables


def bound_module(
    binary: bytes, outline: ModuleOutline, limit_pages: int, limit_entries: int = MAX_TABLE_ENTRIES
) -> bytes:
    """Rewrite the maxima of the memory, to at most `limit_pages`, and of the tables, to `limit_entries` in total.

    The module is otherwise unchanged. Entries beyond the tables' initial sizes are shared equally.

    Raises ComponentError MEMORY_LIMIT_EXCEEDED, TABLE_LIMIT_EXCEEDED if the initial sizes are too large.
    """
    bounded = {
        outline.places[section]: encode_section(section, body)
        for section, body in (
            (MEMORY, _bound_memory(outline.memory, limit_pages)),
            (TABLE, _bound_tables(outline.tables, limit_entries)),
        )
        if body is not None
    }
    for (start, end), section in sorted(bounded.items(), reverse=True):
        binary = binary[:start] + section + binary[end:]
    return binary


def _bound_memory(memory: Memory | None, limit_pages: int) -> bytes | None:
    """The section's new contents; None if it needs none."""
    if memory is None:
        return None
    if memory.minimum_pages > limit_pages:
        raise ComponentError(
            f"The component requests {memory.minimum_pages * PAGE_BYTES >> 10} KiB of memory at its start; "
            f"the limit is {limit_pages * PAGE_BYTES >> 10} KiB.",
            code="MEMORY_LIMIT_EXCEEDED",
            next_actions=["Build it with a smaller initial memory."],
        )
    if memory.maximum_pages is not None and memory.maximum_pages <= limit_pages:
        return None
    return b"\x01" + _encode_limits(memory.minimum_pages, limit_pages)


def _bound_tables(tables: tuple[Table, ...], limit_entries: int) -> bytes | None:
    """Like `_bound_memory`, for the tables."""
    if not tables:
        return None
    minimum = sum(table.minimum for table in tables)
    if minimum > limit_entries:
        raise ComponentError(
            f"The component requests tables of {minimum:,} entries at its start; the limit is {limit_entries:,}.",
            code="TABLE_LIMIT_EXCEEDED",
            next_actions=["Build it with smaller tables: fewer functions that are called through pointers."],
        )
    share = (limit_entries - minimum) // len(tables)
    maxima = [
        table.minimum + share if table.maximum is None else min(table.maximum, table.minimum + share)
        for table in tables
    ]
    if maxima == [table.maximum for table in tables]:
        return None
    bounded = (
        table.before + _encode_limits(table.minimum, maximum) + table.after
        for table, maximum in zip(tables, maxima, strict=True)
    )
    return encode_u32(len(tables)) + b"".join(bounded)


def _encode_limits(minimum: int, maximum: int) -> bytes:
    return b"\x01" + encode_u32(minimum) + encode_u32(maximum)
