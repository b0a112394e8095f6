"""Seals the results of a run's steps under the platform's data key. Large ones lie in the bucket until its end."""

import base64
import hashlib

from arcrun.errors import DecryptionError
from arcrun.limits import MAX_STEP_RESULT_BYTES
from arcrun.ports import Clock
from executor.durable.lasting import Lasting
from executor.durable.patience import patiently

_IN_BUCKET = "@"  # then follows the key; base64 has none


class StepBox:
    """A Box (arcrun/durable/journal.py). `keys` are those in the bucket."""

    def __init__(self, lasting: Lasting, clock: Clock, run_id: str) -> None:
        self._runs, self._blobs, self._clock, self._run_id = lasting.runs, lasting.blobs, clock, run_id
        self.keys: set[str] = set()

    async def seal(self, name: str, content: bytes) -> str:
        sealed = await self._runs.seal_part(self._purpose(name), content)
        if len(sealed) * 4 / 3 <= MAX_STEP_RESULT_BYTES:
            return base64.b64encode(sealed).decode()
        key = f"runs/{self._run_id}/steps/{hashlib.sha256(sealed).hexdigest()[:32]}"
        await self._blobs.put(key, sealed)
        self.keys.add(key)
        return _IN_BUCKET + key

    async def open(self, name: str, sealed: str) -> bytes:
        content = await self._fetch(sealed[1:]) if sealed.startswith(_IN_BUCKET) else base64.b64decode(sealed)
        return await self._runs.open_part(self._purpose(name), content)

    async def _fetch(self, key: str) -> bytes:
        self.keys.add(key)
        if (blob := await patiently(self._clock, lambda: self._blobs.get(key))) is None:
            raise DecryptionError(f"The result of a step of run {self._run_id} is not in the bucket.")
        return blob.content

    async def clear(self) -> None:
        """Delete what lies in the bucket."""
        if self.keys:
            await self._blobs.delete(sorted(self.keys))

    def _purpose(self, name: str) -> str:
        return f"step of run {self._run_id}: {name}"
