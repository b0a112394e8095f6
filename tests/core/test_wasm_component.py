"""Proves that a component gets the imports that its contract declares and no others, and that its memory is bounded."""

import hashlib

import pytest

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.wasm import abi
from arcrun.wasm.component import Component, build_component
from arcrun.wasm.module import parse_module
from fakes.contracts import build_contract, build_network_contract
from fakes.modules import COMMAND, build_module

CAPABILITIES = {
    "network": build_network_contract("example.com"),
    "sleep": build_contract(capabilities=["sleep"]),
    "ai": build_contract(capabilities=["ai"]),
    "kv": build_contract(capabilities=["kv"]),
}
NEEDING = [pytest.param(name, wanted, id=name) for name, wanted in abi.HOST_FUNCTIONS.items() if wanted]


def import_function(module: str, name: str) -> bytes:
    return build_module(f'(import "{module}" "{name}" (func)) {COMMAND}')


def refusal(binary: bytes, contract: Contract) -> ComponentError:
    with pytest.raises(ComponentError) as caught:
        build_component(contract, binary)
    return caught.value


def test_a_command_becomes_a_component() -> None:
    binary, contract = build_module(), build_contract()
    component = build_component(contract, binary)
    assert component.contract == contract
    assert component.id == "echo"
    assert component.sha256 == hashlib.sha256(binary).hexdigest()


def test_its_memory_is_bounded() -> None:
    module = build_component(build_contract(), build_module()).module
    assert module is not None
    memory = parse_module(module).memory
    assert memory is not None
    assert (memory.minimum_pages, memory.maximum_pages) == (1, abi.MAX_MEMORY_PAGES)


def test_a_bundled_component_has_no_bytes() -> None:
    assert Component(build_contract(), "hash").module is None


@pytest.mark.parametrize("name", sorted(abi.WASI_FUNCTIONS))
def test_every_wasi_function_is_free(name: str) -> None:
    assert build_component(build_contract(), import_function("wasi_snapshot_preview1", name)).module is not None


@pytest.mark.parametrize("name", [name for name, capability in abi.HOST_FUNCTIONS.items() if capability is None])
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
        ("kv", "In contract.yaml add `capabilities: [kv]`."),
    ],
)
def test_the_refusal_says_how_to_declare_it(capability: str, expected: str) -> None:
    name = next(name for name, wanted in abi.HOST_FUNCTIONS.items() if wanted == capability)
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
