"""Proves what credentials.yaml may contain, that other users may not read it, and that no error quotes a secret."""

import subprocess
from pathlib import Path

import pytest

from acr.credentials.credentials_file import find_exposure, read_credentials, select_credentials
from acr.errors import CliError

CANARY = "canary-5ecret"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "credentials.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return path


def test_strings_and_json(tmp_path: Path) -> None:
    path = write(tmp_path, 'a: "123:AbC"\nb: plain\ng: {client_id: x, scopes: [1, "é"]}\nd: 2026-01-01\npin: 0123\n')
    assert read_credentials(path) == {
        "a": "123:AbC",
        "b": "plain",
        "g": '{"client_id": "x", "scopes": [1, "é"]}',
        "d": "2026-01-01",
        "pin": "0123",
    }


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        pytest.param(f"a: {CANARY}", 0o644, "mode is 0644", id="others may read it"),
        pytest.param(f"a: {CANARY}", 0o640, "mode is 0640", id="the group may read it"),
        pytest.param(f"a: {CANARY}\na: {CANARY}", 0o600, "this is not YAML", id="twice"),
        pytest.param(f"a: '{CANARY}", 0o600, "this is not YAML", id="not closed"),
        pytest.param(f"- {CANARY}", 0o600, "must map names", id="a list"),
        pytest.param(CANARY, 0o600, "must map names", id="a text"),
        pytest.param("a: 123456", 0o600, "must be a string", id="a number"),
        pytest.param("a: true", 0o600, "must be a string", id="true"),
        pytest.param("a:", 0o600, "must be a string", id="nothing"),
        pytest.param("a: ' '", 0o600, "is empty", id="blank"),
        pytest.param("a b: x", 0o600, "not a valid credential name", id="a name with a space"),
        pytest.param("1: x", 0o600, "not a valid credential name", id="a name that is a number"),
    ],
)
def test_errors_do_not_quote_the_secret(tmp_path: Path, text: str, mode: int, message: str) -> None:
    path = write(tmp_path, text, mode)
    with pytest.raises(CliError) as raised:
        read_credentials(path)
    assert message in raised.value.message
    assert raised.value.hint != ""
    assert CANARY not in raised.value.message + raised.value.hint


def test_a_missing_file_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="does not exist") as raised:
        read_credentials(tmp_path / "credentials.yaml")
    assert "acr init" in raised.value.hint


def test_selection() -> None:
    path, known = Path("c.yaml"), {"a": "1", "b": "2"}
    assert select_credentials(known, (), path) == known
    assert select_credentials(known, ("b",), path) == {"b": "2"}
    with pytest.raises(CliError, match="has no c"):
        select_credentials(known, ("a", "c"), path)
    with pytest.raises(CliError, match="contains no credentials"):
        select_credentials({}, (), path)


def test_exposure_through_git(tmp_path: Path) -> None:
    path = write(tmp_path, "a: b")
    assert find_exposure(path) is None  # no repository
    git = ["git", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    assert "does not ignore" in (find_exposure(path) or "")
    (tmp_path / ".gitignore").write_text("credentials.yaml\n")
    assert find_exposure(path) is None
    subprocess.run([*git, "add", "-f", "credentials.yaml"], check=True)
    assert "git tracks" in (find_exposure(path) or "")
