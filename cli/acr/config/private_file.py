"""Atomic writes of files. Files with secrets are readable by their owner only, from the first byte on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from acr.errors import CliError
from acr.system_faults import advise, explain_gone_folder, is_full

PROBE_BYTES = 64 * 1024


def write_private(path: Path, text: str) -> None:
    """Write `path` atomically, with mode 0600: an interruption leaves the old or the new contents.

    Raises CliError.
    """
    with refusing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(path, text, 0o600)


def write_whole(path: Path, text: str) -> None:
    """Write a user's file atomically, so that a full disk cannot truncate it; keeps its mode. Raises CliError."""
    with refusing(path):
        written = path.resolve()  # a link stays a link
        _replace(written, text, written.stat().st_mode & 0o7777 if written.exists() else None)


def _replace(path: Path, text: str, mode: int | None) -> None:
    """Replace `path` atomically. If `mode` is None, the umask decides."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with open(os.open(draft, flags, 0o666 if mode is None else 0o600), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        if mode is not None:
            draft.chmod(mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


@contextmanager
def refusing(path: Path, hint: str = "") -> Iterator[None]:
    """Turn an OSError of the block into a CliError that says `path` cannot be written, with `hint` as the next step."""
    try:
        yield
    except OSError as error:
        raise build_write_error(path, error, hint) from None


def build_write_error(path: Path, error: OSError, hint: str = "") -> CliError:
    """The error for a `path` that cannot be written; `hint` is the next step, unless its disk is full."""
    advice = advise(error) if is_full(error) or not hint else hint
    return explain_gone_folder() or CliError(f"{path} cannot be written: {error.strerror or error}.", advice)


def require_writable(folder: Path, hint: str = "") -> None:
    """Create `folder` if needed, and write and delete a probe file in it. Raises CliError."""
    probe = folder / f".probe.{os.getpid()}"
    with refusing(folder, hint):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with probe.open("wb") as file:
                file.write(bytes(PROBE_BYTES))
                file.flush()
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)


def make_private_folder(folder: Path) -> None:
    """Create `folder`, or set its mode, to 0700. If the current folder is in it, its mode is not changed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_worked_in(folder):
        folder.chmod(0o700)


def is_worked_in(folder: Path) -> bool:
    """Whether the current folder is `folder` or inside it."""
    return Path.cwd().is_relative_to(folder.resolve())


def make_private(path: Path) -> None:
    """Set the mode of `path` and everything below it: 0700 for folders, 0600 for files. Links are not followed."""
    if path.is_symlink() or not path.exists():
        return
    if path.is_file():
        _set_mode(path, 0o600)
    elif path.is_dir():
        _set_mode(path, 0o700)
        for inner in path.iterdir():
            make_private(inner)


def _set_mode(path: Path, mode: int) -> None:
    with suppress(FileNotFoundError):  # deleted concurrently
        if path.stat().st_mode & 0o777 != mode:
            path.chmod(mode)


def is_private(path: Path) -> bool:
    """Whether only the owner may read or write `path`."""
    return not path.stat().st_mode & 0o077


@contextmanager
def private_umask() -> Iterator[None]:
    """Within the block, this process and its children create files that only their owner can access."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
