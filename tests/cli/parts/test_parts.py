"""`acr parts scaffold` creates components that build and pass their own tests, in every language with an installed
toolchain; `acr parts test`: its folder, table and JSON, and its messages if something is missing.
"""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from cli.component_build import build

from workerd.local_platform import ACR

pytestmark = pytest.mark.workerd

PLACEHOLDER = re.compile("@[A-Z_]+@")
STEPS = ["contract_check", "size_check", "module_scan", "cold_start", "gherkin_tests", "determinism"]


def acr(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ACR, "parts", *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("language", ["zig", "c", "tinygo"])
def test_a_scaffolded_component_passes_its_own_tests(tmp_path: Path, language: str) -> None:
    made = acr("scaffold", "say_hello", "--lang", language, "--dir", str(tmp_path))
    folder = tmp_path / "say_hello"
    assert (made.returncode, made.stdout.strip()) == (0, str(folder))
    build(folder)
    tried = acr("test", str(folder), "--json")
    assert tried.returncode == 0, tried.stderr
    answer = json.loads(tried.stdout)
    assert answer["data"]["accepted"] is True
    assert [(step["name"], step["status"]) for step in answer["data"]["steps"]] == [(name, "passed") for name in STEPS]


@pytest.mark.parametrize("language", ["zig", "c", "tinygo", "rust", "assemblyscript"])
def test_scaffold_leaves_no_placeholder_and_a_readme(tmp_path: Path, language: str) -> None:
    acr("scaffold", "say_hello", "--lang", language, "--dir", str(tmp_path))
    folder = tmp_path / "say_hello"
    own = [path for path in folder.rglob("*") if path.is_file() and "sdk" not in path.parts]
    assert [path.name for path in own if PLACEHOLDER.search(path.read_text(encoding="utf-8"))] == []
    assert {"README.md", "contract.yaml", "build", ".gitignore"} <= {path.name for path in own}
    assert os.access(folder / "build", os.X_OK)


@pytest.mark.parametrize(
    ("component_id", "told"),
    [
        pytest.param("Shout", "is not a valid id", id="a capital"),
        pytest.param("../x", "is not a valid id", id="a path"),
        pytest.param("set", "built-in", id="a built-in's id"),
        pytest.param("there", "already exists", id="an existing folder"),
    ],
)
def test_scaffold_refuses(tmp_path: Path, component_id: str, told: str) -> None:
    (tmp_path / "there").mkdir()
    result = acr("scaffold", component_id, cwd=tmp_path)
    assert (result.returncode, told in result.stderr, "Next: " in result.stderr) == (1, True, True)
    assert list((tmp_path / "there").iterdir()) == []


def test_the_table_of_a_failure_names_step_finding_and_next_step(tmp_path: Path) -> None:
    acr("scaffold", "say_hello", "--dir", str(tmp_path))
    folder = tmp_path / "say_hello"
    contract = folder / "contract.yaml"
    contract.write_text(contract.read_text().replace("category: data", "category: food").replace("version: v1", ""))
    (folder / "say_hello.wasm").write_bytes(b"")
    result = acr("test", str(folder))
    assert (result.returncode, result.stdout) == (1, "")
    for told in ("INVALID_CONTRACT in contract_check", "version is missing", "category must be one of", "Next: "):
        assert told in result.stderr


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param([], "There is no", id="no contract"),
        pytest.param(["contract.yaml"], "There is no .wasm", id="not built"),
        pytest.param(["contract.yaml", "a.wasm", "b.wasm"], "more than one module", id="two modules"),
    ],
)
def test_a_folder_without_a_component_is_reported(tmp_path: Path, files: list[str], told: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    result = acr("test", str(tmp_path))
    assert (result.returncode, told in result.stderr, "Next: " in result.stderr) == (1, True, True)


def test_a_missing_folder_is_wrong_usage() -> None:
    assert acr("test", "/nowhere/at/all").returncode == 2
