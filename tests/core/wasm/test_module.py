"""The scanner reads the outline of any real module, fails only with INVALID_MODULE on other input, and a module with
bounded memory stays valid and cannot grow above the bound.
"""

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from arcrun.errors import ComponentError
from arcrun.limits import MAX_MODULE_TABLES, MAX_TABLE_ENTRIES
from arcrun.wasm import abi
from arcrun.wasm.binary import MAGIC
from arcrun.wasm.module import PAGE_BYTES, Import, bound_module, parse_module
from fakes.modules import COMMAND, build_module, build_section, encode_u32, join_sections

GROWABLE = """
    (memory (export "memory") {limits})
    (func (export "_start"))
    (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
    (data (i32.const 8) "kept")
"""
EVERYTHING = """
    (type (func))
    (import "env" "global" (global i32))
    (import "env" "function" (func))
    (global (mut i64) (i64.const 5))
    (table 3 funcref)
    (memory (export "memory") 2 9)
    (export "_start" (func 1))
    (func (type 0))
    (elem (i32.const 0) 1)
    (data (i32.const 0) "bytes")
"""
READ_OR_REFUSED = (None, "INVALID_MODULE", "MODULE_TOO_LARGE", "TABLE_LIMIT_EXCEEDED")
SECTIONS = 10  # type, import, function, table, memory, global, export, element, code, data


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param('(import "m" "n" (func (param i32) (result i64)))', Import("m", "n", True), id="function"),
        pytest.param('(import "m" "n" (table 1 funcref))', Import("m", "n", False), id="table"),
        pytest.param('(import "m" "n" (table 1 2 externref))', Import("m", "n", False), id="table with maximum"),
        pytest.param('(import "m" "n" (memory 1))', Import("m", "n", False), id="memory"),
        pytest.param('(import "m" "n" (memory 1 2))', Import("m", "n", False), id="memory with maximum"),
        pytest.param('(import "m" "n" (global i32))', Import("m", "n", False), id="global"),
        pytest.param('(import "m" "n" (global (mut f64)))', Import("m", "n", False), id="mutable global"),
        pytest.param('(import "m" "n" (tag (param i32)))', Import("m", "n", False), id="tag"),
        pytest.param('(import "" "" (func))', Import("", "", True), id="empty names"),
        pytest.param('(import "模組" "é" (func))', Import("模組", "é", True), id="names beyond ASCII"),
    ],
)
def test_reads_an_import_of_every_kind_and_what_follows_it(fields: str, expected: Import) -> None:
    outline = parse_module(build_module(f'{fields} (import "after" "it" (func))'))
    assert outline.imports == (expected, Import("after", "it", True))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("", set(), id="none"),
        pytest.param(COMMAND, {"memory", "_start"}, id="a WASI command"),
        pytest.param('(global (export "g") i32 (i32.const 1))', {"g"}, id="global"),
        pytest.param('(table (export "t") 1 funcref)', {"t"}, id="table"),
        pytest.param('(func (export "a") (export "b"))', {"a", "b"}, id="two names of one function"),
    ],
)
def test_reads_the_exports(fields: str, expected: set[str]) -> None:
    assert set(parse_module(build_module(fields)).exports) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param("(memory 3)", (3, None), id="no maximum"),
        pytest.param("(memory 3 200)", (3, 200), id="maximum"),
        pytest.param("(memory 0 65536)", (0, 65536), id="widest"),
        pytest.param("(memory 128 128)", (128, 128), id="numbers of two bytes"),
    ],
)
def test_reads_the_memory(fields: str, expected: tuple[int, int | None]) -> None:
    memory = parse_module(build_module(fields)).memory
    assert memory is not None
    assert (memory.minimum_pages, memory.maximum_pages) == expected


def test_a_module_without_memory_has_none() -> None:
    assert parse_module(build_module("(func)")).memory is None
    assert parse_module(join_sections(build_section(5, b"\x00"))).memory is None


