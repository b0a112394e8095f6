"""Checks that a module imports each host function with the correct types.

A JavaScript host accepts any types: it would convert parameters and results, and throw if it cannot, which a component
could catch and repeat at only the price of the call.
"""

from arcrun.errors import ComponentError
from arcrun.limits import MAX_MODULE_NAMES, MAX_MODULE_TYPES, MAX_TYPE_SECTION_BYTES, MAX_TYPE_VALUES
from arcrun.wasm.binary import IMPORT, TYPE, Reader, invalid_module, read_sections
from arcrun.wasm.host_functions import HOST_FUNCTIONS, WASI_FUNCTIONS, WASI_MODULE

_FUNCTION_TYPE = 0x60
_NAMES = {0x7F: "i32", 0x7E: "i64"}
_OTHER = "other"


def validate_signatures(binary: bytes) -> None:
    """Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE. All imports of `binary` must be functions of the host."""
    sections = dict(read_sections(binary))
    imports = sections.get(IMPORT, Reader(b"\x00"))
    wanted = [imports.import_entry() for _ in range(imports.count(MAX_MODULE_NAMES, "imports"))]
    indices = [-1 if entry.type_index is None else entry.type_index for entry in wanted]
    types = _read_types(sections.get(TYPE, Reader(b"\x00")), max(indices, default=-1) + 1)
    for entry, index in zip(wanted, indices, strict=True):
        found, expected = types[index], _expected(entry.module, entry.name)
        if found != expected:
            raise invalid_module(f"it imports {entry.module}.{entry.name} as ({found}), but it is ({expected})")


def _expected(module: str, name: str) -> str:
    parameters = WASI_FUNCTIONS[name] if module == WASI_MODULE else HOST_FUNCTIONS[name].parameters
    return _render(parameters, "" if name == "proc_exit" else "i32")


def _read_types(reader: Reader, count: int) -> list[str]:
    """The first `count` types, which must be function types."""
    size = reader.end - reader.offset
    if size > MAX_TYPE_SECTION_BYTES:
        raise ComponentError(
            f"The module's types take {size:,} bytes; the limit is {MAX_TYPE_SECTION_BYTES:,}.",
            code="MODULE_TOO_LARGE",
            next_actions=["Build it for size, without unused code."],
        )
    if reader.count(MAX_MODULE_TYPES, "types") < count:
        raise invalid_module("it imports a function of a type that it does not have")
    types = []
    for _ in range(count):
        if reader.byte() != _FUNCTION_TYPE:
            raise invalid_module("it has a type that is not a function's (garbage collection)")
        types.append(_render(_read_values(reader), _read_values(reader)))
    return types


def _read_values(reader: Reader) -> str:
    names = []
    for _ in range(reader.count(MAX_TYPE_VALUES, "parameters or results of a type")):
        kind = reader.data[reader.offset] if reader.offset < reader.end else 0
        reader.value_type()
        names.append(_NAMES.get(kind, _OTHER))
    return " ".join(names)


def _render(parameters: str, results: str) -> str:
    return f"{parameters or 'nothing'} -> {results or 'nothing'}"
