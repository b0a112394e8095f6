"""Proves that README and tutorial are true: a newcomer with Python, npm and pipx follows them word for word."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.docs.documents import NEEDS_ACCOUNT, PAGES, Block, read_blocks
from cli.walkthrough import KEEPS_RUNNING, Step, match_lines, open_terminal, read_steps
from cli.wheelhouse import build_wheelhouse

pytestmark = pytest.mark.workerd

FIRST_WEBHOOK = [block for block in read_blocks("README.md") if block.section == "Your first webhook"]
TUTORIAL = list(read_blocks("docs/tutorial.md"))
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheelhouse(tmp_path_factory.mktemp("wheels"))


@pytest.fixture
def environment(wheels: Path, tmp_path: Path) -> dict[str, str]:
    """A newcomer's: a home of their own with no file of arcrun's, and pipx, which installs from `wheels` alone."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "pipx").symlink_to(Path(sys.executable).parent / "pipx")
    home = tmp_path / "home"
    home.mkdir()
    npm_cache = subprocess.run(["npm", "config", "get", "cache"], capture_output=True, text=True, check=True).stdout
    return {
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:{tools}:{Path(shutil.which('npm') or '').parent}:{SYSTEM}",
        "LANG": os.environ.get("LANG", "C.UTF-8"),
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "npm_config_cache": npm_cache.strip(),
    }


def test_a_newcomer_follows_readme_and_tutorial(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    took_s = {}
    for name, blocks in {"README.md": FIRST_WEBHOOK, "docs/tutorial.md": TUTORIAL}.items():
        began_s = time.monotonic()
        with open_terminal(Path(environment["HOME"]), environment) as terminal:
            for block in blocks:
                terminal.follow(block)
        took_s[name] = time.monotonic() - began_s
        assert "Traceback" not in terminal.seen
    with capsys.disabled():
        print("\nA newcomer took " + ", ".join(f"{seconds:.0f} s for {name}" for name, seconds in took_s.items()))


def test_the_pages_show_what_a_newcomer_does() -> None:
    commands = [command for block in FIRST_WEBHOOK for command in block.commands]
    assert [command.split()[:2] for command in commands[:4]] == [
        ["pipx", "install"],
        ["acr", "new"],
        ["acr", "dev"],
        ["acr", "push"],
    ]
    assert commands[4].startswith("curl ")
    assert sum(len(block.commands) for block in TUTORIAL) >= 20


def test_only_a_deployment_needs_an_account() -> None:
    """What begins with NEEDS_ACCOUNT is not run, so it must be nothing else."""
    blocks = [block for page in PAGES for block in read_blocks(page)]
    assert [block.page for block in blocks if NEEDS_ACCOUNT in block.text and not block.needs_account] == []
    needing = [block for block in blocks if block.needs_account]
    assert [(block.page, block.section) for block in needing if "deploy" not in block.section.lower()] == []
    assert {block.page for block in needing} >= {"README.md", "docs/tutorial.md"}


@pytest.mark.parametrize(
    ("shown", "printed", "words"),
    [
        (("Pushed greet",), "Pushed greet\n", {}),
        (("Pushed greet",), "Pushed great\n", None),
        (("Pushed greet",), "Pushed greet\nand more\n", None),
        (("Pushed greet", "…"), "Pushed greet\nand more\n", {}),
        (("…", "ready"), "a\nb\nready\n", {}),
        (("…", "ready"), "a\nb\n", None),
        (("http://x/7b37…/trigger",), "http://x/0123abcd/trigger\n", {"7b37…": "0123abcd"}),
        (('{"run_id":"01M8…"}', "see 01M8…"), '{"run_id":"01A"}\nsee 01A\n', {"01M8…": "01A"}),
        (('{"run_id":"01M8…"}', "see 01M8…"), '{"run_id":"01A"}\nsee 01B\n', None),
        (("tidy  success  0.3 ms  25.2k  ████",), "tidy   success  12 ms  1.1k    ██\n", {}),
        (("tidy  success  0.3 ms",), "tidy   failed  0.3 ms\n", None),
    ],
)
def test_what_is_shown_is_compared(shown: tuple[str, ...], printed: str, words: dict[str, str] | None) -> None:
    assert match_lines(shown, printed) == words


def test_a_command_that_fails_or_says_something_else_stops_the_walk(tmp_path: Path) -> None:
    with open_terminal(tmp_path, {"PATH": SYSTEM}) as terminal:
        with pytest.raises(AssertionError, match="exit code 3"):
            terminal.run(Step("exit 3", ()), "page")
        with pytest.raises(AssertionError, match="but prints:"):
            terminal.run(Step("echo b", ("a",)), "page")
        with pytest.raises(AssertionError, match="nothing before shows"):
            terminal.run(Step("echo 7b37…", ()), "page")


def test_files_folders_and_words_carry_on(tmp_path: Path) -> None:
    first = "$ cat a.yaml\na: 1\n$ echo id-77\nid-1…\n$ mkdir x && cd x\n$ echo got id-1…\ngot id-77\n"
    second = f"$ sh -c 'echo up; exec sleep 60'  # stays: use a {KEEPS_RUNNING}\nup\n$ pwd\n…/x\n"
    page = [
        Block("page", "", "yaml", "a.yaml", "a: 1\n"),
        Block("page", "", "console", "", first),
        Block("page", "", "console", "", second),
        Block("page", "Deploy", "sh", "", f"{NEEDS_ACCOUNT}\nexit 1\n"),
    ]
    assert [step.command for step in read_steps(page[1])][:2] == ["cat a.yaml", "echo id-77"]
    with open_terminal(tmp_path, {"PATH": SYSTEM}) as terminal:
        for block in page:
            terminal.follow(block)
    assert (terminal.folder, terminal.running) == (tmp_path / "x", [])
