"""<config>/config.json, which `acr init` and `acr deploy` write: the account, its resources, the secrets. Mode 0600."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from acr.config.private_file import make_private, make_private_folder, refusing, write_private
from acr.errors import CliError

DEFAULT_BUCKET = "arcrun-components"


@dataclass(frozen=True)
class UserConfig:
    """`namespaces` are KV namespaces' ids by binding; `url` is the executor's and `registry_url` the registry's, once
    deployed; `auth_url` that of the hosted platform's auth, once registered there; `domain` is the custom domain of
    webhooks. None: not known.
    """

    account_id: str | None = None
    api_token: str | None = field(default=None, repr=False)
    uses_wrangler_login: bool = False
    namespaces: Mapping[str, str] = field(default_factory=dict)
    bucket: str = DEFAULT_BUCKET
    url: str | None = None
    registry_url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    reviewer_key: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)
    encryption_key: str | None = field(default=None, repr=False)
    previous_encryption_key: str | None = field(default=None, repr=False)
    auth_url: str | None = None
    domain: str | None = None


_KEYS = tuple(item.name for item in fields(UserConfig))


def read_user_config(path: Path) -> UserConfig:
    """An empty one if there is none yet. Raises CliError, which does not repeat what the file holds."""
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
    """Write it if it differs from what is there. Returns whether it was written. Raises CliError."""
    with refusing(path):
        make_private_folder(path.parent)
        make_private(path)
    text = json.dumps({key: value for key, value in asdict(config).items() if value is not None}, indent=2) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    write_private(path, text)
    return True
