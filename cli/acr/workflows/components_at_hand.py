"""The components of this machine: the built-in ones and those of given folders. Read when they are needed, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

from acr.config.project_paths import require_inner
from acr.errors import CliError
from acr.parts.component_folder import read_component_folder
from acr.parts.own_components import builtin_ids, is_builtin
from arcrun.contracts.model import Contract
from arcrun.contracts.parse import parse_contract
from arcrun.errors import ComponentError, ContractError
from arcrun.wasm.component import Component, build_component
from arcrun.wasm.javascript import build_javascript
from arcrun.yaml_text import YamlTextError, parse_yaml


@dataclass
class ComponentsAtHand:
    """Components by the names that workflows use, `id` or `id@v1`. `home` has the built-in ones, which take precedence
    (acr.config.platform_home); `folders` contain component folders, as those of `acr dev --components`.

    Their contracts are trusted as `acr dev` trusts them: both bundle them.
    """

    home: Path
    folders: Sequence[Path] = ()
    _found: dict[str, "_AtHand | None"] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        own = (path.parent.name for folder in self.folders for path in folder.glob("*/contract.yaml"))
        return sorted({*builtin_ids(self.home), *own})

    def find_contract(self, reference: str) -> Contract | None:
        """The contract, None if the component is not at hand. Raises ComponentError INVALID_CONTRACT; CliError."""
        found = self._find(reference)
        return None if found is None else found.contract

    def find_component(self, reference: str) -> Component | None:
        """The component with its metered module, None if it is not at hand. Raises ComponentError, CliError."""
        found = self._find(reference)
        return None if found is None else found.component

    def _find(self, reference: str) -> "_AtHand | None":
        component_id, _, version = reference.partition("@")
        if component_id not in self._found:
            self._found[component_id] = self._look_up(component_id)
        found = self._found[component_id]
        return None if found is None or version not in ("", found.contract.version) else found

    def _look_up(self, component_id: str) -> "_AtHand | None":
        if not component_id.isidentifier():
            return None
        if is_builtin(component_id, self.home):
            return _find_builtin(component_id, self.home)
        places = (folder / component_id for folder in self.folders)
        place = next((place for place in places if (place / "contract.yaml").is_file()), None)
        return None if place is None else _AtHand(place, is_ours=False)


@dataclass
class _AtHand:
    """A component in the folder `path`. `is_ours` is whether it comes with acr. Each property is read once."""

    path: Path
    is_ours: bool

    @cached_property
    def contract(self) -> Contract:
        """Raises ComponentError INVALID_CONTRACT; CliError."""
        path = self.path / "contract.yaml"
        try:
            inner = path if self.is_ours else require_inner(path, self.path.parent)
            contract = parse_contract(parse_yaml(inner.read_text(encoding="utf-8")).value)
        except (YamlTextError, ContractError, UnicodeDecodeError) as error:
            raise ComponentError(f"{path}: {_describe(error)}", code="INVALID_CONTRACT") from None
        if contract.canonical_id != self.path.name:
            message = f"{path} is the contract of `{contract.canonical_id}`: name its folder so"
            raise ComponentError(message, code="INVALID_CONTRACT")
        return replace(contract, is_ours=True)

    @cached_property
    def component(self) -> Component:
        """Raises ComponentError; CliError."""
        module = read_component_folder(self.path, is_ours=self.is_ours).module
        build = build_javascript if self.contract.is_javascript else build_component
        return build(self.contract, module)


@cache
def _find_builtin(component_id: str, home: Path) -> _AtHand:
    return _AtHand(home / "components" / component_id, is_ours=True)


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
