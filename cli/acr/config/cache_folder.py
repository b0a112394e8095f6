"""A folder of the cache that is filled once, such as for each version of what it contains."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from acr.config.folders import cache_dir


def require_cache_folder(name: str, fill: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache. Where it is missing, `fill` fills an empty folder, which then gets the name: it
    is never seen half full, and of two processes that fill it, the first one counts. Passes on what `fill` raises.
    """
    target = cache_dir() / name
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=target.parent) as work:
        filled = Path(work) / "filled"
        filled.mkdir()
        fill(filled)
        try:
            filled.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target
