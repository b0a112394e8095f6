"""Only modules whose whole state can be restored are marked, otherwise unchanged but for exported mutable globals."""

import pytest

from arcrun.wasm.instance_reuse import EXPORT_PREFIX, MARK, expose_state
from arcrun.wasm.metering import meter_module
from arcrun.wasm.module import parse_module
from fakes.builtins import BUILTINS, COMPONENTS
from fixtures.modules import build_module

TABLE = "(table $t 4 funcref) (elem $e func $f) (func $f)"


def build(parts: str, body: str = "") -> bytes:
    return build_module(f'(module (memory (export "memory") 1) {parts} (func (export "_start") {body}))')


@pytest.mark.parametrize(
    ("parts", "body", "exposed"),
    [
        pytest.param("", "", 0, id="a memory alone"),
        pytest.param("(global $g (mut i32) (i32.const 1)) (global i32 (i32.const 2))", "", 1, id="globals"),
        pytest.param("(global (mut i64) (i64.const 1)) (global (mut i32) (i32.const 1))", "", 2, id="of both types"),
        pytest.param(TABLE, "(drop (table.get $t (i32.const 0)))", 0, id="a table that is read"),
        pytest.param(
            '(data $d "abc")', "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))", 0, id="a passive segment"
        ),
    ],
)
def test_it_is_marked_and_its_mutable_globals_are_exported(parts: str, body: str, exposed: int) -> None:
    module = build(parts, body)
    marked = expose_state(module)
    before, after = parse_module(module).exports, parse_module(marked).exports
    added = after.keys() - before.keys()
    assert (len(added), all(name.startswith(EXPORT_PREFIX) for name in added)) == (exposed, True)
    assert {name: after[name] for name in before} == before
    assert marked.endswith(MARK.encode())


@pytest.mark.parametrize(
    ("parts", "body"),
    [
        pytest.param(TABLE, "(table.set $t (i32.const 0) (ref.null func))", id="table.set"),
        pytest.param(TABLE, "(drop (table.grow $t (ref.null func) (i32.const 1)))", id="table.grow"),
        pytest.param(TABLE, "(table.fill $t (i32.const 0) (ref.null func) (i32.const 1))", id="table.fill"),
        pytest.param(TABLE, "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1))", id="table.copy"),
        pytest.param(TABLE, "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1))", id="table.init"),
        pytest.param(TABLE, "(elem.drop $e)", id="elem.drop"),
        pytest.param('(data $d "abc")', "(data.drop $d)", id="data.drop"),
        pytest.param("(global (mut f64) (f64.const nan:0x4000000000001))", "", id="a floating-point global"),
        pytest.param("(global (mut f32) (f32.const 1))", "", id="a short one"),
        pytest.param("(global (mut v128) (v128.const i64x2 0 0))", "", id="a vector"),
        pytest.param(TABLE + "(global (mut funcref) (ref.null func))", "", id="a reference"),
        pytest.param('(global (export "arcrun_state_0") i32 (i32.const 1))', "", id="a name that is ours"),
        pytest.param('(import "x" "g" (global (mut i32)))', "", id="a global of somebody else's"),
    ],
)
def test_a_module_with_other_state_stays_as_it_is(parts: str, body: str) -> None:
    imports = parts if parts.startswith("(import") else ""
    module = build_module(
        f'(module {imports} (memory (export "memory") 1) {"" if imports else parts} (func (export "_start") {body}))'
    )
    assert expose_state(module) == module


@pytest.mark.parametrize("name", BUILTINS)
def test_every_built_in_is_marked(name: str) -> None:
    metered = meter_module((COMPONENTS / name / f"{name}.wasm").read_bytes())
    assert expose_state(metered).endswith(MARK.encode())