@pytest.mark.parametrize(
    "binary",
    [
        pytest.param(b"", id="empty"),
        pytest.param(MAGIC[:7], id="half a header"),
        pytest.param(b"\x00asm\x0d\x00\x01\x00", id="a component-model binary"),
        pytest.param(b"\x7fELF\x01\x01\x01\x00", id="another format"),
        pytest.param(b'(module (func (export "_start")))', id="text format"),
        pytest.param(MAGIC + b"\x02", id="section without a size"),
        pytest.param(MAGIC + b"\x00\x05abc", id="section that ends too early"),
        pytest.param(join_sections(build_section(2, b"\x01\x01m\x01n\x05\x00")), id="import of an unknown kind"),
        pytest.param(join_sections(build_section(2, b"\x02\x01m\x01n\x00\x00")), id="fewer imports than announced"),
        pytest.param(join_sections(build_section(2, b"\x01\x01\xff\x01n\x00\x00")), id="name that is not UTF-8"),
        pytest.param(join_sections(build_section(7, b"\x01\x7fname")), id="name longer than its section"),
        pytest.param(join_sections(build_section(5, b"\x02\x00\x01\x00\x01")), id="two memories"),
        pytest.param(join_sections(build_section(5, b"\x01\x03\x01\x01")), id="shared memory"),
        pytest.param(join_sections(build_section(5, b"\x01\x04\x01")), id="64-bit memory"),
        pytest.param(join_sections(build_section(5, b"\x01\x08\x01\x00")), id="memory with its own page size"),
        pytest.param(join_sections(build_section(5, b"\x01\x00")), id="memory without its limits"),
    ],
)
def test_refuses_what_is_not_a_module(binary: bytes) -> None:
    with pytest.raises(ComponentError) as caught:
        parse_module(binary)
    assert caught.value.code == "INVALID_MODULE"


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(b"\x00", 0, id="zero"),
        pytest.param(b"\x7f", 127, id="widest of one byte"),
        pytest.param(b"\x80\x01", 128, id="narrowest of two bytes"),
        pytest.param(b"\x81\x80\x80\x80\x00", 1, id="padded to five bytes, as linkers do"),
        pytest.param(b"\xff\xff\xff\xff\x0f", 2**32 - 1, id="widest"),
        pytest.param(b"\x80\x80\x80\x80\x10", None, id="2**32"),
        pytest.param(b"\x81\x80\x80\x80\x80\x00", None, id="padded to six bytes"),
        pytest.param(b"\xff\xff\xff\xff\xff", None, id="without an end"),
        pytest.param(b"\x80", None, id="cut short"),
    ],
)
def test_reads_leb128_of_32_bits(encoded: bytes, expected: int | None) -> None:
    binary = join_sections(build_section(5, b"\x01\x00" + encoded))
    if expected is None:
        with pytest.raises(ComponentError, match=r"number in it is longer than 32 bits|ends too early"):
            parse_module(binary)
    else:
        memory = parse_module(binary).memory
        assert memory is not None
        assert memory.minimum_pages == expected


@given(st.integers(0, 2**32 - 1))
def test_reads_back_every_number_in_its_shortest_form(number: int) -> None:
    memory = parse_module(join_sections(build_section(5, b"\x01\x00" + encode_u32(number)))).memory
    assert memory is not None
    assert memory.minimum_pages == number


def test_a_truncated_module_is_refused_unless_cut_between_sections() -> None:
    whole = build_module(EVERYTHING)
    codes = [_error_code(whole[:cut]) for cut in range(len(whole) + 1)]
    assert set(codes) == {None, "INVALID_MODULE"}
    assert codes.count(None) == 1 + SECTIONS  # after the header, and after each section
    assert codes[-2:] == ["INVALID_MODULE", None]


@given(st.binary(max_size=200))
def test_garbage_behind_the_header_is_read_or_refused(garbage: bytes) -> None:
    assert _error_code(MAGIC + garbage) in READ_OR_REFUSED


@given(st.sampled_from([2, 5, 7]), st.binary(max_size=60))
def test_garbage_in_a_section_is_read_or_refused(section_id: int, garbage: bytes) -> None:
    assert _error_code(join_sections(build_section(section_id, garbage))) in READ_OR_REFUSED


@given(st.data())
def test_a_module_with_a_changed_byte_is_read_or_refused(data: st.DataObject) -> None:
    binary = bytearray(build_module(EVERYTHING))
    binary[data.draw(st.integers(0, len(binary) - 1))] = data.draw(st.integers(0, 255))
    assert _error_code(bytes(binary)) in READ_OR_REFUSED


def _error_code(binary: bytes) -> str | None:
    try:
        outline = parse_module(binary)
        bound_module(binary, outline, 2**32)
    except ComponentError as error:
        return error.code
    return None


@pytest.mark.parametrize(
    ("limits", "limit_pages", "expected"),
    [
        pytest.param("1", 4, (1, 4), id="no maximum"),
        pytest.param("1 100", 4, (1, 4), id="maximum above the limit"),
        pytest.param("1 4", 4, (1, 4), id="maximum at the limit"),
        pytest.param("1 3", 4, (1, 3), id="maximum below the limit"),
        pytest.param("4", 4, (4, 4), id="minimum at the limit"),
        pytest.param("200 60000", 1024, (200, 1024), id="numbers of two bytes"),
    ],
)
def test_bound_module_bounds_what_the_module_can_have(limits: str, limit_pages: int, expected: tuple[int, int]) -> None:
    binary = build_module(GROWABLE.format(limits=limits))
    bounded = bound_module(binary, parse_module(binary), limit_pages)
    memory = parse_module(bounded).memory
    assert memory is not None
    assert (memory.minimum_pages, memory.maximum_pages) == expected
    assert _grow(bounded, expected[1] - expected[0]) == expected[0]
    assert _grow(bounded, expected[1] - expected[0] + 1) == -1


