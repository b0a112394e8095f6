"""The review steps without a run: the contract, the size, and the module's imports and exports."""

from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ComponentError, ContractError
from arcrun.interruptible import Steps
from arcrun.limits import MAX_CONTRACT_BYTES, MAX_JAVASCRIPT_BYTES, MAX_MEMORY_PAGES, MAX_MODULE_BYTES
from arcrun.registry.step import Step, StepName, failed, failed_by, passed
from arcrun.wasm.abi import PAGE_BYTES
from arcrun.wasm.component import Component, build_in_steps
from arcrun.wasm.host_functions import WASI_MODULE
from arcrun.wasm.module import ModuleOutline, parse_module
from arcrun.workflows.settings import RESERVED_INPUTS
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml

# Calls that open, make or change files. wasi-libc imports fd_prestat_get etc. in every program; they are not listed.
FILE_CALLS = frozenset(
    (
        "fd_allocate fd_filestat_set_size fd_filestat_set_times fd_readdir path_create_directory path_filestat_get "
        "path_filestat_set_times path_link path_open path_readlink path_remove_directory path_rename path_symlink "
        "path_unlink_file"
    ).split()
)
_SCAN_LIMIT = f"as declared, {MAX_MEMORY_PAGES * PAGE_BYTES >> 20} MiB"


def check_contract(text: str) -> tuple[Step, Contract | None]:
    """The step, and the contract if it is valid. `text` is an untrusted contract.yaml."""
    name = StepName.CONTRACT_CHECK
    if len(text.encode()) > MAX_CONTRACT_BYTES:
        return failed(name, "CONTRACT_TOO_LARGE", [f"The contract has more than {MAX_CONTRACT_BYTES >> 10} KiB."]), None
    try:
        contract = parse_contract(parse_json_or_yaml(text))
    except YamlTextError as error:
        place = f" in line {error.line}, column {error.column}" if error.line else ""
        return failed(
            name, "INVALID_YAML", [f"The contract is not YAML with JSON values: {error.problem}{place}."]
        ), None
    except ContractError as error:
        findings = [f"{item['path'] or 'the contract'} {item['message']}" for item in error.details["findings"]]
        step = failed(name, error.code, findings, next_action="See docs/contract.md for the contract format.")
        return step, None
    taken = [key for key in contract.input_keys if key in RESERVED_INPUTS]
    if taken:
        findings = [f"input_schema.properties.{key} has the name of a node setting: `{key}`" for key in taken]
        return failed(name, "INVALID_CONTRACT", findings, next_action="Give these inputs other names."), None
    return passed(name, f"{len(contract.scenarios)} scenarios", "2 scenarios"), contract


def check_size(contract: Contract, module: bytes) -> Step:
    most_bytes = MAX_JAVASCRIPT_BYTES if contract.is_javascript else MAX_MODULE_BYTES
    limit_bytes = min(contract.constraints.max_size_kb * 1024, most_bytes)
    figure, limit = f"{len(module) / 1024:.1f} KB", f"{limit_bytes >> 10} KB"
    if len(module) <= limit_bytes:
        return passed(StepName.SIZE_CHECK, figure, limit)
    allowed = f"its contract allows {contract.constraints.max_size_kb} KB, and arcrun {most_bytes >> 10} KB"
    if contract.is_javascript:
        code, what, how = "SOURCE_TOO_LARGE", "main.js", "Minify it, and bundle only what is used"
    else:
        code, what, how = "MODULE_TOO_LARGE", "The module", "Build for size, without debug information"
    return failed(
        StepName.SIZE_CHECK,
        code,
        [f"{what} has {figure}; {allowed}."],
        figure=figure,
        limit=limit,
        next_action=f"{how}, or raise constraints.max_size_kb (at most {most_bytes >> 10}).",
    )


def scan_module(contract: Contract, module: bytes) -> Steps[tuple[Step, Component | None]]:
    """The step, and the component with bounded memory and metered fuel, as the sandbox runs it."""
    name = StepName.MODULE_SCAN
    try:
        component = yield from build_in_steps(contract, module)
        outline = parse_module(module)
        _refuse_forbidden_calls(contract, outline)
    except ComponentError as error:
        return failed_by(name, error, limit=_SCAN_LIMIT), None
    pages = outline.memory.minimum_pages if outline.memory else 0
    figure = f"{len(outline.imports)} imports, {pages * PAGE_BYTES >> 10} KiB"
    return passed(name, figure, _SCAN_LIMIT), component


def _refuse_forbidden_calls(contract: Contract, outline: ModuleOutline) -> None:
    names = [wanted.name for wanted in outline.imports if wanted.module == WASI_MODULE]
    sockets = [name for name in names if name.startswith("sock_")]
    files = [name for name in names if name in FILE_CALLS] if contract.constraints.no_filesystem_syscall else []
    if not sockets and not files:
        return
    advice = (
        "Use `arcrun.http_request` instead of sockets."
        if sockets
        else "Open no files. If the toolchain adds the calls on its own, as Go's does, set "
        "constraints.no_filesystem_syscall: false; they are refused when they are made."
    )
    called = ", ".join(f"`{name}`" for name in (sockets or files))
    raise ComponentError(
        f"`{contract.canonical_id}` imports {called}, which its contract does not allow.",
        code="FORBIDDEN_IMPORT",
        next_actions=[advice],
    )
