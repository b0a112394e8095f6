"""What Twilio signs: the URL that it calls, then the fields of a form in the order of their names, or, of any other
body, its SHA-256 in the URL. https://www.twilio.com/docs/usage/security
"""

import hashlib
import hmac
import re
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

from arcrun.errors import SignatureError
from arcrun.limits import MAX_SIGNED_FIELDS, MAX_SIGNED_FORM_BYTES
from arcrun.signatures.received import ReceivedRequest, build_malformed_error, to_bytes

FORM = "application/x-www-form-urlencoded"
_PORTS = {"https": 443, "http": 80}
_BODY_HASH = re.compile(r"(?:^|&)bodySHA256=([0-9a-fA-F]{64})(?=&|$)", re.ASCII)
_PORT = re.compile(r":[0-9]+$", re.ASCII)


def build_twilio_payloads(url: str, request: ReceivedRequest) -> tuple[bytes, ...]:
    """The texts that Twilio may have signed: it writes the port of the URL, or omits it. Raises SignatureError."""
    content_types = [value for name, value in request.headers if name.lower() == "content-type"]
    is_form = len(content_types) == 1 and content_types[0].partition(";")[0].strip().lower() == FORM
    fields = b""
    if is_form:
        fields = _join_fields(request.body)
    elif request.body:
        _require_body_hash(request)
    parts = urlsplit(url)
    path = _find_path(parts, request)
    host = _PORT.sub("", parts.netloc)
    hosts = (host, parts.netloc if parts.netloc != host else f"{host}:{_PORTS.get(parts.scheme, 443)}")
    query = f"?{request.query}" if request.query else ""
    return tuple(to_bytes(f"{parts.scheme}://{each}{path}{query}") + fields for each in hosts)


def _find_path(parts: SplitResult, request: ReceivedRequest) -> str:
    """The path that Twilio called: the request's, or one that a proxy replaces by the webhook's."""
    if parts.path in ("", "/", request.path):
        return request.path
    if request.rest or parts.path.startswith(f"{request.path}/"):
        raise SignatureError("The request has another path than the signed one.", code="SIGNATURE_INVALID")
    return parts.path


def _join_fields(body: bytes) -> bytes:
    """Names and values without separators. Of equal values of one name Twilio signs one."""
    if len(body) > MAX_SIGNED_FORM_BYTES or body.count(b"&") >= MAX_SIGNED_FIELDS:
        raise build_malformed_error("its form has too many fields or bytes")
    pairs = set()
    for field in filter(None, body.split(b"&")):
        name, equals, value = field.partition(b"=")
        if not equals:
            raise build_malformed_error("its form has a field without `=`")
        pairs.add((_unquote(name), _unquote(value)))
    return b"".join(name + value for name, value in sorted(pairs))


def _unquote(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _require_body_hash(request: ReceivedRequest) -> None:
    found = _BODY_HASH.findall(request.query)
    if len(found) != 1:
        raise SignatureError("The request's body is not signed.", code="SIGNATURE_MISSING")
    digest = hashlib.sha256(request.body).hexdigest()
    if not hmac.compare_digest(found[0].lower(), digest):
        raise SignatureError("The request's body has another hash than the signed one.", code="SIGNATURE_INVALID")
