"""Ctrl-C in `acr run` on a terminal: the command tells the run's id, and the run goes on to its record."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from fakes.terminal import Terminal
from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

PAUSE_MS, BEGUN_S = 6_000, 3  # the command has got the run's id by then, also on a slow machine
SLOW: dict[str, Any] = {
    "name": "interrupted",
    "flow": ["input >> PIPE >> pause"],
    "config": {"pause": {"component": "wait", "ms": PAUSE_MS}},
}
WAIT_S = 30


def interrupt(platform: LocalPlatform, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal, and press Ctrl-C when its run is under way. Returns its exit code and output."""
    with Terminal([str(ACR), *arguments], platform.environment) as terminal:
        time.sleep(BEGUN_S)
        terminal.interrupt()
        return terminal.end(), terminal.shown


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "a file"])
def test_ctrl_c_tells_the_run_which_goes_on(platform: LocalPlatform, tmp_path: Path, is_stored: bool) -> None:
    file = tmp_path / "interrupted.yaml"
    file.write_text(str(SLOW))
    if is_stored:
        assert platform.acr("push", str(file)).returncode == 0
    code, said = interrupt(platform, "run", SLOW["name"] if is_stored else str(file))
    found = re.search(r"The run (\w{26}) goes on\.", said)
    assert found, said
    assert (code, f"acr logs {found[1]}" in said, "Traceback" in said) == (130, True, False)
    with platform.executor as client:
        deadline_s = time.monotonic() + WAIT_S
        while (shown := client.get(f"/runs/{found[1]}")).status_code == 404 and time.monotonic() < deadline_s:
            time.sleep(0.2)
    record = shown.json()["data"]
    assert (record["run_id"], record["status"], record["workflow"]) == (found[1], "success", "interrupted")
    assert record["duration_ms"] >= PAUSE_MS
