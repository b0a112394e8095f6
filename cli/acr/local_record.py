"""<config>/local.json: where the running `acr dev` is, and what the commands need to use it. Gone when it ends."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acr.private_file import write_private


@dataclass(frozen=True)
class LocalRecord:
    """`url` is the executor's; `api_url` is Cloudflare's local REST API; `namespaces` are the KV namespaces' ids by
    binding; `keys_folder` holds the encryption keys (acr.local_keys).
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


def save_local_record(path: Path, record: LocalRecord) -> None:
    """Let other commands find the `acr dev` that this process runs."""
    write_private(path, json.dumps({**asdict(record), "pid": os.getpid()}))


def forget_local_record(path: Path) -> None:
    """Undo `save_local_record`, unless another `acr dev` has been started since."""
    if path.is_file() and json.loads(path.read_text(encoding="utf-8")).get("pid") == os.getpid():
        path.unlink()


def read_local_record(path: Path) -> LocalRecord | None:
    """None unless an `acr dev` is running. What an older version wrote counts as none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        os.kill(stored.pop("pid"), 0)
        return LocalRecord(**stored)
    except (FileNotFoundError, ProcessLookupError, ValueError, KeyError, TypeError):
        return None