def test_a_module_that_is_not_limited_can_grow_further() -> None:
    assert _grow(build_module(GROWABLE.format(limits="1")), 4) == 1


def _grow(binary: bytes, pages: int) -> int:
    """The result of memory.grow in a fresh instance, whose data must have stayed in place."""
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, binary), []).exports(store)
    memory, grow = exports["memory"], exports["grow"]
    assert isinstance(memory, wasmtime.Memory)
    assert isinstance(grow, wasmtime.Func)
    assert bytes(memory.read(store, 8, 12)) == b"kept"
    return int(grow(store, pages))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("(func)", id="no memory"),
        pytest.param("(memory 1 4)", id="bounded enough"),
    ],
)
def test_bound_module_leaves_a_module_that_needs_no_limit(fields: str) -> None:
    binary = build_module(fields)
    assert bound_module(binary, parse_module(binary), 4) == binary


def test_bound_module_changes_the_maxima_alone() -> None:
    binary = build_module(EVERYTHING)
    expected = build_module(EVERYTHING.replace("2 9", "2 5").replace("3 funcref", f"3 {MAX_TABLE_ENTRIES} funcref"))
    assert bound_module(binary, parse_module(binary), 5) == expected


def test_bound_module_refuses_a_module_that_starts_above_the_limit() -> None:
    binary = build_module("(memory 2048)")
    with pytest.raises(ComponentError) as caught:
        bound_module(binary, parse_module(binary), 1024)
    assert caught.value.code == "MEMORY_LIMIT_EXCEEDED"
    assert caught.value.message == "The component requests 131072 KiB of memory at its start; the limit is 65536 KiB."


@given(st.integers(0, 300), st.integers(0, 600), st.integers(1, 300))
def test_a_limited_module_is_valid_and_within_the_limit(minimum: int, more: int, limit_pages: int) -> None:
    binary = build_module(f"(memory {minimum} {minimum + more})")
    if minimum > limit_pages:
        with pytest.raises(ComponentError, match="limit"):
            bound_module(binary, parse_module(binary), limit_pages)
        return
    bounded = bound_module(binary, parse_module(binary), limit_pages)
    wasmtime.Module.validate(wasmtime.Engine(), bounded)
    memory = parse_module(bounded).memory
    assert memory is not None
    assert (memory.minimum_pages, memory.maximum_pages) == (minimum, min(minimum + more, limit_pages))


@pytest.mark.parametrize(
    ("tables", "limit", "expected"),
    [
        pytest.param("(table 3 funcref)", 10, [(3, 10)], id="no maximum"),
        pytest.param("(table 3 20 funcref)", 10, [(3, 10)], id="maximum above the limit"),
        pytest.param("(table 3 5 funcref)", 10, [(3, 5)], id="maximum below the limit"),
        pytest.param("(table 10 externref)", 10, [(10, 10)], id="minimum at the limit"),
        pytest.param("(table 2 funcref) (table 4 externref)", 10, [(2, 4), (4, 6)], id="an equal part of the rest"),
        pytest.param("(table 0 9 funcref) (table 4 4 funcref)", 10, [(0, 3), (4, 4)], id="one that does not grow"),
        pytest.param("(table 1 funcref (ref.null func))", 10, [(1, 10)], id="a table with a first value"),
        pytest.param("(type $f (func)) (table 1 300 (ref null $f))", 200, [(1, 200)], id="typed references"),
    ],
)
def test_bound_module_bounds_all_tables_together(tables: str, limit: int, expected: list[tuple[int, int]]) -> None:
    binary = build_module(tables)
    bounded = bound_module(binary, parse_module(binary), 1, limit)
    outline = parse_module(bounded)
    wasmtime.Module.validate(wasmtime.Engine(), bounded)
    assert [(table.minimum, table.maximum) for table in outline.tables] == expected
    assert bound_module(bounded, outline, 1, limit) == bounded


@pytest.mark.parametrize("tables", ["(table 11 funcref)", "(table 6 funcref) (table 5 externref)"])
def test_bound_module_refuses_a_module_whose_tables_start_above_the_limit(tables: str) -> None:
    binary = build_module(tables)
    with pytest.raises(ComponentError) as caught:
        bound_module(binary, parse_module(binary), 1, 10)
    assert caught.value.code == "TABLE_LIMIT_EXCEEDED"
    assert caught.value.message == "The component requests tables of 11 entries at its start; the limit is 10."


@pytest.mark.parametrize("fields", ["(table i64 1 funcref)", '(import "m" "n" (table i64 1 funcref))'])
def test_a_64_bit_table_is_refused(fields: str) -> None:
    assert _error_code(build_module(fields)) == "INVALID_MODULE"


def test_too_many_tables_are_refused() -> None:
    assert _error_code(build_module("(table 1 funcref)" * (MAX_MODULE_TABLES + 1))) == "MODULE_TOO_LARGE"


def test_a_page_has_one_size() -> None:
    assert PAGE_BYTES == abi.PAGE_BYTES == 65536
