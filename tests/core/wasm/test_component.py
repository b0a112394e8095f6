"""A component gets exactly the imports that its contract declares, its memory is bounded, it is metered, and an earlier
result is only reused if it is complete, and is checked as strictly.
"""

import hashlib
from collections.abc import Callable

import pytest

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.limits import MAX_MEMORY_PAGES
from arcrun.wasm.component import Component, build_component
from arcrun.wasm.host_functions import HOST_FUNCTIONS, WASI_FUNCTIONS
from arcrun.wasm.metering import FUEL_EXPORT, METERING_VERSION
from arcrun.wasm.module import bound_module, parse_module
from arcrun.wasm.seal import is_sealed, metered_key, seal_module
from fakes.contracts import build_contract, build_network_contract
from fakes.modules import COMMAND, build_module
from fixtures.modules import import_of

CAPABILITIES = {
    "network": build_network_contract("example.com"),
    "sleep": build_contract(capabilities=["sleep"]),
    "ai": build_contract(capabilities=["ai"]),
    "store": build_contract(capabilities=["store"]),
    "blob": build_contract(capabilities=["blob"]),
}
WANTED = {name: lent.capability for name, lent in HOST_FUNCTIONS.items()}
NEEDING = [pytest.param(name, wanted, id=name) for name, wanted in WANTED.items() if wanted]


WASI = "wasi_snapshot_preview1"


def import_function(module: str, name: str) -> bytes:
    return build_module(f"{import_of(module, name)} {COMMAND}")


def refusal(binary: bytes, contract: Contract) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        build_component(contract, binary)
    return caught.value


def test_a_command_becomes_a_component() -> None:
    binary, contract = build_module(), build_contract()
    component = build_component(contract, binary)
    assert component.contract == contract
    assert component.id == "echo"
    assert component.sha256 == _sha256(binary)


def test_its_memory_is_bounded() -> None:
    module = build_component(build_contract(), build_module()).module
    assert module is not None
    memory = parse_module(module).memory
    assert memory is not None
    assert (memory.minimum_pages, memory.maximum_pages) == (1, MAX_MEMORY_PAGES)


def test_it_is_metered_and_sealed() -> None:
    component = build_component(build_contract(), build_module())
    assert component.module is not None
    assert FUEL_EXPORT in parse_module(component.module).exports
    assert is_sealed(component.module, component.sha256)
    assert not is_sealed(component.module, "0" * 64)


@pytest.mark.parametrize("damage", [lambda kept: kept[:-1], lambda kept: kept[:9] + kept[10:], lambda _: b""])
def test_a_kept_module_that_is_not_whole_is_made_anew(damage: Callable[[bytes], bytes]) -> None:
    component = build_component(build_contract(), build_module())
    assert component.module is not None
    assert build_component(build_contract(), build_module(), damage(component.module)) == component


def test_a_kept_module_is_spared_the_metering() -> None:
    """Shown with a module that metering would not produce: since it is sealed, it is used unchanged."""
    binary = build_module()
    other = seal_module(bound_module(binary, parse_module(binary), MAX_MEMORY_PAGES), _sha256(binary))
    assert build_component(build_contract(), binary, other).module == other


def test_a_kept_module_takes_the_checks_of_the_contract() -> None:
    allowed = build_component(CAPABILITIES["sleep"], import_function("arcrun", "sleep"))
    with pytest.raises(ComponentError) as caught:
        build_component(build_contract(), import_function("arcrun", "sleep"), allowed.module)
    assert caught.value.code == "CAPABILITY_NOT_DECLARED"


def test_a_kept_module_is_bounded_too() -> None:
    binary = build_module()
    module = build_component(build_contract(), binary, seal_module(binary, _sha256(binary))).module
    assert module is not None
    memory = parse_module(module).memory
    assert memory is not None
    assert memory.maximum_pages == MAX_MEMORY_PAGES


def test_the_key_names_the_metering_and_the_module() -> None:
    assert metered_key("ab") == f"metered/{METERING_VERSION}/ab.wasm"


def _sha256(binary: bytes) -> str:
    return hashlib.sha256(binary).hexdigest()


def test_a_bundled_component_has_no_bytes() -> None:
    assert Component(build_contract(), "hash").module is None


@pytest.mark.parametrize("name", sorted(WASI_FUNCTIONS))
def test_every_wasi_function_is_free(name: str) -> None:
    assert build_component(build_contract(), import_function("wasi_snapshot_preview1", name)).module is not None


@pytest.mark.parametrize("name", [name for name, wanted in WANTED.items() if wanted is None])
def test_a_host_function_without_a_capability_is_free(name: str) -> None:
    assert build_component(build_contract(), import_function("arcrun", name)).module is not None


@pytest.mark.parametrize(("name", "capability"), NEEDING)
def test_a_declared_capability_gives_its_function(name: str, capability: str) -> None:
    assert build_component(CAPABILITIES[capability], import_function("arcrun", name)).module is not None


@pytest.mark.parametrize(("name", "capability"), NEEDING)
def test_an_undeclared_capability_is_refused(name: str, capability: str) -> None:
    error = refusal(import_function("arcrun", name), build_contract())
    assert error.code == "CAPABILITY_NOT_DECLARED"
    assert error.details == {"import": f"arcrun.{name}", "capability": capability}


