"""Adds an execution budget to a module, so that none of its code can run forever, on any engine.

A mutable global of type i64 has the fuel that is left. Code is cut into segments, at branches and their targets
(segments.py). At the start of a segment its cost is taken off the fuel, and the module traps (`unreachable`) if less
than nothing is left. So no instruction runs that is not paid for.

    global.get $fuel   i64.const COST   i64.sub   global.set $fuel
    global.get $fuel   i64.const 0      i64.lt_s  if  unreachable  end

Short segments are paid for together with the one that always precedes them, whether they run or not. Instructions with
a length, such as memory.fill, are charged by it: the length passes through an appended function.

The global is exported as `arcrun_fuel`. The host sets it before `_start`; after a trap, a value below zero means that
the budget was used up, and any other value that the component itself trapped. It is never below -costs.MAX_CHARGE.
Nothing runs before `_start`: a start function is called at its beginning.
Reasons and alternatives: docs/adr/0010-metering.md.
"""

from heapq import merge
from operator import itemgetter

from arcrun.interruptible import Steps, run_steps
from arcrun.limits import MAX_FUNCTION_BYTES, MAX_METERED_CODE_BYTES, MAX_MODULE_STATES
from arcrun.wasm import binary as wasm
from arcrun.wasm import code as op
from arcrun.wasm import costs
from arcrun.wasm.binary import Reader, encode_name, encode_s64, encode_u32, invalid_module, module_too_large
from arcrun.wasm.costs import CALL_FUEL
from arcrun.wasm.segments import Body, fold_segments, read_body
from arcrun.wasm.structure import Structure, read_structure

FUEL_EXPORT = "arcrun_fuel"
START_EXPORT = "_start"
METERING_VERSION = 3  # change it when the output for a module changes: metered modules are stored
DEFAULT_FUEL = CALL_FUEL

_I32, _I64, _FUNCTION_TYPE, _MUTABLE = 0x7F, 0x7E, 0x60, 1
_CHARGE_LENGTH_TYPE = bytes((_FUNCTION_TYPE, 2, _I32, _I64, 1, _I32))
_CHARGE_PAGES_TYPE = bytes((_FUNCTION_TYPE, 1, _I32, 1, _I32))
_NOTHING = (0, 0)  # parameters and results
_CHARGES_AT_ONCE = 500  # written between two yields
_EIGHTHS = 3  # shift for eighths of a unit, in which length factors are given


def meter_module(binary: bytes, fuel: int = DEFAULT_FUEL) -> bytes:
    """The same module with an execution budget. Its export `arcrun_fuel`, a mutable i64, is the remaining fuel.

    `fuel` is the budget unless the host sets another.

    Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE, UNSUPPORTED_INSTRUCTION.
    """
    return run_steps(meter_in_steps(binary, fuel))


def meter_in_steps(binary: bytes, fuel: int = DEFAULT_FUEL) -> Steps[bytes]:
    """Like `meter_module`, in steps."""
    module = yield from read_structure(binary)
    writer = _Writer(module)
    bodies = yield from writer.metered_bodies()
    tank = bytes((_I64, _MUTABLE, op.I64_CONST)) + encode_s64(fuel) + bytes((op.END,))
    appended = [
        (encode_u32(len(module.types)), writer.charge_length_body()),
        (encode_u32(len(module.types) + 1), writer.charge_pages_body()),
    ]
    exports = module.exports
    start_type = _check_exports(module)
    if module.start is not None:
        if module.types[module.functions[module.start]] != _NOTHING:
            raise invalid_module("its start function has parameters or results")
        if start_type is None:
            raise invalid_module(f"it has a start function but does not export the function `{START_EXPORT}`")
        wrapped = len(module.functions) + len(appended)
        exports = [(name, kind, wrapped if name == START_EXPORT else index) for name, kind, index in exports]
        appended.append((encode_u32(start_type), _wrapper_body(module)))
    bodies += [body for _, body in appended]
    sections = {section: [content] for section, content in module.sections.items()}
    sections.pop(wasm.START, None)
    _append(sections, wasm.TYPE, [_CHARGE_LENGTH_TYPE, _CHARGE_PAGES_TYPE])
    _append(sections, wasm.FUNCTION, [type_index for type_index, _ in appended])
    _append(sections, wasm.GLOBAL, [tank])
    exports = [*exports, (FUEL_EXPORT, wasm.IMPORTED_GLOBAL, module.globals)]
    sections[wasm.EXPORT] = [encode_u32(len(exports)), *map(_export, exports)]
    sized = (part for body in bodies for part in (encode_u32(len(body)), body))
    sections[wasm.CODE] = [encode_u32(len(bodies)), *sized]
    return _join(sections, module.custom)


def _check_exports(module: Structure) -> int | None:
    """The type of the exported function `_start`, which must have no parameters and results; None if there is none."""
    start_type = None
    for name, kind, index in module.exports:
        if name == FUEL_EXPORT:
            raise invalid_module(f"it exports `{name}`, which is reserved")
        if (name, kind) == (START_EXPORT, wasm.IMPORTED_FUNCTION):
            start_type = module.functions[index]
            if module.types[start_type] != _NOTHING:
                raise invalid_module(f"its function `{name}` has parameters or results")
    return start_type


def _wrapper_body(module: Structure) -> bytes:
    """A body that calls the module's own start function, then `_start`."""
    start = next(
        index for name, kind, index in module.exports if (name, kind) == (START_EXPORT, wasm.IMPORTED_FUNCTION)
    )
    assert module.start is not None
    return bytes((0, op.CALL, *encode_u32(module.start), op.CALL, *encode_u32(start), op.END))


