"""Reads all of a module except its code, strictly, so that nothing in it can name what metering appends.

A module that names missing items is invalid. Metering appends a type, functions and a global, so the module could
become valid, and could access its own fuel. So every index of a type, function or global is checked here (in code:
segments.py), and also the order of sections, and that each ends with its contents. Everything else is left to the
engine. Source: WebAssembly core specification 3.0, section 5.5.
"""

from dataclasses import dataclass, field

from arcrun import limits
from arcrun.interruptible import Steps
from arcrun.wasm import binary as wasm
from arcrun.wasm.binary import Reader, encode_section, invalid_module

_FUNCTION_TYPE = 0x60
_EMPTY = b"\x00"  # a vector without elements, and the number 0
# Custom sections with offsets into the code, which change.
_DROPPED_CUSTOM = (".debug_", "metadata.code.", "reloc.", "linking", "sourceMappingURL", "external_debug_info")
_DECLARED = {wasm.IMPORTED_FUNCTION: "function", wasm.IMPORTED_GLOBAL: "global", wasm.NAMED_TYPE: "type"}


@dataclass
class Structure:
    """The structure of a module. `types` has the numbers of parameters and results; `functions` and `tags`, imported
    ones first, have their types.

    `globals` and `memories` are counts, including imported ones; `exports` are name, kind and index.
    """

    sections: dict[int, bytes] = field(default_factory=dict)
    custom: list[bytes] = field(default_factory=list)
    types: list[tuple[int, int]] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    imported_functions: int = 0
    tags: list[int] = field(default_factory=list)
    globals: int = 0
    memories: int = 0
    exports: list[tuple[str, int, int]] = field(default_factory=list)
    start: int | None = None

    def check_index(self, kind: int, index: int) -> None:
        """Raises ComponentError INVALID_MODULE if the module has no such item."""
        if kind == wasm.IMPORTED_FUNCTION:
            count = len(self.functions)
        elif kind == wasm.IMPORTED_GLOBAL:
            count = self.globals
        elif kind == wasm.NAMED_TYPE:
            count = len(self.types)
        else:  # nothing of this kind is appended
            return
        if index >= count:
            raise invalid_module(f"it names {_DECLARED[kind]} {index} but has {count}")

    def check_type(self, index: int | None) -> None:
        if index is not None:
            self.check_index(wasm.NAMED_TYPE, index)


def read_structure(binary: bytes) -> Steps[Structure]:
    """Read the structure. Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE."""
    module = Structure()
    _split_sections(binary, module)
    for section, read in _READERS:
        reader = Reader(module.sections.get(section, _EMPTY))
        yield from read(reader, module)
        reader.finish()
    return module


def _split_sections(binary: bytes, module: Structure) -> None:
    """Split a module into sections. Custom sections may be anywhere, and are moved to the end."""
    following = iter(wasm.SECTION_ORDER)
    for section, body in wasm.read_sections(binary):
        content = body.take(body.end - body.offset)
        if section == wasm.CUSTOM:
            if not Reader(content).name().startswith(_DROPPED_CUSTOM):
                module.custom.append(encode_section(section, content))
        elif section not in following:  # takes all up to it
            raise invalid_module(f"section {section} is unknown, there twice or in the wrong place")
        else:
            module.sections[section] = content


def _read_types(reader: Reader, module: Structure) -> Steps[None]:
    """Read function types only: a recursive group would count as more than one."""
    count = reader.count(limits.MAX_MODULE_TYPES, "types")
    for _ in range(count):
        if reader.byte() != _FUNCTION_TYPE:
            raise invalid_module("it has a type that is not a function's (garbage collection)")
        sizes = []
        for what in ("parameters of a type", "results of a type"):
            size = reader.count(limits.MAX_TYPE_VALUES, what)
            for _ in range(size):
                named = reader.value_type()
                if named is not None and named >= count:
                    raise invalid_module(f"it names type {named} but has {count}")
            sizes.append(size)
        module.types.append((sizes[0], sizes[1]))
        yield 1 + sum(sizes)


def _read_imports(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_MODULE_NAMES, "imports")):
        entry = reader.import_entry()
        module.check_type(entry.type_index)
        if entry.kind == wasm.IMPORTED_FUNCTION and entry.type_index is not None:
            module.functions.append(entry.type_index)
        elif entry.kind == wasm.IMPORTED_TAG and entry.type_index is not None:
            module.tags.append(entry.type_index)
        module.globals += entry.kind == wasm.IMPORTED_GLOBAL
        module.memories += entry.kind == wasm.IMPORTED_MEMORY
        yield 1
    module.imported_functions = len(module.functions)


