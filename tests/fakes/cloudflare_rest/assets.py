"""Files that a Worker serves to browsers, uploaded before it: what is missing is asked for, and a token stands for all.

The session's answer names the hashes that Cloudflare does not have, in buckets; the answer to the last upload has the
token of completion, which the Worker's upload hands over.
https://developers.cloudflare.com/workers/static-assets/direct-upload/
"""

import json
import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from fakes.cloudflare_rest.answers import answer, refuse

BUCKET_FILES = 3  # more than one bucket for a handful of files
EXPIRES_S = 2**31  # nobody waits for it here

Manifest = Mapping[str, Mapping[str, Any]]
"""{path: {"hash", "size"}}"""


@dataclass
class Session:
    script: str
    manifest: Manifest
    missing: set[str]
    completion: str = ""


@dataclass
class AssetsStandIn:
    """`contents` are content types and bytes by hash. `sessions` are known by their token, which uploads show."""

    contents: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)

    def begin(self, script: str, request: httpx.Request) -> httpx.Response:
        manifest: Manifest = json.loads(request.content)["manifest"]
        missing = sorted({str(file["hash"]) for file in manifest.values()} - self.contents.keys())
        session = Session(script, manifest, set(missing))
        token = self._make_token("session")
        if not missing:
            session.completion = token
        self.sessions[token] = session
        buckets = [missing[first : first + BUCKET_FILES] for first in range(0, len(missing), BUCKET_FILES)]
        return answer({"jwt": token, "buckets": buckets})

    def upload(self, request: httpx.Request, query: Mapping[str, str]) -> httpx.Response:
        """A bucket, multipart, each part named by its hash. Its bearer is the session's token, not the account's."""
        session = self.sessions.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if session is None:
            return refuse(401, 10000, "Authentication error")
        if query.get("base64") != "true":
            return refuse(400, 10021, "Only uploads in base64 are known here.")
        for name, kind, content in read_parts(request):
            if name not in session.missing:
                return refuse(400, 10305, f"The file {name} was not asked for.")
            session.missing.discard(name)
            self.contents[name] = (kind, b64decode(content))
        if session.missing:
            return answer({"jwt": None}, status=202)
        session.completion = self._make_token("completion")
        return answer({"jwt": session.completion}, status=201)

    def find(self, script: str, token: object) -> Manifest | None:
        """The files that a token of completion stands for; None if it is none of this Worker's."""
        found = [it for it in self.sessions.values() if it.completion == token and it.script == script]
        return found[0].manifest if token and found else None

    def _make_token(self, kind: str) -> str:
        """Of the form of a JWT: wrangler reads when it ends."""
        claims = json.dumps({"exp": EXPIRES_S, "kind": kind, "number": len(self.sessions)}).encode()
        return f"e30.{urlsafe_b64encode(claims).decode().rstrip('=')}.c2lnbmF0dXJl"


def read_parts(request: httpx.Request) -> list[tuple[str, str, bytes]]:
    """Names, content types and contents of multipart/form-data (RFC 7578)."""
    boundary = b"--" + request.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    parts = []
    for part in request.read().split(b"\r\n" + boundary)[:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.findall(r' name="([^"]*)"', head.decode())[0]
        [kind] = re.findall(r"(?i)content-type: *([^\r\n;]*)", head.decode()) or [""]
        parts.append((name, kind, content))
    return parts
