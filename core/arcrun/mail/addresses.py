"""The address by which messages reach a workflow: NAME+TAG@DOMAIN.

The tag is an HMAC under the workflow's token: whoever knows it may send, the token cannot be told from it, and it
changes with the token. On a hosted platform it says whose it is, too (arcrun/accounts/mail_tags.py).
"""

import base64
import hashlib
import hmac
import re

from arcrun.limits import MAX_MAILBOX_CHARACTERS

TAG_CHARACTERS = 20  # 100 bits
_PURPOSE = b"the tag of a workflow's mail address"
_NAME = re.compile(rf"[a-z0-9_-]{{1,{MAX_MAILBOX_CHARACTERS}}}")
_ADDRESS = re.compile(r"(?P<name>[^+@]+)\+(?P<tag>[^@]+)@[^@]+")


def is_mailbox_name(name: str) -> bool:
    """Whether a workflow of that name can have an address: mail servers may change the case of letters."""
    return _NAME.fullmatch(name) is not None


def build_tag(token: str) -> str:
    digest = hmac.digest(token.encode(), _PURPOSE, hashlib.sha256)
    return base64.b32encode(digest).decode().lower()[:TAG_CHARACTERS]


def build_address(name: str, token: str, domain: str) -> str:
    return render_address(name, build_tag(token), domain)


def render_address(name: str, tag: str, domain: str) -> str:
    return f"{name}+{tag}@{domain}"


def parse_address(address: str) -> tuple[str, str] | None:
    """The name of the workflow and the tag; None of an address that is none of a workflow."""
    matched = _ADDRESS.fullmatch(address.strip().lower())
    return (matched["name"], matched["tag"]) if matched and is_mailbox_name(matched["name"]) else None


def is_tag_of(tag: str, token: str) -> bool:
    return is_same_tag(tag, build_tag(token))


def is_same_tag(tag: str, other: str) -> bool:
    return hmac.compare_digest(tag.encode(), other.encode())


def hide_tag(text: str, tag: str) -> str:
    """The text without the tag, which is a secret, in whatever case."""
    return re.sub(rf"\+?{re.escape(tag)}", "", text, flags=re.IGNORECASE) if tag in text.lower() else text
