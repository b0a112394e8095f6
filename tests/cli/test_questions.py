"""The questions of `acr push` and `acr pull` on a terminal: what they ask, and what either answer does."""

from pathlib import Path

import pytest

from fakes.terminal import Terminal
from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

TEXT = "name: questioned\nflow: [input >> PIPE >> greet]\nconfig:\n  greet: {component: set, values: {text: hi}}\n"


def answer(platform: LocalPlatform, folder: Path, reply: str, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal in `folder`, and type `reply` when it asks. Returns its exit code and its output."""
    with Terminal([str(ACR), *arguments], platform.environment, folder) as terminal:
        if reply:
            terminal.read_until("[y/N]: ")
            terminal.type(reply)
        return terminal.end(), terminal.shown


def test_push_and_pull_ask_before_they_replace(platform: LocalPlatform, tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(TEXT)
    second.write_text(TEXT.replace("hi", "hello"))
    assert answer(platform, tmp_path, "", "push", "first.yaml")[0] == 0
    code, said = answer(platform, tmp_path, "n", "push", "second.yaml")
    assert code == 1
    here = tmp_path.name
    assert f"`questioned` was pushed from {here}/first.yaml; this push comes from {here}/second.yaml." in said
    assert "Replace what is stored? [y/N]: n" in said
    assert "Nothing was pushed." in said
    code, said = answer(platform, tmp_path, "y", "push", "second.yaml")
    assert (code, "Pushed questioned, version 2: ~greet" in said) == (0, True)

    code, said = answer(platform, tmp_path, "n", "pull", "questioned", "first.yaml")
    assert (code, "first.yaml differs from what is stored. Overwrite it? [y/N]: n" in said) == (1, True)
    assert first.read_text() == TEXT
    code, said = answer(platform, tmp_path, "y", "pull", "questioned", "first.yaml")
    assert (code, first.read_text()) == (0, second.read_text())
