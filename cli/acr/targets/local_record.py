"""<config>/local.json: the running `acr dev`'s addresses and keys, for other commands. Deleted when it ends.

If several run, the file is the first one's; reach the others by ARCRUN_URL and ARCRUN_API_KEY.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acr.config.private_file import write_private


@dataclass(frozen=True)
class LocalRecord:
    """`url` is the executor's; `api_url` is Cloudflare's local REST API; `namespaces` are the KV namespaces' ids by
    binding; `keys_folder` holds the encryption keys (acr.credentials.local_keys).
    """

    url: str
    api_key: str = field(repr=False)
    api_url: str
    namespaces: Mapping[str, str]
    bucket: str
    keys_folder: str
    registry_url: str
    reviewer_key: str = field(repr=False)
    signing_key: str = field(repr=False)


def save_local_record(path: Path, record: LocalRecord) -> LocalRecord | None:
    """Save this process's record for other commands. If another `acr dev` is running, keep and return its record."""
    found = _read(path)
    if found is not None and found[0] != os.getpid():
        return found[1]
    write_private(path, json.dumps({**asdict(record), "pid": os.getpid()}))
    return None


def forget_local_record(path: Path) -> None:
    """Undo `save_local_record`; keeps another `acr dev`'s record."""
    found = _read(path)
    if found is not None and found[0] == os.getpid():
        path.unlink()


def read_local_record(path: Path) -> LocalRecord | None:
    """The running `acr dev`'s record; None if none is running, or if an older version wrote the file."""
    found = _read(path)
    return None if found is None else found[1]


def _read(path: Path) -> tuple[int, LocalRecord] | None:
    """The process id and its record, if the process is alive and this user's."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        pid = stored.pop("pid")
        os.kill(pid, 0)
        return pid, LocalRecord(**stored)
    except (FileNotFoundError, ProcessLookupError, PermissionError, ValueError, KeyError, TypeError, AttributeError):
        return None
