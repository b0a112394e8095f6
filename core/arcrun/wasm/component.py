"""A component that is ready to run: its contract, and its code in the bundle or as bytes; its fuel; its runner."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from arcrun.contracts.model import Contract
from arcrun.errors import ComponentError
from arcrun.interruptible import Steps, run_steps
from arcrun.limits import CALL_CPU_MS, MAX_MEMORY_PAGES, SANDBOX_CALL_CPU_MS
from arcrun.wasm.abi import Execution, HostFunctions
from arcrun.wasm.binary import IMPORTED_FUNCTION, IMPORTED_MEMORY
from arcrun.wasm.costs import CODE_FUEL_A_MS, FUEL_A_MS, SANDBOX_FUEL, TEXT_FUEL_A_MS
from arcrun.wasm.host_functions import HOST_FUNCTIONS, HOST_MODULE, WASI_FUNCTIONS, WASI_MODULE
from arcrun.wasm.instance_reuse import expose_state
from arcrun.wasm.metering import meter_in_steps
from arcrun.wasm.module import ModuleOutline, bound_module, parse_module
from arcrun.wasm.seal import is_sealed, seal_module
from arcrun.wasm.signatures import validate_signatures

# Components that process strings and values from end to end.
_TEXT_COMPONENTS = frozenset(
    (
        "crypto csv gmail google_sheets html http_request if_control line_notify merge render set string_ops "
        "switch telegram text_match try_catch xml"
    ).split()
)
ENGINE_ID = "code"  # whose module runs JavaScript


@dataclass(frozen=True)
class Component:
    """A component. `sha256` is the hash of the module as published.

    `module` is the executable one: bounded memory and tables, metered and sealed. None if it is in the Worker's own
    bundle. `source` is that of a component in JavaScript, which has no module of its own (arcrun/wasm/javascript.py).
    """

    contract: Contract
    sha256: str
    module: bytes | None = None
    source: str | None = None

    @property
    def id(self) -> str:
        return self.contract.canonical_id

    @property
    def is_looked_up(self) -> bool:
        """Whether it may have been read from outside the Worker's bundle."""
        return self.module is not None or self.source is not None


@dataclass(frozen=True)
class BundledComponent:
    """A bundled component as scripts/stage.py stores it: its contract, unparsed, its hash, and the source if it is in
    JavaScript.
    """

    contract: Mapping[str, Any]
    sha256: str
    source: str | None = None


class ComponentRunner(Protocol):
    """Runs one call of a component in a fresh instance."""

    async def run(self, component: Component, stdin: str, host: HostFunctions, fuel: int = SANDBOX_FUEL) -> Execution:
        """Run a call with the budget `fuel`. Failures of the component are in the result.

        Raises ComponentError SANDBOX_UNAVAILABLE, UpstreamError RUNNER_FAILED.
        """


def fuel_of_bundled(component_id: str, cpu_ms: int | None = None) -> int:
    """The fuel of a call of a bundled component, in this isolate or moved into a sandbox."""
    rate = (
        CODE_FUEL_A_MS
        if component_id == ENGINE_ID
        else TEXT_FUEL_A_MS
        if component_id in _TEXT_COMPONENTS
        else FUEL_A_MS
    )
    return (CALL_CPU_MS if cpu_ms is None else cpu_ms) * rate


def fuel_of_stored(cpu_ms: int | None = None) -> int:
    """The fuel of a call of any other component."""
    return (SANDBOX_CALL_CPU_MS if cpu_ms is None else cpu_ms) * FUEL_A_MS


def build_component(
    contract: Contract, binary: bytes, kept: bytes | None = None, *, exposes_state: bool = False
) -> Component:
    """Check `binary` against `contract`, bound its memory and tables, and meter it. With `exposes_state` its instances
    may be reused if that is safe (reuse.py).

    `kept` is an earlier result for this module. If its seal is valid, it is only checked again, which saves the
    metering, the most expensive part; otherwise it is ignored.

    Raises ComponentError INVALID_MODULE, MODULE_TOO_LARGE, UNSUPPORTED_INSTRUCTION, UNKNOWN_IMPORT,
    CAPABILITY_NOT_DECLARED, MEMORY_LIMIT_EXCEEDED, TABLE_LIMIT_EXCEEDED.
    """
    return run_steps(build_in_steps(contract, binary, kept, exposes_state=exposes_state))


def build_in_steps(
    contract: Contract, binary: bytes, kept: bytes | None = None, *, exposes_state: bool = False
) -> Steps[Component]:
    """Like `build_component`, in steps: it takes seconds for a large module."""
    sha256 = hashlib.sha256(binary).hexdigest()
    if kept is not None and is_sealed(kept, sha256):
        return Component(contract, sha256, _check_and_bound(contract, kept))
    metered = yield from meter_in_steps(_check_and_bound(contract, binary))
    if exposes_state:
        metered = expose_state(metered)
    return Component(contract, sha256, seal_module(metered, sha256))


def _check_and_bound(contract: Contract, binary: bytes) -> bytes:
    outline = parse_module(binary)
    validate_imports(outline, contract)
    validate_signatures(binary)
    return bound_module(binary, outline, MAX_MEMORY_PAGES)


def validate_imports(outline: ModuleOutline, contract: Contract) -> None:
    """Raise ComponentError unless the contract allows every import, and the required exports exist."""
    for wanted in outline.imports:
        full_name = f"{wanted.module}.{wanted.name}"
        if not wanted.is_function or not _is_known(wanted.module, wanted.name):
            raise ComponentError(
                f"`{contract.canonical_id}` imports `{full_name}`, which arcrun does not have.",
                code="UNKNOWN_IMPORT",
                next_actions=[
                    f"Only import functions of `{WASI_MODULE}` and of `{HOST_MODULE}` "
                    f"({', '.join(sorted(HOST_FUNCTIONS))})."
                ],
                details={"import": full_name},
            )
        lent = HOST_FUNCTIONS.get(wanted.name) if wanted.module == HOST_MODULE else None
        capability = lent.capability if lent is not None else None
        if capability is not None and capability not in contract.capabilities:
            raise ComponentError(
                f"`{contract.canonical_id}` imports `{full_name}`, but its contract does not declare "
                f"the capability `{capability}`.",
                code="CAPABILITY_NOT_DECLARED",
                next_actions=[_how_to_declare(capability)],
                details={"import": full_name, "capability": capability},
            )
    wanted_exports = (("memory", IMPORTED_MEMORY), ("_start", IMPORTED_FUNCTION))
    missing = [name for name, kind in wanted_exports if outline.exports.get(name) != kind]
    if missing:
        raise ComponentError(
            f"`{contract.canonical_id}` does not export {' and '.join(f'`{name}`' for name in sorted(missing))}.",
            code="INVALID_MODULE",
            next_actions=["Build it as a WASI command (an executable, not a library)."],
        )


def _is_known(module: str, name: str) -> bool:
    return name in {WASI_MODULE: WASI_FUNCTIONS, HOST_MODULE: HOST_FUNCTIONS}.get(module, ())


def _how_to_declare(capability: str) -> str:
    if capability == "network":
        return "In contract.yaml set `constraints.no_network_syscall: false` and list `allowed_hosts`."
    return f"In contract.yaml add `capabilities: [{capability}]`."
