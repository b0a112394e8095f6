"""A BlobVault over the bucket, whose runs the RunLog knows. Each piece is an object of its own, sealed as inputs of
runs are, and bound to its run, its blob and its place; the last one to the length of the whole.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from arcrun.blobs.names import BlobName, BlobPlace, build_full_error
from arcrun.engine.run_id import is_run_id
from arcrun.errors import ArcrunError, DecryptionError, HostFunctionError, NotConfiguredError
from arcrun.limits import MAX_STORED_ATTACHMENTS
from arcrun.ports import BlobStore
from arcrun.run_log.objects import RunLogObjects
from arcrun.run_log.protocol import Blobs, blob_key, blob_prefix
from arcrun.run_log.run_blobs import BLOB_PARTS
from executor.records.run_blobs import MAX_DELETED_PARTS
from executor.records.run_inputs import RunInputs, attachment_of


class StoredBlobs:
    """Implements BlobVault. `most_bytes` bounds the blobs that an object of the RunLog knows."""

    def __init__(self, objects: RunLogObjects, inputs: RunInputs, bucket: BlobStore, most_bytes: int) -> None:
        self._objects, self._inputs, self._bucket, self._most_bytes = objects, inputs, bucket, most_bytes

    async def expect(self, run_id: str) -> None:
        with _naming_failures():
            room = await self._objects.of_run(run_id).expect_blob(run_id, self._most_bytes)
        if room != "noted":
            raise build_full_error("run" if room == "run" else "account")

    async def count(self, run_id: str, size: int) -> None:
        with _naming_failures():
            await self._objects.of_run(run_id).count_blob(run_id, size)

    async def put(self, place: BlobPlace, number: int, content: bytes, size: int | None) -> None:
        with _naming_failures():
            sealed = await self._inputs.seal_part(_purpose(place, number, size), content)
            if sealed is None:
                raise NotConfiguredError("there is no key")
            await self._bucket.put(_key(place, number), sealed)

    async def get(self, name: BlobName, number: int) -> bytes | None:
        if name.number:
            key, purpose = _place_attachment(name)
        else:
            is_last = number == name.pieces - 1
            key, purpose = _key(name.place, number), _purpose(name.place, number, name.bytes if is_last else None)
        with _naming_failures():
            found = await self._bucket.get(key) if key else None
            return None if found is None else await self._inputs.open_part(purpose, found.content)

    async def discard(self, place: BlobPlace, pieces: int) -> None:
        keys = [_key(place, number) for number in range(pieces)]
        with _naming_failures():
            for start in range(0, len(keys), MAX_DELETED_PARTS):
                await self._bucket.delete(keys[start : start + MAX_DELETED_PARTS])

    async def find_origin(self, run_id: str) -> str:
        with _naming_failures():
            found = await self._objects.of_run(run_id).find(run_id) if is_run_id(run_id) else None
        return (found.get("replay_of") or "") if found is not None else ""


def _key(place: BlobPlace, number: int) -> str:
    return f"{blob_prefix(place.run_id)}{BLOB_PARTS}{place.token}/{number}"


def _purpose(place: BlobPlace, number: int, size: int | None) -> str:
    ending = "" if size is None else f", the last of {size} bytes"
    return f"piece {number} of blob {place.token} of run {place.run_id}{ending}"


def _place_attachment(name: BlobName) -> tuple[str, str]:
    """The key and the purpose of a message's attachment; no key of one that cannot be."""
    if name.number > MAX_STORED_ATTACHMENTS:
        return "", ""
    return blob_key(name.run_id, Blobs.of_attachment(name.number)), attachment_of(name.run_id, name.number)


@contextmanager
def _naming_failures() -> Iterator[None]:
    """Raises HostFunctionError for what the platform's storage and cipher raise."""
    try:
        yield
    except HostFunctionError:
        raise
    except NotConfiguredError:
        raise HostFunctionError(
            "Blobs are stored sealed, and the executor has no key for that: set ARCRUN_ENCRYPTION_KEY, acr init.",
            code="BLOBS_UNAVAILABLE",
        ) from None
    except DecryptionError:
        message = "The blob cannot be opened: its pieces are not those that were written, or its key has gone."
        raise HostFunctionError(message, code="BLOB_FAILED") from None
    except ArcrunError as error:
        failure = HostFunctionError(f"The blob cannot be read or written: {error.message}", code="BLOB_FAILED")
        failure.retriable = True
        raise failure from error
