"""Proves that no command reads and sends a file that a symbolic link in a project leads to outside of it."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from acr.config.project_paths import MAX_FILE_BYTES, require_inner
from acr.errors import CliError
from acr.main import main
from acr.parts.component_folder import read_component_folder
from acr.workflows.project_folder import prepare_folder
from acr.workflows.workflow_file import read_workflow_file

SECRET = "name: stolen-secret"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, next to a file outside the project."""
    folder = tmp_path / "project"
    (folder / "workflows").mkdir(parents=True)
    (folder / "own.yaml").write_text("name: own")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.yaml").write_text(SECRET)
    (tmp_path / "outside/secret.yaml").chmod(0o600)
    monkeypatch.chdir(folder)
    return folder


def link(place: Path, target: str | Path) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)
    return place


def component(folder: Path, **links: Path) -> None:
    """Write a component to `folder`, with `contract` or `module` as a link."""
    folder.mkdir(parents=True)
    for kind, name in (("contract", "contract.yaml"), ("module", f"{folder.name}.wasm")):
        if kind in links:
            link(folder / name, links[kind])
        else:
            (folder / name).write_text("")


Make = Callable[[Path, Path], object]
WAYS_OUT: dict[str, Make] = {
    "a link": link,
    "a relative link": lambda place, _: link(place, "../outside/secret.yaml"),
    "a link to a link": lambda place, secret: link(place, link(place.with_name("between"), secret)),
    "a file behind a linked folder": lambda place, secret: link(place.parent / "linked", secret.parent),
    "a link that climbs": lambda place, _: link(place, "workflows/../../outside/secret.yaml"),
}


@pytest.mark.parametrize("make", WAYS_OUT.values(), ids=WAYS_OUT.keys())
def test_a_link_out_of_the_project_is_refused(project: Path, make: Make) -> None:
    place = project / "w.yaml"
    make(place, project.parent / "outside/secret.yaml")
    path = Path("linked/secret.yaml") if (project / "linked").exists() else Path("w.yaml")
    with pytest.raises(CliError) as refused:
        require_inner(path)
    assert refused.value.code == "LINK_LEADS_OUT"
    assert str(project.parent / "outside/secret.yaml") in refused.value.hint


@pytest.mark.parametrize(
    ("place", "target"),
    [
        pytest.param("w.yaml", "own.yaml", id="beside it"),
        pytest.param("workflows/w.yaml", "../own.yaml", id="from a folder within"),
        pytest.param("workflows/w.yaml", "../../project/own.yaml", id="out and in again"),
    ],
)
def test_a_link_within_the_project_is_followed(project: Path, place: str, target: str) -> None:
    link(project / place, target)
    assert require_inner(Path(place)).read_text() == "name: own"
    assert require_inner(project / place).read_text() == "name: own"


def test_the_project_is_the_folder_with_arcrun_yaml(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link(project / "workflows/w.yaml", "../own.yaml")
    monkeypatch.chdir(project / "workflows")
    with pytest.raises(CliError):
        require_inner(Path("w.yaml"))
    (project / "arcrun.yaml").write_text("")
    assert require_inner(Path("w.yaml")).read_text() == "name: own"


def test_a_file_outside_that_is_named_directly_is_read(project: Path) -> None:
    secret = project.parent / "outside/secret.yaml"
    assert require_inner(secret) == require_inner(Path("../outside/secret.yaml")) == secret
    link(project.parent / "outside/w.yaml", project / "own.yaml")
    with pytest.raises(CliError):
        require_inner(Path("../outside/w.yaml"))


def test_a_project_behind_a_link_counts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Like /tmp on some systems."""
    behind = link(project.parent / "behind", project)
    monkeypatch.chdir(behind)
    assert require_inner(Path("own.yaml")) == require_inner(behind / "own.yaml") == project / "own.yaml"


def test_a_shell_pipe_is_read(project: Path) -> None:
    assert require_inner(Path("/dev/stdin"))
    assert require_inner(Path("/dev/fd/0"))


SECRET_PATH = "../outside/secret.yaml"
COMMANDS: dict[str, list[str]] = {
    "push": ["push", "w.yaml"],
    "validate": ["validate", "w.yaml", "own.yaml", "--offline"],
    "upgrade": ["upgrade", "w.yaml"],
    "run": ["run", "w.yaml"],
    "run with an input": ["run", "own.yaml", "--input", "@w.yaml"],
    "creds push": ["creds", "push", "--file", "w.yaml"],
    "parts publish, a contract": ["parts", "publish", "contract_out"],
    "parts publish, a module": ["parts", "publish", "module_out"],
    "parts publish, the folder": ["parts", "publish", "folder_out"],
    "parts test, a contract": ["parts", "test", "contract_out"],
    "parts test, a module": ["parts", "test", "module_out"],
    "deploy, into the bundle": ["deploy", "--dry-run", "--bundle", "--components", "."],
    "deploy, from a folder that leads out": ["deploy", "--dry-run", "--bundle", "--components", "components_out"],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS.keys())
def test_every_command_that_sends_files_refuses(
    project: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    outside = project.parent / "outside"
    link(project / "w.yaml", outside / "secret.yaml")
    component(project / "contract_out", contract=outside / "secret.yaml")
    component(project / "module_out", module=outside / "secret.yaml")
    component(outside / "folder_out")
    link(project / "folder_out", outside / "folder_out")
    link(project / "components_out", outside)
    for name, value in (("ARCRUN_URL", "http://127.0.0.1:9"), ("ARCRUN_API_KEY", "k")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ARCRUN_REGISTRY_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ACR_CONFIG_DIR", str(project / "config"))
    monkeypatch.setattr(sys, "argv", ["acr", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    said = "".join(capsys.readouterr())
    assert (stopped.value.code, "Error LINK_LEADS_OUT: " in said, "\nNext: " in said) == (1, True, True), said
    assert "stolen-secret" not in said
    assert (outside / "secret.yaml").read_text() == SECRET


def test_files_that_come_with_acr_may_be_links(project: Path) -> None:
    """Some installers create each file as a link."""
    component(project / "ours", contract=project.parent / "outside/secret.yaml")
    assert read_component_folder(project / "ours", is_ours=True).contract_text == SECRET


@pytest.mark.parametrize(
    ("path", "code"), [("fifo", "NOT_A_FILE"), ("/dev/zero", "NOT_A_FILE"), ("large.yaml", "FILE_TOO_LARGE")]
)
def test_endless_files_are_not_read(tmp_path: Path, path: str, code: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "large.yaml").write_bytes(bytes(MAX_FILE_BYTES + 1))
    with pytest.raises(CliError) as refused:
        read_workflow_file(tmp_path / path)
    assert refused.value.code == code


def test_a_gitignore_that_leads_out_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").write_text("kept\n")
    (tmp_path / "project/.gitignore").symlink_to(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(CliError) as refused:
        prepare_folder(Path())
    assert (refused.value.code, (tmp_path / "elsewhere").read_text()) == ("LINK_LEADS_OUT", "kept\n")
