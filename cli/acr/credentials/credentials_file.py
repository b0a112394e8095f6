"""credentials.yaml: {name: secret}. A secret is a string, or a mapping or list, which is stored as JSON."""

import json
import subprocess
from pathlib import Path
from typing import Any

from acr.config.private_file import is_private
from acr.config.project_paths import read_regular, require_inner
from acr.errors import CliError
from arcrun.credentials.record import validate_name, validate_secret
from arcrun.errors import ArcrunError
from arcrun.yaml_text import YamlTextError, parse_yaml

FILE_NAME = "credentials.yaml"
TEMPLATE = """# Your workflows' secrets. This file stays on your machine: git ignores it, and only you can read it.
# `acr creds push` encrypts them on this machine and stores the result in your account.
#
# telegram_bot_token: "123456789:AbC..."
"""


def read_credentials(path: Path) -> dict[str, str]:
    """{name: secret}. Raises CliError, which never quotes a secret."""
    if not path.is_file():
        raise CliError(
            f"{path} does not exist.", "Create it: acr init --local, or: install -m 600 /dev/null " + str(path)
        )
    require_inner(path)
    if not is_private(path):
        raise CliError(
            f"Other users can read {path}: its mode is {path.stat().st_mode & 0o777:04o}.", f"chmod 600 {path}"
        )
    try:
        source = parse_yaml(read_regular(path, path)).value
    except YamlTextError as error:
        raise CliError(f"{path}:{error.line}:{error.column}: this is not YAML.", "Put strings in quotes.") from None
    except UnicodeDecodeError:
        raise CliError(f"{path} is not UTF-8.") from None
    if source is not None and not isinstance(source, dict):
        raise CliError(f"{path} must map names to secrets.", 'For example: telegram_bot_token: "123:AbC"')
    return {_read_name(path, name): _read_secret(path, name, value) for name, value in (source or {}).items()}


def select_credentials(credentials: dict[str, str], names: tuple[str, ...], path: Path) -> dict[str, str]:
    """The credentials in `names`, or all if it is empty. Raises CliError."""
    missing = [name for name in names if name not in credentials]
    if missing:
        raise CliError(f"{path} has no {', '.join(missing)}.", f"Add a line `{missing[0]}: ...` to it.")
    chosen = {name: secret for name, secret in credentials.items() if not names or name in names}
    if not chosen:
        raise CliError(f"{path} contains no credentials yet.", 'Add a line such as: telegram_bot_token: "123:AbC"')
    return chosen


def find_exposure(path: Path) -> str | None:
    """A warning if git tracks the file or does not ignore it, else None."""
    if _git(path, "ls-files", "--error-unmatch", path.name) == 0:
        return f"git tracks {path}. Remove it: git rm --cached {path}; then change every secret in it."
    if _git(path, "check-ignore", "--quiet", path.name) == 1:
        return f"git does not ignore {path}. Add a line to .gitignore: {path.name}"
    return None


def _git(path: Path, *arguments: str) -> int:
    """git's exit code; -1 if git is not installed."""
    command = ["git", "-C", str(path.resolve().parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode
    except FileNotFoundError:
        return -1


def require_name(name: str) -> str:
    """Raises CliError unless it can be a credential's name."""
    try:
        validate_name(name)
    except ArcrunError as error:
        raise CliError(error.message, error.next_actions[0], error.code) from None
    return name


def _read_name(path: Path, name: Any) -> str:
    try:
        return require_name(str(name))
    except CliError as error:
        raise CliError(f"{path}: {error.message}", error.hint, error.code) from None


def require_secret(name: str, secret: str) -> str:
    """Raises CliError unless the secret can be stored."""
    try:
        validate_secret(name, secret)
    except ArcrunError as error:
        raise CliError(error.message, error.next_actions[0], error.code) from None
    return secret


def _read_secret(path: Path, name: str, value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return require_secret(name, json.dumps(value, ensure_ascii=False))
    if not isinstance(value, str):
        raise CliError(f"{path}: `{name}` must be a string.", f'Put it in quotes: {name}: "..."')
    if not value.strip():
        raise CliError(f"{path}: `{name}` is empty.", "Fill it in, or remove the line.")
    return require_secret(name, value)
