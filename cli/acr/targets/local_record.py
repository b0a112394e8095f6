"""<config>/running/{pid}.json: the addresses and keys of each running `acr dev`, for other commands. Deleted when it
ends.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from acr.config.private_file import write_private


@dataclass(frozen=True)
class LocalRecord:
    """`url` is the executor's; `api_url` is Cloudflare's local REST API; `namespaces` are the KV namespaces' ids by
    binding; `keys_folder` holds the encryption keys (acr.credentials.local_keys). `folder` is the one in which
    `acr dev` was started, `started_at` when, in seconds since 1970.
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
    folder: str
    started_at: float = field(default_factory=time.time)


def save_local_record(records: Path, record: LocalRecord) -> LocalRecord | None:
    """Save this process's record for other commands. Returns the one that commands in the same folder use, if another
    `acr dev` was started there before.
    """
    write_private(_path_of(records, os.getpid()), json.dumps(asdict(record)))
    first = find_record_of(records, Path(record.folder))
    return None if first == record else first


def forget_local_record(records: Path) -> None:
    """Undo `save_local_record`."""
    _path_of(records, os.getpid()).unlink(missing_ok=True)


def find_record_of(records: Path, folder: Path) -> LocalRecord | None:
    """The `acr dev` that runs in `folder`, or in the nearest folder above it; of several in one folder, the first."""
    places = {str(place): depth for depth, place in enumerate([folder.resolve(), *folder.resolve().parents])}
    near = [record for record in list_local_records(records) if record.folder in places]
    return min(near, key=lambda record: places[record.folder], default=None)


def list_local_records(records: Path) -> list[LocalRecord]:
    """Every running `acr dev` of this user, in the order of their starts. What ended processes left is deleted."""
    return sorted(_read_all(records), key=lambda record: record.started_at)


def _path_of(records: Path, pid: int) -> Path:
    return records / f"{pid}.json"


def _read_all(records: Path) -> Iterator[LocalRecord]:
    for path in records.glob("*.json") if records.is_dir() else ():
        try:
            os.kill(int(path.stem), 0)
            yield LocalRecord(**json.loads(path.read_text(encoding="utf-8")))
        except ProcessLookupError:
            path.unlink(missing_ok=True)
        except (OSError, ValueError, TypeError):  # being written, of another version, or another user's process
            continue
