"""Zig is installed where it is missing: once, in the pinned version, and with the next step where that fails.

The installing pip is the real one; the package is a small one of the same name, from a folder.
"""

import os
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from acr.errors import CliError
from acr.parts import zig
from acr.parts.scaffold import scaffold_component
from acr.parts.zig import ZIG_VERSION, require_zig
from workerd.local_platform import ROOT

INFO = f"ziglang-{ZIG_VERSION}.dist-info"
SYSTEM_PATH = "/usr/bin:/bin"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that pip installs from; empty. acr's own environment has no Zig."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_USER": "1"}
    for name, value in {**settings, "ACR_CACHE_DIR": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    monkeypatch.setattr(zig, "_find_installed", lambda: None)
    return folder


def write_wheel(folder: Path) -> None:
    """A wheel of ziglang whose program prints its arguments."""
    program = zipfile.ZipInfo("ziglang/zig")
    program.external_attr = 0o100755 << 16
    with zipfile.ZipFile(folder / f"ziglang-{ZIG_VERSION}-py3-none-any.whl", "w") as wheel:
        wheel.writestr(program, '#!/bin/sh\necho zig "$@"\n')
        wheel.writestr(f"{INFO}/METADATA", f"Metadata-Version: 2.1\nName: ziglang\nVersion: {ZIG_VERSION}\n")
        wheel.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{INFO}/RECORD", "")


def test_it_is_installed_once_with_a_sentence(wheels: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_wheel(wheels)
    program = require_zig()
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n"), f"Installing Zig {ZIG_VERSION}" in told.err) == ("", 1, True)
    assert subprocess.run([program, "cc"], capture_output=True, text=True, check=True).stdout == "zig cc\n"
    assert (require_zig(), capsys.readouterr().err) == (program, "")
    assert [path.name for path in (wheels.parent / "cache").iterdir()] == [f"zig-{ZIG_VERSION}"]


def test_a_package_index_that_cannot_be_reached(wheels: Path) -> None:
    with pytest.raises(CliError, match=f"could not install ziglang {ZIG_VERSION}") as refused:
        require_zig()
    assert (refused.value.code, "PyPI can be reached" in refused.value.hint) == ("ZIG_MISSING", True)
    assert "ziglang.org/download" in refused.value.hint
    assert list((wheels.parent / "cache").iterdir()) == []


def test_a_python_without_pip_takes_that_of_a_virtual_environment(
    wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wheel(wheels)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert require_zig().is_file()


def test_a_python_with_neither_pip_nor_venv(wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("sys.executable", str(bare))
    with pytest.raises(CliError, match="and so is pip") as refused:
        require_zig()
    assert (refused.value.code, "python3-venv" in refused.value.hint) == ("ZIG_MISSING", True)


@pytest.mark.parametrize(("language", "begins"), [("zig", "build-exe "), ("c", "cc -target wasm32-wasi ")])
def test_a_build_script_without_zig_asks_acr(tmp_path: Path, language: str, begins: str) -> None:
    folder = scaffold_component("shout", language, tmp_path, ROOT)
    tools = tmp_path / "the tools"  # with a space, as a user's folders may have
    tools.mkdir()
    environment = {"PATH": f"{tools}:{SYSTEM_PATH}", "PYTHON": "/bin/false"}
    command = [folder / "build"]
    missing = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (missing.returncode, missing.stdout, "Zig is missing. Next:" in missing.stderr) == (1, "", True)
    write_program(tools / "found", 'echo "$@"')
    write_program(tools / "acr", f'test "$*" = "parts zig" && echo "{tools}/found"')
    built = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert built.stdout.startswith(begins)


def test_a_build_script_ends_where_zig_cannot_be_installed(tmp_path: Path) -> None:
    folder = scaffold_component("shout", "zig", tmp_path, ROOT)
    write_program(tmp_path / "acr", "echo Error >&2; exit 1")
    environment = {"PATH": f"{tmp_path}:{SYSTEM_PATH}", "PYTHON": "/bin/false"}
    done = subprocess.run([folder / "build"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "Error\n")


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_the_version_is_the_one_that_builds_the_built_in_components() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert f"ziglang=={ZIG_VERSION}" in project["dependency-groups"]["dev"]
