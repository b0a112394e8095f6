"""Proves that staging meters what it bundles, and takes over what an earlier staging made, if it is whole."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from arcrun.wasm.metering import FUEL_EXPORT
from arcrun.wasm.module import parse_module
from arcrun.wasm.seal import is_sealed, seal_module
from fixtures.modules import build_module, printing
from workerd.local_platform import ROOT

MODULE = ROOT / "components/set/set.wasm"
SHA256 = hashlib.sha256(MODULE.read_bytes()).hexdigest()
STAGED = "executor/build/components/set.wasm"


def stage(out: Path) -> bytes:
    """Stages the executor; gives its `set.wasm`."""
    subprocess.run([sys.executable, ROOT / "scripts/stage.py", "executor", "--out", out], check=True)
    return (out / STAGED).read_bytes()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("staged")


@pytest.fixture(scope="module")
def staged(out: Path) -> bytes:
    return stage(out)


def test_what_is_bundled_is_metered(staged: bytes) -> None:
    assert FUEL_EXPORT in parse_module(staged).exports
    assert is_sealed(staged, SHA256)


def test_what_was_staged_is_taken_over(out: Path, staged: bytes) -> None:
    """Seen by one that metering would not make: sealed all the same, it stays."""
    bounded = printing("1").replace('"memory") 2)', '"memory") 2 2)')
    other = seal_module(build_module(bounded), SHA256)
    (out / STAGED).write_bytes(other)
    assert stage(out) == other != staged


def test_what_is_not_whole_is_made_anew(out: Path, staged: bytes) -> None:
    (out / STAGED).write_bytes(staged[:-1])
    assert stage(out) == staged
