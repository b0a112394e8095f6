"""KeyValue over Cloudflare's REST API, for a namespace in another account.

Source: developers.cloudflare.com/api/resources/kv. A value is put as it is, or with its metadata as a form; a page of a
list has 10 to 1,000 keys. KV may take 60 s to show a write elsewhere.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from arcrun.cloudflare.rest_client import CloudflareRestClient, error_codes_in, read_envelope
from arcrun.errors import TenantStorageError, build_cursor_error
from arcrun.ports import HttpResponse, KeyPage, Random, read_entry

MIN_KEYS_A_PAGE = 10
MAX_SKIPPED_DIGITS = 4  # a page has at most 1,000 keys
_NAMESPACE_MISSING = 10013
_AUTH_STATUSES = frozenset({401, 403})
_AUTH_CODES = frozenset({1000, 6003, 9109, 10000})  # missing, invalid or unauthorised token


class CloudflareRestKV:
    """Every method raises UpstreamError UPSTREAM_UNAVAILABLE and TenantStorageError."""

    def __init__(self, client: CloudflareRestClient, namespace_id: str, random: Random) -> None:
        self._client, self._random = client, random
        self._path = f"/storage/kv/namespaces/{quote(namespace_id, safe='')}"

    async def get(self, key: str) -> str | None:
        response = await self._client.send("GET", self._url_of_value(key), is_envelope=False)
        if _is_missing(response):
            return None
        _require_success(response)
        return response.body.decode("utf-8", "replace")

    async def put(
        self, key: str, value: str, *, ttl_s: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        content = value.encode("utf-8", "replace")
        query = {} if ttl_s is None else {"expiration_ttl": str(ttl_s)}
        if metadata is None:
            body, content_type = content, "application/octet-stream"
        else:
            body, content_type = self._build_form(content, metadata)
        url = self._url_of_value(key, query)
        _require_success(await self._client.send("PUT", url, body=body, content_type=content_type))

    async def delete(self, key: str) -> None:
        response = await self._client.send("DELETE", self._url_of_value(key))
        if not _is_missing(response):  # an earlier attempt whose answer was lost may have deleted it
            _require_success(response)

    async def list(self, prefix: str, *, limit: int = 1000, cursor: str | None = None) -> KeyPage:
        """List keys. A page below the API's minimum is a slice of one. A cursor is `{keys to skip}.{the API's
        cursor}`.
        """
        skipped, separator, start = (cursor or "0.").partition(".")
        if not separator or not (skipped.isascii() and skipped.isdecimal() and len(skipped) <= MAX_SKIPPED_DIGITS):
            raise build_cursor_error()
        query = {"limit": str(max(limit, MIN_KEYS_A_PAGE)), "prefix": prefix, "cursor": start}
        url = self._client.access.url_of(f"{self._path}/keys", {name: text for name, text in query.items() if text})
        response = await self._client.send("GET", url)
        if cursor is not None and response.status == 400:
            raise build_cursor_error()
        envelope = _require_success(response)
        entries = tuple(read_entry(item) for item in envelope["result"])
        end = int(skipped) + limit
        if end < len(entries):
            return KeyPage(entries[int(skipped) : end], f"{end}.{start}")
        following = (envelope.get("result_info") or {}).get("cursor")
        return KeyPage(entries[int(skipped) :], f"0.{following}" if following else None)

    def _url_of_value(self, key: str, query: Mapping[str, str] | None = None) -> str:
        return self._client.access.url_of(f"{self._path}/values/{quote(key, safe='', errors='replace')}", query)

    def _build_form(self, content: bytes, metadata: Mapping[str, Any]) -> tuple[bytes, str]:
        """multipart/form-data (RFC 7578) with a boundary of 128 random bits, which no value can predict."""
        boundary = f"arcrun-{self._random.token_bytes(16).hex()}"
        fields = {"value": content, "metadata": json.dumps(metadata).encode()}
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + field + b"\r\n"
            for name, field in fields.items()
        ]
        return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def _is_missing(response: HttpResponse) -> bool:
    return response.status == 404 and _NAMESPACE_MISSING not in error_codes_in(response)


def _require_success(response: HttpResponse) -> dict[str, Any]:
    """The envelope, {} for an unwrapped value. Raises TenantStorageError."""
    if 200 <= response.status < 300:
        return read_envelope(response) or {}
    raise _build_refusal(response)


def _build_refusal(response: HttpResponse) -> TenantStorageError:
    codes = error_codes_in(response)
    details = {"status": response.status, "cloudflare_codes": list(codes)}
    if response.status in _AUTH_STATUSES or _AUTH_CODES.intersection(codes):
        return TenantStorageError(
            "Cloudflare refuses the API token that the account registered: it was revoked, has expired or lost KV.",
            code="TENANT_TOKEN_REFUSED",
            next_actions=[
                "Register again with a new token: acr init --standard",
                "See what is stored: acr account show",
            ],
            details=details,
        )
    if _NAMESPACE_MISSING in codes:
        return TenantStorageError(
            "The account's KV namespace no longer exists.",
            code="TENANT_NAMESPACE_MISSING",
            next_actions=["Make a new one and register it: acr init --standard"],
            details=details,
        )
    return TenantStorageError(
        f"Cloudflare's KV refused the request with status {response.status}.",
        next_actions=[
            "KV accepts keys of at most 512 bytes, values of 25 MiB, metadata of 1,024 bytes, a TTL of at least 60 s."
        ],
        details=details,
    )
