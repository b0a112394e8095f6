"""A folder of the cache that is filled once, such as for each version of what it contains."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from acr.config.folders import cache_dir
from acr.config.private_file import refusing
from acr.output.terminal import say

_HINT = "Name another folder: ACR_CACHE_DIR"


def require_cache_folder(name: str, fill: Callable[[Path], None], is_whole: Callable[[Path], bool]) -> Path:
    """The folder `name` of the cache. Where it is missing or not whole, `fill` fills an empty folder, which then gets
    the name: it is never seen half full, and of two processes that need it, one fills it and the other waits.

    Raises CliError if the cache cannot be written, and what `fill` raises.
    """
    target = cache_dir() / name
    if is_whole(target):
        return target
    with refusing(cache_dir(), _HINT):
        cache_dir().mkdir(parents=True, exist_ok=True)
    with _alone_in(cache_dir()):
        if not is_whole(target):  # nobody filled it meanwhile
            _replace(target, fill)
    return target


def _replace(target: Path, fill: Callable[[Path], None]) -> None:
    for left_over in target.parent.glob(f"{target.name}-*"):  # by a process that was killed
        shutil.rmtree(left_over, ignore_errors=True)
    with refusing(target.parent, _HINT):
        work = tempfile.TemporaryDirectory(prefix=f"{target.name}-", dir=target.parent)
    with work:
        filled = Path(work.name) / "filled"
        filled.mkdir()
        fill(filled)
        with refusing(target, _HINT):
            if target.exists():
                target.rename(Path(work.name) / "damaged")
            filled.rename(target)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold the folder's lock until the block or the process ends; wait for a process that holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"Waiting for another `acr`, which installs into {folder} ...", err=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
