"""Proves that the repository contains no deployed Worker's address or secret, and that git ignores files with any."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(rb"https?://[a-z0-9-]+(\.[a-z0-9-]+)?\.workers\.dev")
SECRETS = {
    "private key": re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n"),
    "Telegram bot token": re.compile(rb"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    "Google access token": re.compile(rb"\bya29\.[A-Za-z0-9_-]{30,}"),
    "GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{36}\b"),
    "AWS key": re.compile(rb"\bAKIA[A-Z0-9]{16}\b"),
    "Slack token": re.compile(rb"\bxox[abpr]-[A-Za-z0-9-]{20,}"),
}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Every file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    paths = [name for name in listed.split("\0") if name and (ROOT / name).is_file()]
    return {name: (ROOT / name).read_bytes() for name in paths}


def test_no_address_of_a_deployed_worker(files: dict[str, bytes]) -> None:
    assert [name for name, content in files.items() if ADDRESS.search(content)] == []


@pytest.mark.parametrize("kind", SECRETS)
def test_no_secret(files: dict[str, bytes], kind: str) -> None:
    assert [name for name, content in files.items() if SECRETS[kind].search(content)] == []


@pytest.mark.parametrize(
    "name", ["credentials.yaml", "examples/credentials.yaml", ".env", ".dev.vars", ".arcrun/api-key"]
)
def test_git_ignores(name: str) -> None:
    assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
