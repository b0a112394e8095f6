"""BlobStore over an R2 binding."""

from collections.abc import Sequence
from typing import Any

from pyodide.ffi import jsnull, to_js

from arcrun.ports import Blob
from arcrun_edge.faults import naming_faults
from arcrun_edge.javascript import lend_bytes, take_bytes, to_object


class CloudflareR2:
    def __init__(self, binding: Any) -> None:
        self._bucket = binding

    async def get(self, key: str) -> Blob | None:
        with naming_faults("R2"):
            found = await self._bucket.get(key)
            if found is None or found is jsnull:
                return None
            return Blob(take_bytes(await found.arrayBuffer()), found.etag)

    async def etag(self, key: str) -> str | None:
        with naming_faults("R2"):
            found = await self._bucket.head(key)
        return None if found is None or found is jsnull else found.etag

    async def put(self, key: str, content: bytes) -> None:
        with naming_faults("R2"), lend_bytes(content) as lent:
            await self._bucket.put(key, lent)

    async def delete(self, keys: Sequence[str]) -> None:
        with naming_faults("R2"):
            await self._bucket.delete(to_js([*keys]))

    async def list(self, prefix: str) -> Sequence[str]:
        with naming_faults("R2"):
            found = await self._bucket.list(to_object({"prefix": prefix}))
        return [each.key for each in found.objects]
