"""A component's folder: contract.yaml, and the module or main.js next to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from acr.config.project_paths import require_inner
from acr.errors import CliError
from arcrun.contracts.model import JAVASCRIPT
from arcrun.wasm.javascript import JAVASCRIPT_FILE
from arcrun.yaml_text import YamlTextError, parse_json_or_yaml


@dataclass(frozen=True)
class ComponentFolder:
    """The contents of a component's folder, not parsed yet. `module` is the WebAssembly, or main.js if
    `is_javascript`.
    """

    path: Path
    contract_text: str
    module: bytes
    is_javascript: bool = False


def read_component_folder(path: Path, *, is_ours: bool = False) -> ComponentFolder:
    """Read a component's folder. Raises CliError unless it has a contract.yaml and one module, or main.js if the
    contract says `runtime: javascript`, none of them a link out of the project. With `is_ours`, for folders that come
    with acr, links are allowed, as some installers create them.
    """
    contract = path / "contract.yaml"
    if not contract.is_file():
        raise CliError(f"There is no {contract}.", "Create a component: acr parts scaffold ID")
    is_javascript = _read_runtime(contract) == JAVASCRIPT
    module = _find_javascript(path) if is_javascript else _find_module(path)
    if not is_ours:
        contract, module = require_inner(contract, path), require_inner(module, path)
    try:
        text = contract.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CliError(f"{contract} is not UTF-8.") from None
    return ComponentFolder(path, text, module.read_bytes(), is_javascript)


def find_module(contract: Path) -> Path:
    """Where the module, or main.js, of the component with this contract.yaml is, whether or not it is there."""
    is_javascript = _read_runtime(contract) == JAVASCRIPT
    return contract.parent / (JAVASCRIPT_FILE if is_javascript else f"{contract.parent.name}.wasm")


def _read_runtime(contract: Path) -> object:
    """What an unchecked contract says; its review tells what is wrong with the rest."""
    try:
        return _runtime_in(contract.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=256)
def _runtime_in(contract_text: str) -> object:
    """Of most contracts, which say nothing of it, the YAML need not be read."""
    if "runtime" not in contract_text and "\\" not in contract_text:
        return None
    try:
        found = parse_json_or_yaml(contract_text)
    except YamlTextError:
        return None
    return found.get("runtime") if isinstance(found, dict) else None


def _find_javascript(path: Path) -> Path:
    """Raises CliError."""
    main = path / JAVASCRIPT_FILE
    if not main.is_file():
        raise CliError(f"There is no {JAVASCRIPT_FILE} in {path}.", f"Build the component: {_build_command(path)}")
    return main


def _find_module(path: Path) -> Path:
    """Raises CliError."""
    modules = sorted(path.glob("*.wasm"))
    named = [module for module in modules if module.stem == path.resolve().name]
    if not modules:
        raise CliError(f"There is no .wasm in {path}.", f"Build the component: {_build_command(path)}")
    if len(modules) > 1 and not named:
        names = ", ".join(module.name for module in modules)
        raise CliError(f"{path} has more than one module: {names}.", f"Keep only {path.resolve().name}.wasm.")
    return (named or modules)[0]


def require_inner_components(folders: Iterable[Path]) -> None:
    """Raises CliError if a contract or module in `folders` is a link out of the project."""
    for folder in folders:
        for contract in sorted(folder.glob("*/contract.yaml")):
            require_inner(contract, folder)
            require_inner(find_module(contract), folder)


def _build_command(path: Path) -> str:
    return str(path / "build") if (path / "build").is_file() else "see its README.md"
