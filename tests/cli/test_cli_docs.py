"""Proves that docs/cli.md matches the help texts."""

import subprocess
import sys

from workerd.local_platform import ROOT


def test_the_command_line_page_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/build_cli_docs.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
