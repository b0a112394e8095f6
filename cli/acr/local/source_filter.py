"""Decides which file changes make `acr dev` reload."""

from collections.abc import Sequence
from pathlib import Path

from watchfiles import Change, DefaultFilter

COMPONENT_SUFFIXES = (".wasm", ".yaml")


class SourceFilter(DefaultFilter):
    """Accepts source files except those that `acr dev` writes; of components, only modules and contracts."""

    def __init__(self, persist: Path, components: Sequence[Path]) -> None:
        written = [str(persist / name) for name in ("state", "workers", "plan.json")]
        ignored = (*DefaultFilter.ignore_dirs, "build", "python_modules")
        super().__init__(ignore_dirs=ignored, ignore_paths=written)
        self._persist, self._components = persist, [folder.resolve() for folder in components]

    def __call__(self, change: Change, path: str) -> bool:
        return super().__call__(change, path) and (not self._is_of_a_component(Path(path)) or _is_bundled(path))

    def _is_of_a_component(self, path: Path) -> bool:
        return not path.is_relative_to(self._persist) and any(path.is_relative_to(at) for at in self._components)


def _is_bundled(path: str) -> bool:
    return path.endswith(COMPONENT_SUFFIXES)
