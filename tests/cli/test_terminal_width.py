"""On a terminal of 80 columns nothing that must be copied is cut: the terminal wraps, acr does not."""

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from fakes.terminal import COLUMNS, Terminal
from workerd.local_platform import ACR, ROOT, LocalPlatform

pytestmark = pytest.mark.workerd


def on_a_terminal(platform: LocalPlatform, arguments: Sequence[str], folder: Path) -> str:
    """What a command prints on a terminal of 80 columns, stdout and stderr."""
    with Terminal([str(ACR), *arguments], platform.environment, folder) as terminal:
        assert terminal.end() in (0, 1)
        return terminal.shown


@pytest.fixture
def stored(platform: LocalPlatform) -> tuple[str, str]:
    """A workflow with a long name: its webhook's URL and the id of a run of it."""
    text = (ROOT / "examples/workflows/greet.yaml").read_text()
    file = platform.folder / "long.yaml"
    file.write_text(text.replace("name: greet", "name: a_workflow_with_a_name_of_forty_characters"))
    url = platform.acr("push", str(file)).stdout.strip()
    failed = platform.acr("run", "a_workflow_with_a_name_of_forty_characters", "--async", "--input", '{"name": 7}')
    run_id = failed.stdout.strip()
    platform.acr("logs", run_id, "--follow")
    return url, run_id


@pytest.mark.parametrize("command", ["push", "list", "rotate"])
def test_webhook_urls_are_whole(platform: LocalPlatform, stored: tuple[str, str], command: str, tmp_path: Path) -> None:
    calls = {
        "push": ["push", str(platform.folder / "long.yaml")],
        "list": ["list"],
        "rotate": ["rotate", "a_workflow_with_a_name_of_forty_characters"],
    }
    said = on_a_terminal(platform, calls[command], tmp_path)
    if command == "rotate":  # a new URL, which works
        [url] = [word for word in said.split() if word.startswith("http://")]
        assert httpx.post(url, json={"name": "Ada"}, timeout=60).json()["success"] is True
    else:
        assert stored[0] in said


def test_run_ids_are_whole_in_lists_and_timelines(
    platform: LocalPlatform, stored: tuple[str, str], tmp_path: Path
) -> None:
    _, run_id = stored
    listed = on_a_terminal(platform, ["logs", "--limit", "3"], tmp_path)
    assert run_id in listed
    assert "a_workflow_with_a_name_of_forty_characters" in listed
    shown = on_a_terminal(platform, ["logs", run_id], tmp_path)
    assert f"run {run_id}" in shown
    rows = [line for line in shown.splitlines() if "█" in line]
    assert rows
    assert all(len(strip(line)) <= COLUMNS for line in rows)


def test_a_trace_keeps_its_run_id(platform: LocalPlatform, stored: tuple[str, str], tmp_path: Path) -> None:
    said = on_a_terminal(
        platform, ["run", "a_workflow_with_a_name_of_forty_characters", "--input", '{"name": "Ada"}'], tmp_path
    )
    last = strip(said.split("run 0")[1].splitlines()[0])
    run_id = f"0{last.split()[0]}"
    assert platform.acr("logs", run_id, "--follow").returncode == 0


def strip(line: str) -> str:
    """The line without escape sequences of colours."""
    kept, is_control = "", False
    for character in line:
        if character == "\x1b":
            is_control = True
        elif not is_control:
            kept += character
        elif character.isalpha():
            is_control = False
    return kept.rstrip()
