"""R2 over the REST API: buckets, and one bucket's objects."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from acr.cloudflare.api import CloudflareApi, CloudflareError

_BUCKETS = "/r2/buckets"
PAGE_SIZE = 1000
R2_NOT_ENABLED = 10042


@dataclass(frozen=True)
class ObjectInfo:
    """`etag` is the hex MD5 of the contents, for objects written in one request. `size` is in bytes."""

    key: str
    etag: str
    size: int


def list_buckets(api: CloudflareApi) -> list[str]:
    """The buckets' names. Raises CloudflareError, with a hint if R2 is not enabled."""
    try:
        pages = list(api.fetch_pages(_BUCKETS, {"per_page": PAGE_SIZE}))
    except CloudflareError as error:
        if R2_NOT_ENABLED in error.codes:
            error.hint = "Enable R2 once in Cloudflare's dashboard: Storage & databases > R2."
        raise
    return [bucket["name"] for page in pages for bucket in page["buckets"]]


def create_bucket(api: CloudflareApi, name: str) -> None:
    api.fetch("POST", _BUCKETS, json={"name": name})


def delete_bucket(api: CloudflareApi, name: str) -> None:
    """Delete an empty bucket. One that is gone is no error. Raises CloudflareError."""
    api.delete(f"{_BUCKETS}/{name}")


class R2Bucket:
    def __init__(self, api: CloudflareApi, name: str) -> None:
        self._api, self._path = api, f"{_BUCKETS}/{name}/objects"

    def list_objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        params: dict[str, str | int] = {"per_page": PAGE_SIZE, **({"prefix": prefix} if prefix else {})}
        for page in self._api.fetch_pages(self._path, params):
            yield from (ObjectInfo(item["key"], item["etag"], item["size"]) for item in page)

    def get(self, key: str) -> bytes | None:
        try:
            return self._api.send("GET", self._object_path(key)).content
        except CloudflareError as error:
            if error.status == 404:
                return None
            raise

    def put(self, key: str, content: bytes, content_type: str = "application/octet-stream") -> None:
        self._api.fetch("PUT", self._object_path(key), content=content, headers={"Content-Type": content_type})

    def delete(self, key: str) -> None:
        self._api.delete(self._object_path(key))

    def _object_path(self, key: str) -> str:
        """The object's path. Cloudflare's API needs plain slashes, the local runtime's needs them encoded."""
        return f"{self._path}/{quote(key, safe='/' if self._api.account_id else '')}"
