"""docs/components/ says what the contracts say, docs/diagnostics.md what the catalogue does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_pages_are_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/build_docs.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
