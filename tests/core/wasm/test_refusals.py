"""Modules that cannot be metered, are too large, or name what metering appends are refused with their code."""

import pytest

from arcrun.errors import ComponentError
from arcrun.limits import MAX_METERED_CODE_BYTES
from arcrun.wasm.metering import meter_module
from fakes.modules import build_module, build_section, encode_u32, join_sections
from fakes.ports.searches import TIMES


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        pytest.param(
            "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))", "UNSUPPORTED_INSTRUCTION", id="threads"
        ),
        pytest.param("(func (drop (ref.i31 (i32.const 0))))", "UNSUPPORTED_INSTRUCTION", id="garbage collection"),
        pytest.param("(type (struct)) (func)", "INVALID_MODULE", id="a type that is not a function's"),
        pytest.param('(func (export "arcrun_fuel"))', "INVALID_MODULE", id="an export of the fuel's name"),
        pytest.param("(memory i64 1)", "INVALID_MODULE", id="a 64-bit memory"),
        pytest.param('(import "m" "n" (memory i64 1))', "INVALID_MODULE", id="an imported 64-bit memory"),
        pytest.param("(table i64 1 funcref)", "INVALID_MODULE", id="a 64-bit table"),
        pytest.param("(memory 1) (memory 1)", "INVALID_MODULE", id="two memories"),
        pytest.param(
            '(func $f) (start $f) (memory (export "_start") 1)',
            "INVALID_MODULE",
            id="a start function, no function _start",
        ),
        pytest.param("(func $f) (start $f)", "INVALID_MODULE", id="a start function without _start"),
        pytest.param('(func (export "_start") (param i32))', "INVALID_MODULE", id="a _start with a parameter"),
        pytest.param("(table 1 funcref)" * 17, "MODULE_TOO_LARGE", id="tables"),
        pytest.param(f"(func {'(local i32)' * 10_001})", "MODULE_TOO_LARGE", id="local variables"),
        pytest.param(f"(func {'(loop)' * 110_000})", "MODULE_TOO_LARGE", id="branches"),
        pytest.param(f"(func {'block ' * 10_001} {'end ' * 10_001})", "MODULE_TOO_LARGE", id="blocks"),
        pytest.param(f"(func (br_table {'0 ' * 10_002} (i32.const 1)))", "MODULE_TOO_LARGE", id="targets of a branch"),
        pytest.param(
            f"(global i32 {'(i32.const 1)' * 60} {'i32.add ' * 59})", "MODULE_TOO_LARGE", id="a constant's instructions"
        ),
    ],
)
def test_what_cannot_be_metered_is_refused(fields: str, code: str) -> None:
    with pytest.raises(ComponentError) as raised:
        meter_module(build_module(fields))
    assert raised.value.code == code


def test_bytes_when_metered_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function is small enough. The long form has the platform's limit, an ordinary run a 16th of it."""
    share = 16 if TIMES == 1 else 1
    monkeypatch.setattr("arcrun.wasm.metering.MAX_METERED_CODE_BYTES", MAX_METERED_CODE_BYTES // share)
    function = f"(func {'(loop)' * (24_000 // share)})"
    meter_module(build_module(function))
    with pytest.raises(ComponentError, match="bytes of code when metered") as raised:
        meter_module(build_module(function * 40))
    assert raised.value.code == "MODULE_TOO_LARGE"


def count(number: int, before: bytes = b"") -> bytes:
    """The beginning of a section that announces `count` elements: it is refused before any of them is read."""
    return before + encode_u32(number)


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        pytest.param([(0, b"\x01p")] * 1_001, "1,001 sections; the limit is 1,000", id="sections"),
        pytest.param([(1, count(10_001))], "10,001 types; the limit is 10,000", id="types"),
        pytest.param([(1, count(101, b"\x01\x60"))], "101 parameters", id="parameters"),
        pytest.param([(1, count(101, b"\x01\x60\x00"))], "101 results", id="results"),
        pytest.param([(2, count(1_001))], "1,001 imports", id="imports"),
        pytest.param([(3, count(50_001))], "50,001 functions", id="functions"),
        pytest.param([(13, count(1_001))], "1,001 kinds of exceptions", id="tags"),
        pytest.param([(6, count(10_001))], "10,001 globals", id="globals"),
        pytest.param([(7, count(1_001))], "1,001 exports", id="exports"),
        pytest.param([(9, count(1_001))], "1,001 segments of elements", id="segments of elements"),
        pytest.param([(9, count(65_537, b"\x01\x01\x00"))], "65,537 elements", id="elements"),
        pytest.param([(11, count(100_001))], "100,001 segments of data", id="segments of data"),
        pytest.param(
            [(1, b"\x01\x60\x00\x00"), (3, b"\x01\x00"), (10, count((256 << 10) + 1, b"\x01"))],
            "262,145 bytes of code in a function",
            id="a function's bytes",
        ),
    ],
)
def test_what_a_module_has_too_many_of(sections: list[tuple[int, bytes]], told: str) -> None:
    with pytest.raises(ComponentError, match=told) as raised:
        meter_module(join_sections(*(build_section(*section) for section in sections)))
    assert raised.value.code == "MODULE_TOO_LARGE"
    assert raised.value.next_actions


