"""BlobStore over an R2 binding."""

from typing import Any

from js import Object
from pyodide.ffi import jsnull, to_js

from arcrun.ports import Blob


class CloudflareR2:
    def __init__(self, binding: Any) -> None:
        self._bucket = binding

    async def get(self, key: str) -> Blob | None:
        return await self._read(await self._bucket.get(key))

    async def get_unless(self, key: str, etag: str) -> Blob | None | bool:
        options = to_js({"onlyIf": {"etagDoesNotMatch": etag}}, dict_converter=Object.fromEntries)
        found = await self._bucket.get(key, options)
        # R2 answers an object without a body where the condition does not hold.
        if found is not jsnull and not hasattr(found, "body"):
            return True
        return await self._read(found)

    async def _read(self, found: Any) -> Blob | None:
        if found is jsnull or found is None:
            return None
        return Blob((await found.arrayBuffer()).to_bytes(), found.etag)
