"""Which platform a command talks to: flag > environment > the running `acr dev`."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs

from acr.errors import NotLoggedInError


@dataclass(frozen=True)
class Target:
    """The executor's address and its API key."""

    url: str
    api_key: str


def config_dir() -> Path:
    return Path(os.environ.get("ACR_CONFIG_DIR") or platformdirs.user_config_dir("arcrun"))


def cache_dir() -> Path:
    return Path(os.environ.get("ACR_CACHE_DIR") or platformdirs.user_cache_dir("arcrun"))


def resolve_target(url: str | None, api_key: str | None) -> Target:
    """The target from flags, ARCRUN_URL and ARCRUN_API_KEY, or the running `acr dev`. Raises NotLoggedInError."""
    local = _read_local_target()
    url = url or os.environ.get("ARCRUN_URL") or (local.url if local else None)
    api_key = api_key or os.environ.get("ARCRUN_API_KEY") or (local.api_key if local and url == local.url else None)
    if not url:
        raise NotLoggedInError(
            "No platform to talk to.", "Start one with `acr dev`, or set ARCRUN_URL and ARCRUN_API_KEY."
        )
    if not api_key:
        raise NotLoggedInError(f"No API key for {url}.", "Set ARCRUN_API_KEY, or pass --api-key.")
    return Target(url.rstrip("/"), api_key)


def save_local_target(target: Target) -> None:
    """Let other commands find the `acr dev` that this process runs."""
    path = _local_target_path()
    write_private(path, json.dumps({**asdict(target), "pid": os.getpid()}))


def forget_local_target() -> None:
    """Undo `save_local_target`, unless another `acr dev` has been started since."""
    path = _local_target_path()
    if path.is_file() and json.loads(path.read_text()).get("pid") == os.getpid():
        path.unlink()


def write_private(path: Path, text: str) -> None:
    """Write a file that holds secrets: only its owner may read it, from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _local_target_path() -> Path:
    return config_dir() / "local.json"


def _read_local_target() -> Target | None:
    try:
        stored = json.loads(_local_target_path().read_text())
        os.kill(stored["pid"], 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Target(stored["url"], stored["api_key"])
