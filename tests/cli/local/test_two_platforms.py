"""Two `acr dev` in two folders: each folder's commands talk to its own, and stopping one leaves the other."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from acr.local.platform import find_free_ports
from workerd.local_platform import ACR, CACHE

pytestmark = pytest.mark.workerd

WORKFLOW = "name: {}\nflow:\n  - input >> PIPE >> echo\nconfig:\n  echo: {{component: set, values: {{a: 1}}}}\n"


def environment_of(config: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("ARCRUN_", "CLOUDFLARE_", "ACR_"))}
    return {**kept, "ACR_CONFIG_DIR": str(config), "ACR_CACHE_DIR": str(CACHE)}


@contextmanager
def running(folder: Path, config: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [str(ACR), "dev", "--no-seed", "--port", str(find_free_ports(4)), "--json"],
        cwd=folder,
        env=environment_of(config),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        ready = [json.loads(process.stdout.readline()) for _ in range(4)]
        assert {event["event"] for event in ready} == {"ready"}
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def acr(folder: Path, config: Path, *arguments: str, code: int = 0) -> Any:
    result = subprocess.run(
        [str(ACR), *arguments, "--json"],
        cwd=folder,
        env=environment_of(config),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == code, result.stdout + result.stderr
    return json.loads(result.stdout)


def test_each_folder_s_commands_talk_to_its_own_platform(tmp_path: Path) -> None:
    config, hello, proj2, other = (tmp_path / name for name in ("config", "hello", "proj2", "other"))
    (hello / "inner").mkdir(parents=True)
    other.mkdir()
    told = acr(other, config, "doctor", code=1)["data"]
    failed = [check for check in told["checks"] if not check["ok"]]
    assert [(check["name"], check["detail"]) for check in failed] == [("platform", "No platform to talk to.")]
    with running(hello, config):
        with running(proj2, config):
            for folder in (hello, proj2):
                (folder / "own.yaml").write_text(WORKFLOW.format(folder.name))
                acr(folder, config, "push", "own.yaml")
            for folder, name in ((hello, "hello"), (hello / "inner", "hello"), (proj2, "proj2")):
                listed = acr(folder, config, "list")["data"]["workflows"]
                assert [workflow["name"] for workflow in listed] == [name]
            assert acr(other, config, "list", code=4)["error"]["code"] == "SEVERAL_RUNNING"
        # proj2 has stopped: ./hello goes on, and is the only one for other folders.
        for folder in (hello, other):
            listed = acr(folder, config, "list")["data"]["workflows"]
            assert [workflow["name"] for workflow in listed] == ["hello"]
    assert acr(other, config, "list", code=4)["error"]["code"] == "NOT_LOGGED_IN"
    assert list((config / "running").iterdir()) == []
