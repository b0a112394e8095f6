"""A component's folder: contract.yaml, and the module beside it."""

from dataclasses import dataclass
from pathlib import Path

from acr.errors import CliError


@dataclass(frozen=True)
class ComponentFolder:
    """What lies in it, not looked into yet."""

    path: Path
    contract_text: str
    module: bytes


def read_component_folder(path: Path) -> ComponentFolder:
    """Raises CliError unless there is a contract.yaml and one module."""
    contract = path / "contract.yaml"
    if not contract.is_file():
        raise CliError(f"There is no {contract}.", "Begin a component: acr parts scaffold ID")
    modules = sorted(path.glob("*.wasm"))
    named = [module for module in modules if module.stem == path.resolve().name]
    if not modules:
        raise CliError(f"There is no .wasm in {path}.", f"Build the component: {_build_command(path)}")
    if len(modules) > 1 and not named:
        names = ", ".join(module.name for module in modules)
        raise CliError(f"{path} has more than one module: {names}.", f"Leave {path.resolve().name}.wasm only.")
    try:
        return ComponentFolder(path, contract.read_text(encoding="utf-8"), (named or modules)[0].read_bytes())
    except UnicodeDecodeError:
        raise CliError(f"{contract} is not UTF-8.") from None


def _build_command(path: Path) -> str:
    return str(path / "build") if (path / "build").is_file() else "see its README.md"
