"""acr completion: each shell's script, and the completions that it requests."""

import os
import shutil
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


CALL = """
eval "$(acr completion bash)"
compopt() {{ echo "compopt $1 $2"; }}
COMP_WORDS=({words}) COMP_CWORD={at}
_acr_completion acr
printf "<%s>\\n" "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is missing")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param(
            "acr push f", "compopt -o filenames\ncompopt -o filenames\n<flows/>\n<flows/a.yaml>\n", id="a folder"
        ),
        pytest.param("acr push 'a\\ b'", "compopt -o filenames\n<a b, c.yaml>\n", id="a name with spaces"),
        pytest.param("acr ro", "<rollback>\n<rotate>\n", id="commands"),
        pytest.param("acr push --no-such", "<>\n", id="nothing"),
    ],
)
def test_bash_gets_whole_words_and_is_told_of_files(words: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "flows").mkdir()
    for name in ("flows/a.yaml", "a b, c.yaml"):
        (tmp_path / name).write_text("")
    script = CALL.format(words=words, at=1 if words == "acr ro" else 2)
    environment = {**os.environ, "PATH": f"{ACR.parent}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "--norc", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (result.stdout, result.stderr) == (expected, "")
