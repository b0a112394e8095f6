"""The components of this machine: the built-in ones and those of given folders. Read when they are needed, once."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from acr.config.project_paths import require_inner
from acr.errors import CliError
from acr.parts.component_folder import read_component_folder
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ComponentError, ContractError
from arcrun.wasm.component import Component, build_component
from arcrun.yaml_text import YamlTextError, parse_yaml


@dataclass
class ComponentsAtHand:
    """Components by the names that workflows use, `id` or `id@v1`. `home` has the built-in ones, which take precedence
    (acr.config.platform_home); `folders` contain component folders, as those of `acr dev --components`.

    Their contracts are trusted as `acr dev` trusts them: both bundle them.
    """

    home: Path
    folders: Sequence[Path] = ()
    _contracts: dict[str, Contract | ComponentError | None] = field(default_factory=dict)
    _components: dict[str, Component] = field(default_factory=dict)

    @property
    def builtin_ids(self) -> list[str]:
        return sorted(path.parent.name for path in (self.home / "components").glob("*/contract.yaml"))

    @property
    def ids(self) -> list[str]:
        own = (path.parent.name for folder in self.folders for path in folder.glob("*/contract.yaml"))
        return sorted({*self.builtin_ids, *own})

    def find_contract(self, reference: str) -> Contract | None:
        """The contract, None if the component is not at hand. Raises ComponentError INVALID_CONTRACT."""
        component_id, _, version = reference.partition("@")
        if component_id not in self._contracts:
            self._contracts[component_id] = self._read_contract(component_id)
        found = self._contracts[component_id]
        if isinstance(found, ComponentError):
            raise found
        return None if found is None or version not in ("", found.version) else found

    def find_component(self, reference: str) -> Component | None:
        """The component with its metered module, None if it is not at hand. Raises ComponentError, CliError."""
        contract = self.find_contract(reference)
        if contract is None:
            return None
        component_id = contract.canonical_id
        if component_id not in self._components:
            folder = self._find_folder(component_id)
            assert folder is not None
            read = read_component_folder(folder, is_ours=self._is_builtin(component_id))
            self._components[component_id] = build_component(contract, read.module)
        return self._components[component_id]

    def is_builtin(self, component_id: str, sha256: str) -> bool:
        """Whether `sha256` is the hash of the built-in component of this name."""
        path = self.home / "components" / component_id / f"{component_id}.wasm"
        return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256

    def _is_builtin(self, component_id: str) -> bool:
        return (self.home / "components" / component_id / "contract.yaml").is_file()

    def _find_folder(self, component_id: str) -> Path | None:
        if not component_id.isidentifier():
            return None
        places = (folder / component_id for folder in (self.home / "components", *self.folders))
        return next((place for place in places if (place / "contract.yaml").is_file()), None)

    def _read_contract(self, component_id: str) -> Contract | ComponentError | None:
        folder = self._find_folder(component_id)
        if folder is None:
            return None
        path = folder / "contract.yaml"
        try:
            inner = path if self._is_builtin(component_id) else require_inner(path, folder.parent)
            contract = parse_contract(parse_yaml(inner.read_text(encoding="utf-8")).value)
        except (YamlTextError, ContractError, UnicodeDecodeError) as error:
            return ComponentError(f"{path}: {_describe(error)}", code="INVALID_CONTRACT")
        if contract.canonical_id != component_id:
            message = f"{path} is the contract of `{contract.canonical_id}`: name its folder so"
            return ComponentError(message, code="INVALID_CONTRACT")
        return replace(contract, is_ours=True)


def require_component_folders(folders: Iterable[Path]) -> None:
    """Raises CliError NO_COMPONENTS if a folder contains no component's folder."""
    for folder in folders:
        if not any(folder.glob("*/contract.yaml")):
            raise CliError(
                f"There is no component in {folder}.",
                f"Name the folder that contains the components' folders: {folder}/ID/contract.yaml.",
                code="NO_COMPONENTS",
            )


def _describe(error: Exception) -> str:
    if isinstance(error, ContractError):
        findings = error.details.get("findings") or [{"path": "", "message": error.message}]
        return f"{findings[0]['path'] or 'it'} {findings[0]['message']}"
    return error.problem if isinstance(error, YamlTextError) else "it is not UTF-8"
