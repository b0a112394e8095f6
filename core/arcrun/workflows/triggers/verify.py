"""`verify` of a webhook -> VerifyPolicy."""

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from arcrun.credentials.record import NAME_PATTERN
from arcrun.limits import MAX_TOLERANCE_S, MAX_VERIFY_CHARACTERS
from arcrun.signatures.policy import DEFAULT_TOLERANCE_S, PAYLOAD_FIELD, Scheme, SignatureFormat, VerifyPolicy
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.settings import Reader

SCHEMES = tuple(scheme.value for scheme in Scheme)
# What each scheme takes besides `scheme` and `credential`, and which of it it needs.
_KEYS: Mapping[Scheme, tuple[str, ...]] = {
    **dict.fromkeys((Scheme.STRIPE, Scheme.SLACK, Scheme.DISCORD, Scheme.STANDARD_WEBHOOKS), ("tolerance_s",)),
    Scheme.TWILIO: ("url",),
    Scheme.META: ("verify_token",),
    Scheme.HMAC: ("header", "algorithm", "encoding", "prefix", "timestamp_header", "payload", "tolerance_s"),
    Scheme.HEADER: ("header", "prefix"),
}
_NEEDED: Mapping[Scheme, tuple[str, str]] = {
    Scheme.TWILIO: ("url", "url: https://arcrun.example.com, the address in the webhook's URL that Twilio calls"),
    Scheme.HMAC: ("header", "header: x-signature, the one that has the signature"),
    Scheme.HEADER: ("header", "header: x-webhook-secret, the one that has the secret"),
}
_ALGORITHMS, _ENCODINGS = ("sha256", "sha1", "sha512"), ("hex", "base64")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}", re.ASCII)  # RFC 9110, 5.6.2
_PAYLOAD_FIELDS = ("body", "timestamp", "method", "path", "query")
_EXAMPLE = "verify: {scheme: github, credential: github_secret}"


def parse_verify(findings: Findings, value: Any, at: Path) -> VerifyPolicy | None:
    """The policy; None if the value has errors, each of which is among the findings."""
    told = len(findings.found)
    given = value if isinstance(value, Mapping) else {}
    name = given.get("scheme")
    scheme = Scheme(name) if name in SCHEMES else None
    known = _KEYS.get(scheme, ()) if scheme else tuple({key: None for keys in _KEYS.values() for key in keys})
    reader = Reader(findings, value, at, ("scheme", "credential", *known))
    if not isinstance(value, Mapping):
        return None
    _check_scheme(findings, given, at)
    credentials = _parse_credentials(findings, given, at)
    if scheme is None or credentials is None:
        return None
    key, example = _NEEDED.get(scheme, ("", ""))
    if key and key not in given:
        findings.add("INVALID_SETTING", f"`verify` with the scheme {scheme} needs `{key}`", example, at=at)
    texts = _Texts(findings, given, at)
    policy = VerifyPolicy(
        scheme,
        credentials,
        reader.number("tolerance_s", DEFAULT_TOLERANCE_S, 1, MAX_TOLERANCE_S),
        _parse_format(findings, reader, texts, given, at) if scheme in (Scheme.HMAC, Scheme.HEADER) else None,
        _parse_url(findings, texts.read("url"), (*at, "url")) if "url" in known and "url" in given else "",
        _parse_name(findings, given["verify_token"], (*at, "verify_token")) if "verify_token" in given else "",
    )
    return policy if len(findings.found) == told else None


def warn_of_missing_secrets(policy: VerifyPolicy, stored: Collection[str] | None, at: Path, findings: Findings) -> None:
    """Warn of credentials that are not stored. `stored` is None if they were not looked up."""
    for name in policy.names:
        if stored is not None and name not in stored:
            message = f"`verify` needs the credential `{name}`, which is not stored"
            hint = f"Add `{name}` to credentials.yaml, then: acr creds push. Until then no request can be verified."
            findings.warn("MISSING_CREDENTIAL", message, hint, at=at)


def warn_of_unsigned_query(policy: VerifyPolicy, methods: Collection[str], at: Path, findings: Findings) -> None:
    """Warn if the input of a run may be a query that anyone could change."""
    for method in ("GET", "DELETE"):
        if method in methods and policy.leaves_query and not (method == "GET" and policy.verify_token):
            message = f"the scheme {policy.scheme} signs the body only, and the input of a {method} is its query"
            hint = f"Remove {method} from `methods`, or use hmac with {{query}} in its `payload`."
            findings.warn("INVALID_SETTING", message, hint, at=at)


def warn_of_unanswered_check(policy: VerifyPolicy, methods: Collection[str], at: Path, findings: Findings) -> None:
    """Warn if the service checks the URL by a GET that the webhook refuses."""
    if policy.verify_token and "GET" not in methods:
        message = "`verify_token` answers the GET by which Meta checks the URL, and `methods` has no GET"
        findings.warn("INVALID_SETTING", message, "methods: [GET, POST]", at=(*at, "verify_token"))


