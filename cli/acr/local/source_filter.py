"""Decides which file changes make `acr dev` reload."""

import os
from collections.abc import Sequence
from pathlib import Path

from watchfiles import Change, DefaultFilter

from acr.config.folder_lock import USUAL_NAME
from arcrun.wasm.javascript import JAVASCRIPT_FILE

# Folders below a watched one in which nothing is a source. DefaultFilter adds .git, node_modules, .venv and others.
_IGNORED = ("build", "python_modules", USUAL_NAME)


class SourceFilter(DefaultFilter):
    """Accepts source files below `sources`; what is bundled below `components`, ID/contract.yaml, ID/ID.wasm and
    ID/main.js; and the keys in `persist`, the folder of state, of which nothing else counts, wherever it lies.
    """

    def __init__(self, persist: Path, sources: Sequence[Path], components: Sequence[Path]) -> None:
        super().__init__(ignore_dirs=(*DefaultFilter.ignore_dirs, *_IGNORED))
        self._persist = persist.resolve()
        self._components = [folder.resolve() for folder in components]
        self._sources = [folder.resolve() for folder in sources]

    def __call__(self, change: Change, path: str) -> bool:
        at = Path(os.path.abspath(path))
        if at.is_relative_to(self._persist):
            return at.is_relative_to(self._persist / "keys")
        sources = (at.relative_to(folder) for folder in self._sources if at.is_relative_to(folder))
        bundled = (at.relative_to(folder) for folder in self._components if at.is_relative_to(folder))
        return any(self._is_plain(change, inner) for inner in sources) or any(
            self._is_plain(change, inner) and _is_bundled(change, at, inner) for inner in bundled
        )

    def _is_plain(self, change: Change, inner: Path) -> bool:
        """Whether no name of the path within its watched folder is ignored; what is above that does not matter."""
        return super().__call__(change, str(inner))


def _is_bundled(change: Change, path: Path, inner: Path) -> bool:
    """Whether a change within a folder of components is one of what is bundled of them. A component's folder that is
    moved away or to there is one change.
    """
    match inner.parts:
        case (component_id, name):
            return name in ("contract.yaml", f"{component_id}.wasm", JAVASCRIPT_FILE)
        case (component_id,):
            is_there = change is not Change.deleted and (path / "contract.yaml").is_file()
            return is_there or (change is Change.deleted and component_id.isidentifier())
        case _:
            return False
