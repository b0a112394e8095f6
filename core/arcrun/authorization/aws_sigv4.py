"""AWS Signature Version 4 of a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes, urlsplit, urlunsplit

from arcrun.authorization.credential_forms import AwsKeys
from arcrun.ports import HttpRequest

ALGORITHM = "AWS4-HMAC-SHA256"
S3 = ("s3", "s3-object-lambda", "s3-outposts", "s3express")  # whose paths are encoded once, and not normalized
_CONTENT_HASH = "x-amz-content-sha256"
_SIGNED = ("content-md5", "content-type", "date", "host", "range")  # and all that begin with x-amz-
_DEFAULT_PORTS = {"http": 80, "https": 443}


def sign_request(
    request: HttpRequest, keys: AwsKeys, region: str, service: str, *, now_ms: float, body_hash: str
) -> HttpRequest:
    """The request with its signature in headers, and its URL in the form that was signed. `body_hash` is the SHA-256
    of the body in hexadecimal.
    """
    request = replace(request, url=_normalize_url(request.url, service))
    at = datetime.fromtimestamp(now_ms // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    own = ("authorization", "x-amz-date", "x-amz-security-token", _CONTENT_HASH)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in own}
    headers["x-amz-date"] = at
    if service in S3:
        headers[_CONTENT_HASH] = body_hash
    if keys.session_token:
        headers["x-amz-security-token"] = keys.session_token
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    signed = _choose_signed(request, headers)
    canonical = _render_canonical(request, service, signed, body_hash)
    to_sign = "\n".join((ALGORITHM, at, scope, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.new(_derive_key(keys, at[:8], region, service), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["authorization"] = (
        f"{ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={';'.join(signed)}, Signature={signature}"
    )
    return replace(request, headers=headers)


def _choose_signed(request: HttpRequest, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that are signed, by their names in lower case, in order; runs of spaces count as one."""
    parts = urlsplit(request.url)
    is_default = parts.port in (None, _DEFAULT_PORTS[parts.scheme])
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    lowered = {name.lower(): value for name, value in headers.items()}
    lowered["host"] = host if is_default else f"{host}:{parts.port}"
    return {
        name: " ".join(value.split())
        for name, value in sorted(lowered.items())
        if name in _SIGNED or name.startswith("x-amz-")
    }


def _render_canonical(request: HttpRequest, service: str, signed: Mapping[str, str], body_hash: str) -> str:
    parts = urlsplit(request.url)
    path = parts.path or "/"
    pairs = sorted(tuple(pair.split("=", 1)) for pair in parts.query.split("&")) if parts.query else []
    return "\n".join(
        (
            request.method,
            path if service in S3 else quote(path, safe="/~"),
            "&".join("=".join(pair) for pair in pairs),
            *(f"{name}:{value}" for name, value in signed.items()),
            "",
            ";".join(signed),
            body_hash,
        )
    )


def _normalize_url(url: str, service: str) -> str:
    """The URL as it is sent: what is signed must not be written in another way by whoever sends it."""
    parts = urlsplit(url)
    segments: list[str] = []
    for segment in parts.path.split("/")[1:]:
        decoded = unquote_to_bytes(segment)
        if decoded == b"..":
            del segments[-1:]
        elif decoded != b".":
            segments.append(quote(decoded, safe="~"))
    if parts.path.endswith(("/.", "/..")):
        segments.append("")
    if service not in S3:
        is_folder = bool(segments) and not segments[-1]
        segments = [segment for segment in segments if segment] + ([""] if is_folder else [])
        segments = [""] if segments == ["", ""] else segments
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = "&".join(f"{_encode(name)}={_encode(value)}" for name, _, value in pairs)
    return urlunsplit((parts.scheme, parts.netloc, "/" + "/".join(segments), query, ""))


def _encode(text: str) -> str:
    """What stands in a query, encoded as strictly as AWS does it."""
    return quote(unquote_to_bytes(text.replace("+", " ")), safe="~")


def _derive_key(keys: AwsKeys, day: str, region: str, service: str) -> bytes:
    key = b"AWS4" + keys.secret_access_key.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
