"""Folders stay small, and the glossary matches the code."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MOST_FILES, MOST_COMMANDS = 22, 46
FOLDERS = ("core", "cli", "workers", "runtime", "scripts", "benchmarks", "tests")
STAGED = {"build", "python_modules", "__pycache__", "node_modules", ".venv", ".venv-workers"}
PACKAGES = {
    "arcrun/": "core/arcrun/",
    "arcrun_http/": "workers/http/arcrun_http/",
    "executor/": "workers/executor/src/executor/",
    "registry/": "workers/registry/src/registry/",
}
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")


def test_a_folder_holds_a_handful_of_files() -> None:
    counts = Counter(
        path.parent.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".mjs") and path.name != "__init__.py" and not STAGED & set(path.parts)
    )
    most = {"cli/acr/commands": MOST_COMMANDS}
    assert {folder: count for folder, count in counts.items() if count > most.get(folder, MOST_FILES)} == {}


@pytest.mark.parametrize("place", sorted(set(re.findall(r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", GLOSSARY))))
def test_what_the_glossary_points_to_is_there(place: str) -> None:
    package, _, rest = place.partition("/")
    assert (ROOT / (PACKAGES.get(f"{package}/", f"{package}/") + rest)).exists()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"^\| `(\w+)` \|", GLOSSARY, re.MULTILINE))))
def test_a_type_of_the_glossary_is_one(name: str) -> None:
    sources = [path for folder in ("core", "cli", "workers") for path in (ROOT / folder).rglob("*.py")]
    told = re.compile(rf"^class {name}\b", re.MULTILINE)
    assert any(told.search(path.read_text(encoding="utf-8")) for path in sources if not STAGED & set(path.parts))
