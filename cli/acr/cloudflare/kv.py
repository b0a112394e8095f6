"""Workers KV over the REST API: namespaces, and one namespace's keys and values."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from acr.cloudflare.api import CloudflareApi, CloudflareError

_NAMESPACES = "/storage/kv/namespaces"
NAMESPACES_A_PAGE = 100
KEYS_A_PAGE = 1000  # the API's maximum
MAX_BULK_PAIRS = 10_000


def list_namespaces(api: CloudflareApi) -> dict[str, str]:
    """{title: id} of every namespace of the account."""
    found: dict[str, str] = {}
    page = 1
    while True:
        params = {"page": page, "per_page": NAMESPACES_A_PAGE, "order": "title", "direction": "asc"}
        listed = api.fetch("GET", _NAMESPACES, params=params)
        found |= {item["title"]: item["id"] for item in listed}
        if len(listed) < NAMESPACES_A_PAGE:
            return found
        page += 1


def create_namespace(api: CloudflareApi, title: str) -> str:
    """Create a namespace. Returns its id."""
    created: dict[str, Any] = api.fetch("POST", _NAMESPACES, json={"title": title})
    return str(created["id"])


def delete_namespace(api: CloudflareApi, namespace_id: str) -> None:
    """Delete a namespace with its values. One that is gone is no error. Raises CloudflareError."""
    api.delete(f"{_NAMESPACES}/{namespace_id}")


class KvNamespace:
    def __init__(self, api: CloudflareApi, namespace_id: str) -> None:
        self._api, self._path = api, f"{_NAMESPACES}/{namespace_id}"

    def list_keys(self, prefix: str = "") -> Iterator[str]:
        params: dict[str, str | int] = {"limit": KEYS_A_PAGE, **({"prefix": prefix} if prefix else {})}
        for page in self._api.fetch_pages(f"{self._path}/keys", params):
            yield from (item["name"] for item in page)

    def get(self, key: str) -> str | None:
        try:
            return self._api.send("GET", self._value_path(key)).text
        except CloudflareError as error:
            if error.status == 404:
                return None
            raise

    def put(self, key: str, value: str) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        self._api.fetch("PUT", self._value_path(key), content=value.encode(), headers=headers)

    def put_all(self, values: Mapping[str, str]) -> None:
        """Write all values in as few requests as the API allows. A failed batch may be partly written."""
        pairs = [{"key": key, "value": value} for key, value in values.items()]
        for start in range(0, len(pairs), MAX_BULK_PAIRS):
            self._api.fetch("PUT", f"{self._path}/bulk", json=pairs[start : start + MAX_BULK_PAIRS])

    def delete(self, key: str) -> None:
        """Delete a key. A missing key is no error, as in KV itself."""
        self._api.delete(self._value_path(key))

    def _value_path(self, key: str) -> str:
        return f"{self._path}/values/{quote(key, safe='')}"