def _read_functions(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_MODULE_FUNCTIONS, "functions", module.imported_functions)):
        module.functions.append(reader.u32())
        module.check_type(module.functions[-1])
        yield 1
    code = Reader(module.sections.get(wasm.CODE, _EMPTY)).u32()
    if code != len(module.functions) - module.imported_functions:
        raise invalid_module(f"it has {len(module.functions) - module.imported_functions} functions and code of {code}")


def _read_tables(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_MODULE_TABLES, "tables")):
        yield 1
        has_value = reader.data[reader.offset : reader.offset + 2] == wasm.TABLE_WITH_VALUE
        if has_value:
            reader.take(2)
        named, _, _ = reader.table_type()
        module.check_type(named)
        if has_value:
            _check_constant(reader, module)


def _read_memories(reader: Reader, module: Structure) -> Steps[None]:
    module.memories += (count := reader.u32())
    if module.memories > 1:
        raise invalid_module("it has more than one memory")
    for _ in range(count):
        yield 1
        reader.memory_type()


def _read_tags(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_MODULE_TAGS, "kinds of exceptions")):
        yield 1
        reader.byte()
        module.tags.append(reader.u32())
        module.check_type(module.tags[-1])


def _read_globals(reader: Reader, module: Structure) -> Steps[None]:
    module.globals += (count := reader.count(limits.MAX_MODULE_GLOBALS, "globals", module.globals))
    for _ in range(count):
        module.check_type(reader.value_type())
        reader.byte()
        _check_constant(reader, module)
        yield 1


def _read_exports(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_MODULE_NAMES, "exports")):
        name, kind, index = reader.name(), reader.byte(), reader.u32()
        module.check_index(kind, index)
        module.exports.append((name, kind, index))
        yield 1


def _read_start(reader: Reader, module: Structure) -> Steps[None]:
    yield 1
    index = reader.u32()
    if wasm.START in module.sections:
        module.check_index(wasm.IMPORTED_FUNCTION, index)
        module.start = index


def _read_elements(reader: Reader, module: Structure) -> Steps[None]:
    """Bit 0 of the flags: passive or declared; bit 1: a table or a type is present; bit 2: expressions."""
    total = 0
    for _ in range(reader.count(limits.MAX_ELEMENT_SEGMENTS, "segments of elements")):
        flags = reader.u32()
        if flags > 7:
            raise invalid_module(f"a segment of elements in it has the flags {flags}")
        if flags & 3 == 2:
            reader.u32()
        if not flags & 1:
            _check_constant(reader, module)
        if flags & 3 and flags & 4:
            module.check_type(reader.value_type())
        elif flags & 3:
            reader.byte()
        count = reader.count(limits.MAX_TABLE_ENTRIES, "elements", total)
        for _ in range(count):
            if flags & 4:
                _check_constant(reader, module)
            else:
                module.check_index(wasm.IMPORTED_FUNCTION, reader.u32())
            yield 1
        total += count


def _read_data_count(reader: Reader, module: Structure) -> Steps[None]:
    yield 1
    reader.u32()


def _read_data(reader: Reader, module: Structure) -> Steps[None]:
    for _ in range(reader.count(limits.MAX_DATA_SEGMENTS, "segments of data")):
        flags = reader.u32()
        if flags > 2:
            raise invalid_module(f"a segment of data in it has the flags {flags}")
        if flags == 2:
            reader.u32()
        if flags != 1:
            _check_constant(reader, module)
        reader.take(reader.u32())
        yield 1


def _check_constant(reader: Reader, module: Structure) -> None:
    for kind, index in reader.constant_expression():
        module.check_index(kind, index)


_READERS = (
    (wasm.TYPE, _read_types),
    (wasm.IMPORT, _read_imports),
    (wasm.FUNCTION, _read_functions),
    (wasm.TABLE, _read_tables),
    (wasm.MEMORY, _read_memories),
    (wasm.TAG, _read_tags),
    (wasm.GLOBAL, _read_globals),
    (wasm.EXPORT, _read_exports),
    (wasm.START, _read_start),
    (wasm.ELEMENT, _read_elements),
    (wasm.DATA_COUNT, _read_data_count),
    (wasm.DATA, _read_data),
)
