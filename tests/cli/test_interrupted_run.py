"""Ctrl-C in `acr run` on a terminal: the command tells the run's id, and the run goes on to its record."""

import os
import pty
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

SLOW: dict[str, Any] = {
    "name": "interrupted",
    "flow": ["input >> PIPE >> pause"],
    "config": {"pause": {"component": "wait", "ms": 3_000}},
}
WAIT_S = 15


def interrupt(platform: LocalPlatform, *arguments: str) -> tuple[int, str]:
    """Run a command on a terminal, and press Ctrl-C a second later. Returns its exit code and what it printed."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [str(ACR), *arguments],
        env=platform.environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    try:
        time.sleep(1.5)
        os.kill(process.pid, signal.SIGINT)
        code = process.wait(WAIT_S)
        return code, os.read(leader, 10_000).decode()
    finally:
        process.kill()
        process.wait()
        os.close(leader)


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
    assert record["duration_ms"] >= 3_000
