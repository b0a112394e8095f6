"""<config>/local.json: where the running `acr dev` is, and what the commands need to use it. Gone when it ends.

Of several, it is that of the first: the others are reached by ARCRUN_URL and ARCRUN_API_KEY.
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
    """Let other commands find the `acr dev` that this process runs. Where another one runs already, its record stays
    and is returned.
    """
    found = _read(path)
    if found is not None and found[0] != os.getpid():
        return found[1]
    write_private(path, json.dumps({**asdict(record), "pid": os.getpid()}))
    return None


def forget_local_record(path: Path) -> None:
    """Undo `save_local_record`; another `acr dev`'s record stays."""
    found = _read(path)
    if found is not None and found[0] == os.getpid():
        path.unlink()


def read_local_record(path: Path) -> LocalRecord | None:
    """None unless an `acr dev` is running. What an older version wrote counts as none."""
    found = _read(path)
    return None if found is None else found[1]


def _read(path: Path) -> tuple[int, LocalRecord] | None:
    """The record and its process, if that is alive and this user's."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        pid = stored.pop("pid")
        os.kill(pid, 0)
        return pid, LocalRecord(**stored)
    except (FileNotFoundError, ProcessLookupError, PermissionError, ValueError, KeyError, TypeError, AttributeError):
        return None
