"""acr completion: each shell's script, and the completions that it requests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ACR = Path(sys.executable).parent / "acr"


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete -o"), ("zsh", "#compdef acr"), ("fish", "complete ")])
def test_the_script_of_each_shell(shell: str, mark: str) -> None:
    result = subprocess.run([ACR, "completion", shell], capture_output=True, text=True, check=False)
    assert (result.returncode, mark in result.stdout, "_ACR_COMPLETE" in result.stdout) == (0, True, True)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("acr ro", {"rollback", "rotate"}, id="a command"),
        pytest.param("acr parts sc", {"scaffold"}, id="a subcommand"),
        pytest.param("acr logs --fo", {"--follow"}, id="an option"),
        pytest.param("acr completion z", {"zsh"}, id="a choice"),
    ],
)
def test_completions(line: str, expected: set[str]) -> None:
    asked = {"_ACR_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    result = subprocess.run([ACR], env={**os.environ, **asked}, capture_output=True, text=True, check=True)
    assert {answer.partition(",")[2] for answer in result.stdout.split()} == expected
