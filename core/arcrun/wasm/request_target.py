"""The destination of an HTTP request: its URL, the credentials in it, and redirects."""

import base64
import re
from dataclasses import replace
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit, urlunsplit

from arcrun.errors import HostFunctionError
from arcrun.ports import HttpRequest, HttpResponse

_REDIRECT_STATUSES = (301, 302, 303, 307, 308)
# Fetch standard: headers that a redirect to another origin must not carry.
_CREDENTIAL_HEADERS = ("authorization", "cookie", "proxy-authorization")
_CONTROL_BYTE = re.compile(rb"[\x00-\x1f\x7f]")
# A URL's host and port; and characters not allowed in a host: https://url.spec.whatwg.org/#forbidden-domain-code-point
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\x00-\x20\x7f#/:<>?@\[\\\]^|]+)(?::[0-9]*)?", re.ASCII)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_C0_AND_SPACE = "".join(map(chr, range(0x21)))
_REMOVED = str.maketrans("", "", "\t\n\r")
_SINGLE_DOT = re.compile(r"\.|%2e", re.IGNORECASE)
_DOUBLE_DOT = re.compile(r"(?:\.|%2e){2}", re.IGNORECASE)
_BODY_HEADERS = ("content-type", "content-length", "content-encoding", "content-language", "content-location")


def split_http_url(url: str) -> SplitResult:
    """Parse a URL. Raises HostFunctionError INVALID_URL."""
    try:
        url.encode()  # refuses half a surrogate pair
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        # `fetch` treats a backslash in it as a slash, where the path begins.
        valid = valid and "\\" not in parts.netloc and bool(_AUTHORITY.fullmatch(parts.netloc.rpartition("@")[2]))
    except ValueError:
        valid = False
    if not valid:
        raise HostFunctionError("`url` must be an absolute http or https URL.", code="INVALID_URL")
    return parts


def with_basic_authorization(request: HttpRequest) -> HttpRequest:
    """Move `user:password@` of the URL to a header (RFC 7617, in UTF-8), unless the request already has that header.

    `fetch` refuses URLs with credentials, and URLs are shown in places where a secret must not be. Raises
    HostFunctionError INVALID_URL.
    """
    parts = split_http_url(request.url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return request
    headers = dict(request.headers)
    user, _, password = userinfo.partition(":")
    credentials = [unquote_to_bytes(user), unquote_to_bytes(password)]
    if b":" in credentials[0] or _CONTROL_BYTE.search(b"".join(credentials)):
        message = "The user name in `url` must not contain a colon, and neither it nor the password control characters."
        raise HostFunctionError(message, code="INVALID_URL")
    if userinfo not in ("", ":") and "authorization" not in {name.lower() for name in headers}:
        headers["authorization"] = f"Basic {base64.b64encode(b':'.join(credentials)).decode()}"
    return replace(request, url=urlunsplit(parts._replace(netloc=host)), headers=headers)


def find_redirect(response: HttpResponse) -> str | None:
    """The location of a redirect; None if the response is not one."""
    return (response.headers.get("location") or None) if response.status in _REDIRECT_STATUSES else None


def redirect_request(request: HttpRequest, status: int, location: str) -> HttpRequest:
    """The request that follows a redirect, according to the Fetch standard (section 4.4, HTTP-redirect fetch).

    Raises HostFunctionError INVALID_REDIRECT.
    """
    try:
        url = _resolve(request.url, location)
        target = split_http_url(url)
    except (ValueError, HostFunctionError):
        raise build_redirect_error() from None
    if "\ufffd" in location:  # bytes that are not UTF-8: the URL is unknown
        raise build_redirect_error()
    method, body, stream, headers = request.method, request.body, request.stream, dict(request.headers)
    if (status in (301, 302) and method == "POST") or (status == 303 and method not in ("GET", "HEAD")):
        method, body, stream = "GET", b"", None
        headers = {key: value for key, value in headers.items() if key.lower() not in _BODY_HEADERS}
    if _origin(target) != _origin(urlsplit(request.url)):
        headers = {key: value for key, value in headers.items() if key.lower() not in _CREDENTIAL_HEADERS}
    try:
        followed = replace(request, method=method, url=url, headers=headers, body=body, stream=stream)
        return with_basic_authorization(followed)
    except HostFunctionError:
        raise build_redirect_error() from None


def _resolve(base: str, location: str) -> str:
    """`location` resolved against `base` like the URL Standard's parser, but without its lenient parsing of
    authorities: `http:///x` and `https:x` are not valid URLs, and different parsers resolve them to different hosts.

    https://url.spec.whatwg.org/#concept-basic-url-parser. Raises ValueError, HostFunctionError.
    """
    text = location.strip(_C0_AND_SPACE).translate(_REMOVED)
    text, hash_sign, fragment = text.partition("#")
    path, question_mark, query = text.partition("?")
    path = path.replace("\\", "/")
    scheme = _SCHEME.match(path)
    if scheme is not None and not path.startswith("//", scheme.end()):
        raise build_redirect_error()
    known = urlsplit(base)
    tail = f"{question_mark}{query}{hash_sign}{fragment}"
    if scheme is not None or path.startswith("//"):
        authority, slash, rest = path[scheme.end() + 2 if scheme else 2 :].partition("/")
        protocol = scheme[1].lower() if scheme else known.scheme
        return f"{protocol}://{authority}{_remove_dots(slash + rest)}{tail}"
    origin = f"{known.scheme}://{known.netloc}"
    if not path:
        kept = known.query and not question_mark
        return f"{origin}{known.path}{'?' + known.query if kept else ''}{tail}"
    folder = "" if path.startswith("/") else known.path.rpartition("/")[0] + "/"
    return f"{origin}{_remove_dots(folder + path)}{tail}"


def _remove_dots(path: str) -> str:
    """The absolute path without `.` and `..`, which may be percent-encoded. Empty segments are kept."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for at, segment in enumerate(segments):
        is_last, is_double = at == len(segments) - 1, _DOUBLE_DOT.fullmatch(segment)
        if is_double:
            del kept[-1:]
        if is_double or _SINGLE_DOT.fullmatch(segment):
            kept += [""] if is_last else []
        else:
            kept.append(segment)
    return "".join(f"/{segment}" for segment in kept)


def build_redirect_error() -> HostFunctionError:
    message = "The server redirects to a URL that is not http or https; `follow_redirects: false` returns its answer."
    return HostFunctionError(message, code="INVALID_REDIRECT")


def _origin(parts: SplitResult) -> tuple[str, str | None, int]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