@pytest.mark.parametrize(("name", "capability"), NEEDING)
def test_another_capability_does_not_help(name: str, capability: str) -> None:
    for declared, contract in CAPABILITIES.items():
        if declared != capability:
            assert refusal(import_function("arcrun", name), contract).code == "CAPABILITY_NOT_DECLARED"


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ("network", "In contract.yaml set `constraints.no_network_syscall: false` and list `allowed_hosts`."),
        ("sleep", "In contract.yaml add `capabilities: [sleep]`."),
        ("ai", "In contract.yaml add `capabilities: [ai]`."),
    ],
)
def test_the_refusal_says_how_to_declare_it(capability: str, expected: str) -> None:
    name = next(name for name, wanted in WANTED.items() if wanted == capability)
    assert refusal(import_function("arcrun", name), build_contract()).next_actions == (expected,)


@pytest.mark.parametrize(
    ("field", "name"),
    [
        pytest.param('(import "env" "abort" (func))', "env.abort", id="unknown module"),
        pytest.param('(import "arcrun" "exec" (func))', "arcrun.exec", id="unknown host function"),
        pytest.param(
            '(import "wasi_snapshot_preview1" "sock_open" (func))',
            "wasi_snapshot_preview1.sock_open",
            id="unknown WASI function",
        ),
        pytest.param('(import "wasi_unstable" "fd_write" (func))', "wasi_unstable.fd_write", id="older WASI"),
        pytest.param('(import "arcrun" "fd_write" (func))', "arcrun.fd_write", id="WASI function of the wrong module"),
        pytest.param(
            '(import "wasi_snapshot_preview1" "log" (func))',
            "wasi_snapshot_preview1.log",
            id="host function of the wrong module",
        ),
        pytest.param('(import "env" "memory" (memory 1))', "env.memory", id="memory"),
        pytest.param('(import "arcrun" "log" (global i32))', "arcrun.log", id="known name, but a global"),
    ],
)
def test_an_unknown_import_is_refused(field: str, name: str) -> None:
    error = refusal(build_module(f'{field} (func (export "_start"))'), build_contract())
    assert error.code == "UNKNOWN_IMPORT"
    assert error.message == f"`echo` imports `{name}`, which arcrun does not have."
    assert error.details == {"import": name}


@pytest.mark.parametrize(
    ("module", "name", "types", "said"),
    [
        pytest.param("arcrun", "log", "(param i32 i32) (result i64)", "i32 i32 -> i64", id="another result"),
        pytest.param("arcrun", "log", "(param i32 i64) (result i32)", "i32 i64 -> i32", id="another parameter"),
        pytest.param("arcrun", "read_reply", "(param i32 i32)", "i32 i32 -> nothing", id="no result"),
        pytest.param("arcrun", "log", "(param i32 externref) (result i32)", "i32 other -> i32", id="a reference"),
        pytest.param("arcrun", "log", "(param i32) (result i32)", "i32 -> i32", id="one parameter less"),
        pytest.param(WASI, "proc_exit", "(param i32) (result i32)", "i32 -> i32", id="a result of what has none"),
        pytest.param(WASI, "fd_seek", "(param i32 i32 i32 i32) (result i32)", "i32 i32 i32 i32 -> i32", id="of WASI"),
    ],
)
def test_an_import_with_other_types_is_refused(module: str, name: str, types: str, said: str) -> None:
    error = refusal(
        build_module(f'(type (func)) (import "{module}" "{name}" (func {types})) {COMMAND}'), build_contract()
    )
    assert error.code == "INVALID_MODULE"
    assert f"it imports {module}.{name} as ({said}), but it is (" in error.message


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        pytest.param('(memory (export "memory") 1)', "`_start`", id="library"),
        pytest.param('(func (export "_start"))', "`memory`", id="no memory"),
        pytest.param('(memory 1) (func (export "_start"))', "`memory`", id="memory that is not exported"),
        pytest.param("", "`_start` and `memory`", id="empty module"),
    ],
)
def test_missing_exports_are_refused(fields: str, missing: str) -> None:
    error = refusal(build_module(fields), build_contract())
    assert (error.code, error.message) == ("INVALID_MODULE", f"`echo` does not export {missing}.")


@pytest.mark.parametrize(
    ("binary", "code"),
    [
        pytest.param(b"no module", "INVALID_MODULE", id="no module"),
        pytest.param(
            build_module('(memory (export "memory") 1025) (func (export "_start"))'),
            "MEMORY_LIMIT_EXCEEDED",
            id="too much memory from the start",
        ),
    ],
)
def test_a_bad_binary_is_refused(binary: bytes, code: str) -> None:
    assert refusal(binary, build_contract()).code == code


def test_a_module_of_too_many_types_is_refused_before_they_are_read() -> None:
    fields = f"{import_of('arcrun', 'log')} {'(type (func (param i32 i64)))' * 40_000} {COMMAND}"
    assert refusal(build_module(fields), build_contract()).code == "MODULE_TOO_LARGE"
