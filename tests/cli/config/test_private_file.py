"""Proves that files are written atomically, even to a full disk, and with the right mode."""

import os
from pathlib import Path

import pytest

from acr.config.private_file import write_private, write_whole
from acr.errors import CliError


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes fail but renames succeed, which could replace a file by half of one."""

    def fail(_path: object, _flags: int, _mode: int = 0) -> int:
        return os.dup(full)

    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr("acr.config.private_file.os.open", fail)


@pytest.mark.parametrize("write", [write_private, write_whole])
def test_the_old_contents_stay_if_the_disk_is_full(tmp_path: Path, full_disk: None, write: object) -> None:
    path = tmp_path / "w.yaml"
    path.write_text("before")
    with pytest.raises(CliError) as refused:
        write(path, "after" * 10_000)  # type: ignore[operator]
    assert refused.value.message == f"{path} cannot be written: No space left on device."
    assert refused.value.hint == "Free some space on its disk, then run the same command again."
    assert (path.read_text(), os.listdir(tmp_path)) == ("before", ["w.yaml"])


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755])
def test_a_users_file_keeps_its_mode_and_its_link(tmp_path: Path, mode: int) -> None:
    path, link = tmp_path / "w.yaml", tmp_path / "link.yaml"
    path.write_text("before")
    path.chmod(mode)
    link.symlink_to("w.yaml")
    write_whole(link, "after\r\n")
    assert (path.read_bytes(), path.stat().st_mode & 0o777, link.is_symlink()) == (b"after\r\n", mode, True)


def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("umask", [0, 0o077])
def test_a_private_file_is_only_for_its_owner(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_private(tmp_path / "config/key", "x")
    finally:
        os.umask(before)
    modes = [(tmp_path / place).stat().st_mode & 0o777 for place in ("config", "config/key")]
    assert modes == [0o700, 0o600]
