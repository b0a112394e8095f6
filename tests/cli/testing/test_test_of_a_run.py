"""A run on the real platform becomes a test that passes: `acr logs RUN --as-test > x.test.yaml && acr test`."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from workerd.local_platform import ACR, LocalPlatform

pytestmark = pytest.mark.workerd

WORKFLOW = """name: as_test
flow:
  - input >> ON_SUCCESS >> shape
  - shape >> ON_SUCCESS >> fetch
  - fetch >> ON_FAIL >> sorry
  - sorry >> ON_SUCCESS >> due
config:
  shape: {component: string_ops, operation: upper, input: "{{input.name}}"}
  fetch: {component: http_request, url: "http://127.0.0.1:9/{{shape.data.result}}"} # which the platform refuses
  sorry: {component: set, values: {name: "{{shape.data.result}}", code: "{{fetch.error.code}}", at: "{{_now}}"}}
  due: {component: set, values: {told: "{{sorry.data}}"}}
"""


def test_a_run_becomes_a_test_that_passes(platform: LocalPlatform, tmp_path: Path) -> None:
    file = tmp_path / "named_otherwise.yaml"
    file.write_text(WORKFLOW)
    for runs in ([str(file)], ["as_test"]):  # a file's run, and a stored workflow's
        if runs == ["as_test"]:
            assert platform.acr("push", str(file)).returncode == 0
        ran = json.loads(platform.acr("run", *runs, "--input", '{"name": "ada"}', "--json").stdout)
        assert ran["success"], ran
        text = read_test(platform, tmp_path, ran["run_id"])
        assert ("workflow: named_otherwise.yaml" in text, "# What the record lacks:" in text) == (True, False), text
        (tmp_path / "x.test.yaml").write_text(text)
        tested = acr(platform, tmp_path, "test", "x.test.yaml")
        assert (tested.returncode, tested.stdout) == (0, f"ok   x.test.yaml  run {ran['run_id']}\n"), tested
        (tmp_path / "x.test.yaml").write_text(text.replace("ada", "bob"))
        assert acr(platform, tmp_path, "test", "x.test.yaml").returncode == 1


def read_test(platform: LocalPlatform, folder: Path, run_id: str) -> str:
    """The test of a run, as soon as its record is written."""
    deadline = time.monotonic() + 20
    while True:
        found = acr(platform, folder, "logs", run_id, "--as-test")
        if found.returncode == 0:
            return found.stdout
        assert time.monotonic() < deadline, found.stderr
        time.sleep(0.1)


def acr(platform: LocalPlatform, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in `folder`. `acr test` gets no platform."""
    is_alone = arguments[0] == "test"
    environment = {"ACR_CONFIG_DIR": str(folder / "config")} if is_alone else platform.environment
    return subprocess.run(
        [ACR, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
