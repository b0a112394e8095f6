"""<config>/running/{pid}.json: the addresses and keys of each running `acr dev`, for other commands. Deleted when it
ends. It holds a lock on the file, which ends with it however it ends: a record that nobody holds is of a dead one.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from acr.config.private_file import write_private


@dataclass(frozen=True)
class LocalRecord:
    """`url` is the executor's; `api_url` is Cloudflare's local REST API; `namespaces` are the KV namespaces' ids by
    binding; `keys_folder` holds the encryption keys (acr.credentials.local_keys). `folder` is the one in which
    `acr dev` was started, `started_at` when, in seconds since 1970. `components` are the folders of its --components.
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
    components: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))  # a list in JSON


@dataclass
class SavedRecord:
    """This process's record, which other commands read until `forget`. `first` is the one that commands in the same
    folder use, if another `acr dev` was started there before.
    """

    path: Path
    first: LocalRecord | None
    lock: IO[bytes] = field(repr=False)

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.lock.close()


def save_local_record(records: Path, record: LocalRecord, pid: int | None = None) -> SavedRecord:
    """Save a record, of this process unless `pid` is given, and hold its lock. Raises CliError."""
    path = records / f"{pid or os.getpid()}.json"
    lock = None
    while lock is None:
        write_private(path, json.dumps(asdict(record)))
        lock = _lock_written(path)
    first = find_record_of(records, Path(record.folder))
    return SavedRecord(path, None if first == record else first, lock)


def _lock_written(path: Path) -> IO[bytes] | None:
    """The open file with its lock; None if a reader, who saw it without a lock, has deleted it."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return None
    fcntl.flock(file, fcntl.LOCK_EX)
    if path.exists():
        return file
    file.close()
    return None


def find_record_of(records: Path, folder: Path) -> LocalRecord | None:
    """The `acr dev` that runs in `folder`, or in the nearest folder above it; of several in one folder, the first."""
    places = {str(place): depth for depth, place in enumerate([folder.resolve(), *folder.resolve().parents])}
    near = [record for record in list_local_records(records) if record.folder in places]
    return min(near, key=lambda record: places[record.folder], default=None)


def list_local_records(records: Path) -> list[LocalRecord]:
    """Every running `acr dev` of this user, in the order of their starts. What ended processes left is deleted."""
    return sorted(_read_all(records), key=lambda record: record.started_at)


def _read_all(records: Path) -> Iterator[LocalRecord]:
    for path in records.glob("*.json") if records.is_dir() else ():
        try:
            with path.open("rb") as file:
                if _is_held(file):
                    yield LocalRecord(**json.load(file))
                else:
                    path.unlink(missing_ok=True)
        except (OSError, ValueError, TypeError):  # just deleted, of another version, or of another user
            continue


def _is_held(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False
