"""Which changes make `acr dev` reload."""

from pathlib import Path

import pytest
from watchfiles import Change

from acr.local.source_filter import SourceFilter

COMPONENT = ("my_echo/contract.yaml", "my_echo/my_echo.wasm")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in folders whose names are ignored within a watched one."""
    project = tmp_path / "build/.arcrun/project"
    for name in (*COMPONENT, "empty/x", "core/arcrun/limits.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).touch()
    monkeypatch.chdir(project)
    return project


@pytest.mark.parametrize(
    ("path", "is_accepted"),
    [
        *((name, True) for name in COMPONENT),
        ("my_echo", True),
        ("empty", False),
        ("my_echo/my_echo.zig", False),
        ("my_echo/zig-out/my_echo.wasm", False),
        ("my_echo/other.wasm", False),
        ("my_echo/main.js", True),
        ("my_echo/src/main.ts", False),
        ("orders.yaml", False),
        ("core/arcrun/limits.py", True),
        ("core/node_modules/x.js", False),
        ("core/__pycache__/limits.pyc", False),
        ("node_modules/contract.yaml", False),
        (".git/contract.yaml", False),
        ("state", False),
        ("state/plan.json", False),
        ("state/holder", False),
        ("state/api-key", False),
        ("state/workers/executor/build/components/set.wasm", False),
        ("state/contract.yaml", False),
        ("state/keys/encryption-key", True),
        (".arcrun/contract.yaml", False),
        (".arcrun/keys/encryption-key", False),
    ],
)
def test_a_change(folder: Path, path: str, is_accepted: bool) -> None:
    """The state lies in the folder of components, by a relative path."""
    accepts = SourceFilter(Path("state"), [folder / "core"], [Path()])
    assert accepts(Change.modified, str(folder / path)) is is_accepted


@pytest.mark.parametrize(("name", "is_accepted"), [("moved_away", True), ("README.md", False), (".git", False)])
def test_a_folder_that_is_moved_away(folder: Path, name: str, is_accepted: bool) -> None:
    assert SourceFilter(Path("state"), [], [folder])(Change.deleted, str(folder / name)) is is_accepted
