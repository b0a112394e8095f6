"""Whether a module imports each function with the types that the host's has.

A JavaScript host takes any: it would convert what it is given and what it answers, and throw where it cannot, which a
component can catch and do again, at no more than the price of the call.
"""

from arcrun.errors import ComponentError
from arcrun.limits import MAX_TYPE_SECTION_BYTES
from arcrun.wasm import abi
from arcrun.wasm.binary import IMPORT, TYPE, Reader, invalid_module

_FUNCTION_TYPE = 0x60
_NAMES = {0x7F: "i32", 0x7E: "i64"}
_REFERENCE_PREFIXES = (0x63, 0x64)
_OTHER = "other"


def validate_signatures(binary: bytes) -> None:
    """Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE. What `binary` imports must be functions of the host."""
    sections = _read_sections(binary)
    imports = Reader(sections.get(IMPORT, b"\x00"))
    wanted = [(imports.name(), imports.name(), imports.byte(), imports.u32()) for _ in range(imports.u32())]
    types = _read_types(sections.get(TYPE, b"\x00"), max((index for *_, index in wanted), default=-1) + 1)
    for module, name, _, index in wanted:
        found, expected = types[index], _expected(module, name)
        if found != expected:
            raise invalid_module(f"it imports {module}.{name} as ({found}), and it is ({expected})")


def _expected(module: str, name: str) -> str:
    parameters = abi.WASI_FUNCTIONS[name] if module == abi.WASI_MODULE else "i32 i32"
    return _render(parameters, "" if name == "proc_exit" else "i32")


def _read_sections(binary: bytes) -> dict[int, bytes]:
    reader, sections = Reader(binary, offset=8), {}
    while reader.offset < reader.end:
        section = reader.byte()
        sections[section] = reader.take(reader.u32())
    return sections


def _read_types(section: bytes, count: int) -> list[str]:
    """The first `count` types of functions."""
    if len(section) > MAX_TYPE_SECTION_BYTES:
        raise ComponentError(
            f"The module's types take {len(section):,} bytes; the limit is {MAX_TYPE_SECTION_BYTES:,}.",
            code="MODULE_TOO_LARGE",
            next_actions=["Build it for size, without what it does not use."],
        )
    reader = Reader(section)
    if reader.u32() < count:
        raise invalid_module("it imports a function of a type that it does not have")
    types = []
    for _ in range(count):
        if reader.byte() != _FUNCTION_TYPE:
            raise invalid_module("it has a type that is not a function's (garbage collection)")
        types.append(_render(_read_values(reader), _read_values(reader)))
    return types


def _read_values(reader: Reader) -> str:
    names = []
    for _ in range(reader.u32()):
        kind = reader.byte()
        if kind in _REFERENCE_PREFIXES:
            while reader.byte() >= 0x80:  # which one is of no interest
                pass
        names.append(_NAMES.get(kind, _OTHER))
    return " ".join(names)


def _render(parameters: str, results: str) -> str:
    return f"{parameters or 'nothing'} -> {results or 'nothing'}"