def _append(sections: dict[int, list[bytes]], section: int, items: list[bytes]) -> None:
    """Append items to a section that is a vector; create the section if it is missing."""
    [content] = sections.get(section, [b"\x00"])
    reader = Reader(content)
    sections[section] = [encode_u32(reader.u32() + len(items)), content[reader.offset :], *items]


def _join(sections: dict[int, list[bytes]], custom: list[bytes]) -> bytes:
    """The module from the parts of its sections. Code is large, so it is copied only once."""
    parts = [wasm.MAGIC]
    for section in wasm.SECTION_ORDER:
        if section in sections:
            parts += (bytes((section,)), encode_u32(sum(map(len, sections[section]))), *sections[section])
    return b"".join((*parts, *custom))


def _export(entry: tuple[str, int, int]) -> bytes:
    name, kind, index = entry
    return encode_name(name) + bytes((kind,)) + encode_u32(index)


class _Writer:
    """Writes charges, with the indices of the items appended to `module`."""

    def __init__(self, module: Structure) -> None:
        self._module = module
        self._fuel = encode_u32(module.globals)
        self._charge_length = bytes((op.CALL, *encode_u32(len(module.functions))))
        self._charge_pages = bytes((op.CALL, *encode_u32(len(module.functions) + 1)))
        self._charges: dict[int, bytes] = {}

    def metered_bodies(self) -> Steps[list[bytes]]:
        section = Reader(self._module.sections.pop(wasm.CODE, b"\x00"))
        bodies: list[bytes] = []
        total = states = 0
        for number in range(section.u32()):
            size = section.count(MAX_FUNCTION_BYTES, "bytes of code in a function")
            try:
                body = yield from read_body(section.take(size), self._module.imported_functions + number, self._module)
            except IndexError:
                raise invalid_module("it ends too early") from None
            states += body.states
            if states > MAX_MODULE_STATES:
                raise module_too_large(states, MAX_MODULE_STATES, "local variables at all branches of all functions")
            bodies.append((yield from self._insert_charges(body)))
            total += len(bodies[-1])
            if total > MAX_METERED_CODE_BYTES:
                raise module_too_large(total, MAX_METERED_CODE_BYTES, "bytes of code when metered")
            yield 1
        section.finish()
        return bodies

    def _insert_charges(self, body: Body) -> Steps[bytes]:
        kept = yield from fold_segments(body.segments)
        charges = ((segment.offset, self._charge(segment.cost)) for segment in kept)
        lengths = ((offset, self._charge_by_length(opcode)) for offset, opcode in body.lengths)
        parts: list[bytes] = []
        done = 0
        for number, (offset, inserted) in enumerate(merge(charges, lengths, key=itemgetter(0)), 1):
            parts += (body.code[done:offset], inserted)
            done = offset
            if number % _CHARGES_AT_ONCE == 0:
                yield _CHARGES_AT_ONCE
        return b"".join((*parts, body.code[done:]))

    def _charge(self, cost: int) -> bytes:
        """Code that takes `cost` off the fuel, and traps if too little was left."""
        charge = self._charges.get(cost)
        if charge is None:
            take = (op.GLOBAL_GET, *self._fuel, op.I64_CONST, *encode_s64(cost), op.I64_SUB, op.GLOBAL_SET, *self._fuel)
            test = (op.GLOBAL_GET, *self._fuel, op.I64_CONST, 0, op.I64_LT_S)
            charge = bytes((*take, *test, op.IF, op.EMPTY_BLOCK_TYPE, op.UNREACHABLE, op.END))
            self._charges[cost] = charge
        return charge

    def _charge_by_length(self, opcode: int) -> bytes:
        """The charge for an instruction whose length is on top of the stack."""
        if opcode == op.MEMORY_GROW:
            return self._charge_pages
        return bytes((op.I64_CONST, *encode_s64(costs.LENGTH_FACTORS[opcode]))) + self._charge_length

    def charge_length_body(self) -> bytes:
        """A function of a length (i32) and eighths of a unit per item (i64). It returns the length.

        If there is too little fuel, it becomes -1.
        """
        cost = (op.LOCAL_GET, 0, op.I64_EXTEND_I32_U, op.LOCAL_GET, 1, op.I64_MUL, op.I64_CONST, _EIGHTHS, op.I64_SHR_U)
        test = (op.GLOBAL_GET, *self._fuel, op.LOCAL_GET, 1, op.I64_LT_S)
        empty = (op.I64_CONST, *encode_s64(-1), op.GLOBAL_SET, *self._fuel, op.UNREACHABLE)
        take = (op.GLOBAL_GET, *self._fuel, op.LOCAL_GET, 1, op.I64_SUB, op.GLOBAL_SET, *self._fuel)
        trap = (*test, op.IF, op.EMPTY_BLOCK_TYPE, *empty, op.END)
        return bytes((0, *cost, op.LOCAL_SET, 1, *trap, *take, op.LOCAL_GET, 0, op.END))

    def charge_pages_body(self) -> bytes:
        """A function of a number of pages (i32) that charges for them, up to the possible maximum, and returns the
        number.
        """
        test = (op.LOCAL_GET, 0, op.I32_CONST, *encode_s64(costs.MAX_PAGES), op.I32_LE_U)
        charge = (op.LOCAL_GET, 0, op.I64_CONST, *encode_s64(costs.PAGES), *self._charge_length, op.DROP)
        return bytes((0, *test, op.IF, op.EMPTY_BLOCK_TYPE, *charge, op.END, op.LOCAL_GET, 0, op.END))
