"""A component's folder: contract.yaml and the module next to it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from acr.config.project_paths import require_inner
from acr.errors import CliError


@dataclass(frozen=True)
class ComponentFolder:
    """The contents of a component's folder, not parsed yet."""

    path: Path
    contract_text: str
    module: bytes


def read_component_folder(path: Path, *, is_ours: bool = False) -> ComponentFolder:
    """Read a component's folder. Raises CliError unless it has a contract.yaml and one module, neither a link out of
    the project. With `is_ours`, for folders that come with acr, links are allowed, as some installers create them.
    """
    contract = path / "contract.yaml"
    if not contract.is_file():
        raise CliError(f"There is no {contract}.", "Create a component: acr parts scaffold ID")
    modules = sorted(path.glob("*.wasm"))
    named = [module for module in modules if module.stem == path.resolve().name]
    if not modules:
        raise CliError(f"There is no .wasm in {path}.", f"Build the component: {_build_command(path)}")
    if len(modules) > 1 and not named:
        names = ", ".join(module.name for module in modules)
        raise CliError(f"{path} has more than one module: {names}.", f"Keep only {path.resolve().name}.wasm.")
    module = (named or modules)[0]
    if not is_ours:
        contract, module = require_inner(contract, path), require_inner(module, path)
    try:
        return ComponentFolder(path, contract.read_text(encoding="utf-8"), module.read_bytes())
    except UnicodeDecodeError:
        raise CliError(f"{contract} is not UTF-8.") from None


def require_inner_components(folders: Iterable[Path]) -> None:
    """Raises CliError if a contract or module in `folders` is a link out of the project."""
    for folder in folders:
        for contract in sorted(folder.glob("*/contract.yaml")):
            for path in (contract, contract.parent / f"{contract.parent.name}.wasm"):
                require_inner(path, folder)


def _build_command(path: Path) -> str:
    return str(path / "build") if (path / "build").is_file() else "see its README.md"