def _module_with_body(body: bytes, *sections: tuple[int, bytes]) -> bytes:
    code = bytes((1, len(body))) + body
    return join_sections(
        build_section(1, b"\x01\x60\x00\x00"),
        build_section(3, b"\x01\x00"),
        *(build_section(*section) for section in sections),
        build_section(10, code),
    )


@pytest.mark.parametrize(
    ("binary", "told"),
    [
        pytest.param(_module_with_body(b"\x00\x42\x01\x24\x00\x0b"), "global 0", id="writes the fuel"),
        pytest.param(_module_with_body(b"\x00\x23\x00\x1a\x0b"), "global 0", id="reads the fuel"),
        pytest.param(_module_with_body(b"\x00\x10\x01\x0b"), "function 1", id="calls what is appended"),
        pytest.param(_module_with_body(b"\x00\x0b", (7, b"\x01\x01f\x03\x00")), "global 0", id="exports the fuel"),
        pytest.param(_module_with_body(b"\x00\x01\x01"), "no end", id="no end"),
        pytest.param(_module_with_body(b"\x00\x0b\x01"), "after its end", id="code after the end"),
        pytest.param(_module_with_body(b"\x00\x41"), "too early", id="cut off in a number"),
        pytest.param(_module_with_body(b"\x00\x43\x00"), "too early", id="cut off in a constant"),
        pytest.param(_module_with_body(b"\x00\x0b", (1, b"\x00")), "there twice", id="a section twice"),
        pytest.param(_module_with_body(b"\x00\x0b", (2, b"\x00")), "wrong place", id="a section in the wrong place"),
        pytest.param(_module_with_body(b"\x00\x0b", (14, b"\x00")), "unknown", id="an unknown section"),
        pytest.param(_module_with_body(b"\x00\x0b", (5, b"\x00\x00")), "longer than", id="a section that goes on"),
        pytest.param(_module_with_body(b"\x00\x0b", (7, b"\x01\x01f\x00\x01")), "function 1", id="exports a function"),
        pytest.param(_module_with_body(b"\x00\x0b", (8, b"\x01")), "function 1", id="starts with a function"),
        pytest.param(_module_with_body(b"\x00\x0b", (9, b"\x01\x03\x00\x01\x01")), "function 1", id="elem, declared"),
        pytest.param(
            _module_with_body(b"\x00\x0b", (4, b"\x01\x70\x00\x02"), (9, b"\x01\x00\x41\x00\x0b\x01\x01")),
            "function 1",
            id="elem, active",
        ),
        pytest.param(
            _module_with_body(b"\x00\x0b", (9, b"\x01\x05\x70\x01\xd2\x01\x0b")), "function 1", id="elem, expressions"
        ),
        pytest.param(_module_with_body(b"\x00\xd2\x01\x1a\x0b"), "function 1", id="refers to a function"),
        pytest.param(_module_with_body(b"\x00\x12\x01\x0b"), "function 1", id="calls at its end"),
        pytest.param(
            _module_with_body(b"\x00\x0b", (6, b"\x01\x70\x00\xd2\x01\x0b")), "function 1", id="a global's function"
        ),
        pytest.param(
            _module_with_body(b"\x00\x0b", (6, b"\x01\x7e\x00\x23\x01\x0b")), "global 1", id="a global's global"
        ),
        pytest.param(_module_with_body(b"\x00\x02\x01\x0b\x0b"), "type 1", id="a block's type"),
        pytest.param(_module_with_body(b"\x00\x41\x00\x11\x01\x00\x0b"), "type 1", id="call_indirect's type"),
        pytest.param(_module_with_body(b"\x00\xd0\x01\x1a\x0b"), "type 1", id="ref.null's type"),
        pytest.param(_module_with_body(b"\x00\xd0\x00\x14\x01\x0b"), "type 1", id="call_ref's type"),
        pytest.param(_module_with_body(b"\x01\x01\x63\x01\x0b"), "type 1", id="a local variable's type"),
        pytest.param(_module_with_body(b"\x00\x00\x1c\x01\x63\x01\x0b"), "type 1", id="select's type"),
        pytest.param(_module_with_body(b"\x00\x0b", (4, b"\x01\x63\x01\x00\x01")), "type 1", id="a table's type"),
        pytest.param(_module_with_body(b"\x00\x0b", (13, b"\x01\x00\x01")), "type 1", id="an exception's type"),
        pytest.param(
            _module_with_body(b"\x00\x0b", (6, b"\x01\x63\x01\x00\xd0\x00\x0b")), "type 1", id="a global's type"
        ),
        pytest.param(
            join_sections(build_section(1, b"\x01\x60\x00\x00"), build_section(2, b"\x01\x01m\x01n\x00\x01")),
            "type 1",
            id="an import's type",
        ),
        pytest.param(join_sections(build_section(1, b"\x01\x60\x01\x63\x01\x00")), "type 1", id="a parameter's type"),
        pytest.param(
            join_sections(build_section(1, b"\x01\x60\x00\x00"), build_section(3, b"\x01\x01")), "type 1", id="its type"
        ),
        pytest.param(
            join_sections(build_section(1, b"\x01\x60\x00\x00"), build_section(3, b"\x01\x00")),
            "code of 0",
            id="no code",
        ),
        pytest.param(b"\x00asm\x02\x00\x00\x00", "version 1", id="another version"),
    ],
)
def test_a_module_cannot_reach_its_fuel_and_a_broken_one_is_refused(binary: bytes, told: str) -> None:
    with pytest.raises(ComponentError, match=told) as raised:
        meter_module(binary)
    assert raised.value.code == "INVALID_MODULE"