class _Texts:
    """Reads strings. One that is none is reported and becomes empty."""

    def __init__(self, findings: Findings, given: Mapping[str, Any], at: Path) -> None:
        self._findings, self._given, self._at = findings, given, at

    def read(self, key: str, default: str = "") -> str:
        value = self._given.get(key, default)
        if isinstance(value, str) and len(value) <= MAX_VERIFY_CHARACTERS and (value or key not in self._given):
            return value
        message = f"`{key}` of `verify` must be a string of 1 to {MAX_VERIFY_CHARACTERS} characters"
        self._findings.add("INVALID_SETTING", message, at=(*self._at, key))
        return default


def _check_scheme(findings: Findings, given: Mapping[str, Any], at: Path) -> None:
    if given.get("scheme") in SCHEMES:
        return
    allowed = f"One of {', '.join(SCHEMES)}."
    if "scheme" not in given:
        findings.add("INVALID_SETTING", "`verify` needs `scheme`", f"{allowed} For example: {_EXAMPLE}", at=at)
        return
    hint = suggest_nearest(str(given["scheme"]), SCHEMES, allowed, ignore_case=True)
    message = f"`verify` has no scheme `{given['scheme']}`; there are {', '.join(SCHEMES)}"
    findings.add("INVALID_SETTING", message, hint, at=(*at, "scheme"))


def _parse_credentials(findings: Findings, given: Mapping[str, Any], at: Path) -> tuple[str, ...] | None:
    if "credential" not in given:
        findings.add("INVALID_SETTING", "`verify` needs `credential`", f"For example: {_EXAMPLE}", at=at)
        return None
    value = given["credential"]
    names = value if isinstance(value, list) else [value]
    if not 1 <= len(names) <= 2 or not all(isinstance(name, str) and NAME_PATTERN.fullmatch(name) for name in names):
        message = "`credential` of `verify` must be the name of a credential, or a list of two while one is replaced"
        findings.add("INVALID_SETTING", message, "credential: [new_secret, old_secret]", at=(*at, "credential"))
        return None
    return tuple(dict.fromkeys(names))


def _parse_name(findings: Findings, value: Any, at: Path) -> str:
    if isinstance(value, str) and NAME_PATTERN.fullmatch(value):
        return value
    findings.add("INVALID_SETTING", f"`{at[-1]}` of `verify` must be the name of a credential", at=at)
    return ""


def _parse_url(findings: Findings, url: str, at: Path) -> str:
    parts = urlsplit(url) if _is_url(url) else None
    if url and (parts is None or parts.scheme not in ("https", "http") or not parts.hostname):
        message = "`url` of `verify` must be the https URL that is configured at the service, or its beginning"
        findings.add("INVALID_SETTING", message, "url: https://arcrun.example.com", at=at)
    return url.partition("#")[0]


def _is_url(text: str) -> bool:
    try:
        return text.isascii() and text.isprintable() and " " not in text and urlsplit(text).port != -1
    except ValueError:
        return False


def _parse_format(
    findings: Findings, reader: Reader, texts: _Texts, given: Mapping[str, Any], at: Path
) -> SignatureFormat:
    time = _parse_header(findings, texts, "timestamp_header", at)
    payload = texts.read("payload", "{timestamp}.{body}" if time else "{body}")
    if "payload" in given:
        _check_payload(findings, payload, bool(time), (*at, "payload"))
    if "tolerance_s" in given and not time:
        message = "`tolerance_s` of `verify` has no effect without a time"
        findings.add("INVALID_SETTING", message, "Add timestamp_header: NAME.", at=(*at, "tolerance_s"))
    return SignatureFormat(
        header=_parse_header(findings, texts, "header", at),
        prefix=texts.read("prefix"),
        algorithm=reader.choice("algorithm", "sha256", _ALGORITHMS),
        encoding=reader.choice("encoding", "hex", _ENCODINGS),
        timestamp_header=time,
        payload=payload,
    )


def _parse_header(findings: Findings, texts: _Texts, key: str, at: Path) -> str:
    name = texts.read(key)
    if name and not _HEADER_NAME.fullmatch(name):
        findings.add("INVALID_SETTING", f"`{key}` of `verify` must be the name of a header", at=(*at, key))
    return name.lower()


def _check_payload(findings: Findings, payload: str, has_time: bool, at: Path) -> None:
    used = PAYLOAD_FIELD.findall(payload)
    if unknown := [name for name in used if name not in _PAYLOAD_FIELDS]:
        shown = ", ".join(f"{{{name}}}" for name in _PAYLOAD_FIELDS)
        findings.add(
            "INVALID_SETTING", f"`payload` of `verify` has no field {{{unknown[0]}}}; there are {shown}", at=at
        )
    elif "body" not in used:
        findings.add("INVALID_SETTING", "`payload` of `verify` needs {body}: else a body of anyone would do", at=at)
    elif ("timestamp" in used) != has_time:
        message = "`payload` needs {timestamp}, or anyone could change the time"
        if not has_time:
            message = "`payload` has {timestamp}, but `verify` has no `timestamp_header`"
        findings.add("INVALID_SETTING", message, 'payload: "{timestamp}.{body}"', at=at)
