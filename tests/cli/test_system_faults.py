"""What the system refuses is a sentence with a next step, no traceback: paths, a deleted folder, closed streams."""

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cli.conftest import RunAcr

from acr.config.private_file import build_write_error
from acr.system_faults import explain_system_fault
from workerd.local_platform import ACR

STDOUT_LOST = "Error STDOUT_LOST: stdout cannot be written: "


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "Free some space on its disk, then run the same command again."),
        (errno.EDQUOT, "Free some space on its disk, then run the same command again."),
        (errno.EROFS, "Nothing can be written there: name another folder."),
        (errno.EACCES, "Check its permissions, then run the same command again."),
        (errno.EPERM, "Check its permissions, then run the same command again."),
        (errno.ENOTDIR, "Check this path; if it is in one of acr's own folders, see ACR_CONFIG_DIR and ACR_CACHE_DIR."),
        (errno.ELOOP, "Check this path; if it is in one of acr's own folders, see ACR_CONFIG_DIR and ACR_CACHE_DIR."),
    ],
    ids=errno.errorcode.get,
)
def test_each_has_its_next_step(code: int, advice: str) -> None:
    explained = explain_system_fault(OSError(code, os.strerror(code), "/some/file"))
    assert explained is not None
    assert (explained.message, explained.hint) == (f"/some/file: {os.strerror(code)}.", advice)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EIO, "Input/output error"), "Input/output error."),
        (OSError("odd"), "odd."),
        (OSError(), "OSError."),
    ],
)
def test_without_a_file(error: OSError, message: str) -> None:
    explained = explain_system_fault(error)
    assert explained is not None
    assert (explained.message, explained.hint) == (message, "ACR_DEBUG=1 shows where it happened.")


def test_a_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch, run_acr: RunAcr) -> None:
    monkeypatch.setenv("ACR_CONFIG_DIR", os.devnull)
    said = run_acr("list", "--json")
    assert (said.code, json.loads(said.stdout)["error"]["message"]) == (1, "/dev/null/config.json: Not a directory.")
    assert said.stderr.startswith("Error: /dev/null/config.json: Not a directory.\nNext: Check this path")
    monkeypatch.setenv("ACR_DEBUG", "1")
    with pytest.raises(NotADirectoryError):
        run_acr("list")


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["new", "greet"], ["dev"], ["init"], ["doctor"], ["creds", "list"], ["parts", "scaffold", "mine"]],
    ids=" ".join,
)
def test_a_current_folder_that_has_been_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_acr: RunAcr, arguments: list[str]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    told = "Error NO_CURRENT_FOLDER: The current folder no longer exists.\nNext: Go to one that does: cd DIR\n"
    assert run_acr(*arguments) == (1, "", told)


def test_a_file_that_cannot_be_written_there_is_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert build_write_error(Path("x"), missing).message == "x cannot be written: No such file or directory."
    (tmp_path / "gone").rmdir()
    assert build_write_error(Path("x"), missing).code == "NO_CURRENT_FOLDER"


def close_stdout() -> None:
    os.close(1)


def fill_stdout() -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)


@pytest.mark.workerd
@pytest.mark.parametrize(
    ("spoil", "reason"), [(close_stdout, "Bad file descriptor"), (fill_stdout, "No space left on device")]
)
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["parts", "list"], 1),
        (["parts", "list", "--json"], 1),
        (["--version"], 1),
        (["--help"], 1),
        (["list", "--json"], 4),
        (["bogus", "--json"], 2),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, list) else "",
)
def test_a_stdout_that_cannot_be_written(
    tmp_path: Path, arguments: list[str], code: int, spoil: Callable[[], None], reason: str
) -> None:
    """An error that is not about stdout keeps its exit code, and its words on stderr."""
    environment = {**os.environ, "ACR_CONFIG_DIR": str(tmp_path)}
    result = subprocess.run(
        [ACR, *arguments], env=environment, stderr=subprocess.PIPE, text=True, check=False, preexec_fn=spoil
    )
    assert (result.returncode, "Error" in result.stderr, "Traceback" in result.stderr) == (code, True, False)
    assert (f"{STDOUT_LOST}{reason}.\nNext: " in result.stderr) is (code == 1)


def close_all() -> None:
    for number in range(3):
        os.close(number)


@pytest.mark.workerd
def test_with_every_stream_closed_a_command_does_its_work(tmp_path: Path) -> None:
    """And fails only in telling of it. No file that it writes gets a stream's number."""
    written = {}
    for name, spoil in (("open", None), ("closed", close_all)):
        folder = tmp_path / name
        folder.mkdir()
        environment = {**os.environ, "ACR_CONFIG_DIR": str(tmp_path / "config")}
        command = [str(ACR), "new", "greet", "--json"]
        result = subprocess.run(command, cwd=folder, env=environment, check=False, preexec_fn=spoil)
        files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        written[name] = (result.returncode, files)
    assert written["open"][0] == 0
    assert written["closed"] == (1, written["open"][1])