MANY_TARGETS = f"(br_table {'0 ' * 400} (i32.const 0))"


def locals_at_branches(locals_: int, branches: int) -> str:
    return f"(func (local {'i64 ' * locals_}) {'(block)' * branches})"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param(locals_at_branches(998, 498), "", id="fits"),
        pytest.param(
            locals_at_branches(998, 499), "500,998 local variables at all branches of a function", id="branches"
        ),
        pytest.param(
            f"(func (local {'i64 ' * 999}) {'(block ' * 100} {MANY_TARGETS * 5} {')' * 100})",
            "local variables at all branches of a function",
            id="places that a br_table leads to",
        ),
        pytest.param(
            f"(func {'(block (type $many) unreachable)' * 3_000})", "of a function", id="values that branches carry"
        ),
        pytest.param(
            locals_at_branches(998, 498) * 11, "local variables at all branches of all functions", id="all functions"
        ),
    ],
)
def test_what_engines_keep_track_of_as_they_compile_is_bounded(fields: str, message: str) -> None:
    """20,000 branches among 5,000 local variables took V8 eight seconds and 1.4 GB."""
    source = f"(type $many (func (param {'i64 ' * 100}) (result {'i64 ' * 100}))) {fields}"
    if not message:
        meter_module(build_module(source))
        return
    with pytest.raises(ComponentError) as raised:
        meter_module(build_module(source))
    assert raised.value.code == "MODULE_TOO_LARGE"
    assert message in raised.value.message
