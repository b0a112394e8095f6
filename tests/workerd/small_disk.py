"""A small disk for tests, which can be filled and made read-only: a tmpfs, which requires root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

BLOCK = bytes(4096)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk; `size` as for mount, such as 60m. Skips the test if mounting is not permitted."""
    folder.mkdir()
    mounted = _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    if mounted.returncode:
        pytest.skip(f"needs a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def make_read_only(folder: Path) -> None:
    result = _run("mount", "-o", "remount,ro", str(folder))
    assert result.returncode == 0, result.stderr


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Fill the disk of `folder` completely for a while."""
    filler = folder / "filler"
    file = os.open(filler, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(file, BLOCK)
    except OSError:
        os.close(file)
    try:
        yield
    finally:
        filler.unlink()


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
