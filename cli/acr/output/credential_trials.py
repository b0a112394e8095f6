"""`acr creds test`: what is asked, and what came of it. No secret is among it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from acr.errors import CliError

MIN_FAILED_STATUS = 400
_WITHOUT_TYPE = "Name how a service wants it: --type, as `auth` of a node has it."


def build_auth(kind: str | None, fields: Sequence[str]) -> dict[str, str] | None:
    """`auth` without the credential; None if its content is to say. Raises CliError."""
    pairs = [field.partition("=") for field in fields]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise CliError(f"`{name[:40]}` is not of the form FIELD=VALUE.", "For example: --set scope=read.")
    if kind is None and pairs:
        raise CliError("--set is for a --type.", _WITHOUT_TYPE)
    return None if kind is None else {"type": kind, **{name: value for name, _, value in pairs}}


def describe_trial(name: str, tried: Mapping[str, Any]) -> Iterator[str]:
    if tried["type"] is None:
        yield f"{name}: stored, and the platform can read it. Whether a service takes it, --url tells."
        return
    yield f"{name}: has the form that {tried['type']} needs"
    if "token" in tried:
        scope = tried["token"]["scope"]
        told = f"for {scope}" if scope else "no scope named"
        yield f"access token: good until {tried['token']['expires_at']}, {told}"
    if "answer" in tried:
        yield f"status: {tried['answer']['status']}"
        for header, value in tried["answer"]["headers"].items():
            yield f"{header}: {value}"


def explain_status(name: str, status: int) -> str:
    if status == 401:
        return f"The service does not know it: acr creds set {name}; or it wants it in another way: --type."
    if status == 403:
        return "The service knows it, and does not allow this: give it the right, or ask for another `scope`."
    return "Try another URL, such as the service's own for who one is."
