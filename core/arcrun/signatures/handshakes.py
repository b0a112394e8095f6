"""Requests by which a service checks a webhook before it uses it. They start no run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from arcrun.errors import SignatureError
from arcrun.json_text import parse_json, write_json
from arcrun.limits import MAX_HANDSHAKE_BYTES
from arcrun.signatures.policy import Scheme
from arcrun.signatures.received import ReceivedRequest, build_malformed_error

_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"
_CHALLENGE = re.compile(r"[A-Za-z0-9_.=-]{1,256}", re.ASCII)
_META_FIELDS = 8


@dataclass(frozen=True)
class Handshake:
    """The answer that the service waits for."""

    status: int
    content_type: str
    body: str


def find_handshake(scheme: Scheme, request: ReceivedRequest) -> Handshake | None:
    """The answer to a handshake whose signature holds; None for any other request."""
    if scheme is Scheme.SLACK and b"url_verification" in request.body[:MAX_HANDSHAKE_BYTES]:
        event = _read_object(request.body)
        challenge = event.get("challenge")
        if event.get("type") == "url_verification" and isinstance(challenge, str):
            return Handshake(200, _JSON, write_json({"challenge": challenge}))
    if scheme is Scheme.DISCORD:
        return _answer_discord(_read_object(request.body))
    return None


def read_meta_handshake(request: ReceivedRequest) -> tuple[str, Handshake]:
    """The verify token that a GET of Meta's carries, and the answer if it is right. Raises SignatureError."""
    try:
        query = dict(parse_qsl(request.query[:MAX_HANDSHAKE_BYTES], max_num_fields=_META_FIELDS))
    except ValueError:
        query = {}
    token, challenge = query.get("hub.verify_token"), query.get("hub.challenge", "")
    if query.get("hub.mode") != "subscribe" or not token:
        raise SignatureError("The request has no `hub.verify_token`.", code="SIGNATURE_MISSING")
    if not _CHALLENGE.fullmatch(challenge):
        raise build_malformed_error("`hub.challenge` must have 1 to 256 letters or digits")
    return token, Handshake(200, _TEXT, challenge)


def _answer_discord(event: Mapping[str, Any]) -> Handshake | None:
    """An interaction of type 1 is a PING, a webhook event of type 0; a webhook event of type 1 is none."""
    kind = event.get("type")
    if type(kind) is not int or "event" in event:
        return None
    if kind == 1:
        return Handshake(200, _JSON, write_json({"type": 1}))
    return Handshake(204, _JSON, "") if kind == 0 else None


def _read_object(body: bytes) -> Mapping[str, Any]:
    """A small JSON object; empty if the body is anything else."""
    if len(body) > MAX_HANDSHAKE_BYTES:
        return {}
    try:
        value = parse_json(body.decode())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
