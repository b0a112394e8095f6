"""<config>/config.json, or <config>/targets/{target}.json for a target, written by `acr init` and `acr deploy`: the
account, its resources and secrets. Mode 0600.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from acr.config.private_file import make_private, make_private_folder, refusing, write_private
from acr.errors import CliError

DEFAULT_BUCKET = "arcrun-components"


@dataclass(frozen=True)
class UserConfig:
    """`namespaces` are KV namespace ids by binding; `url` is the executor's address and `registry_url` the registry's,
    once deployed; `auth_url` is the hosted platform's auth, once registered there; `domain` is the webhooks' custom
    domain, `mail_domain` that of the workflows' mail addresses; `suffix` ends the names of a target's Workers,
    namespaces and bucket. None means unknown.
    """

    account_id: str | None = None
    api_token: str | None = field(default=None, repr=False)
    uses_wrangler_login: bool = False
    namespaces: Mapping[str, str] = field(default_factory=dict)
    bucket: str | None = None
    url: str | None = None
    registry_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    reviewer_key: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    encryption_key: str | None = field(default=None, repr=False)
    previous_encryption_key: str | None = field(default=None, repr=False)
    auth_url: str | None = None
    domain: str | None = None
    mail_domain: str | None = None
    suffix: str | None = None


_KEYS = tuple(item.name for item in fields(UserConfig))


def read_user_config(path: Path) -> UserConfig:
    """The user's configuration; empty if there is no file. Raises CliError, which never quotes the file's contents."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return UserConfig()
    except ValueError:
        raise CliError(f"{path} is not JSON.", f"Correct it, or move it away and run: acr init ({path})") from None
    unknown = [key for key in stored if key not in _KEYS] if isinstance(stored, dict) else ["(not an object)"]
    if unknown:
        raise CliError(f"{path} has unknown keys: {', '.join(unknown)}.", f"Allowed: {', '.join(_KEYS)}.")
    return UserConfig(**stored)


def save_user_config(path: Path, config: UserConfig) -> bool:
    """Write the configuration if it has changed. Returns whether it was written. Raises CliError."""
    with refusing(path):
        make_private_folder(path.parent)
        make_private(path)
    text = json.dumps({key: value for key, value in asdict(config).items() if value is not None}, indent=2) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_private(path, text)
    return True
