"""The user's settings for `acr init`: from the environment, from the configuration, or by asking."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from acr.cloudflare.account import Account
from acr.config.folders import user_config_path
from acr.config.platform_home import find_platform_home
from acr.config.user_config import read_user_config
from acr.deployment.account_setup import choose_only_account
from acr.errors import NotLoggedInError
from acr.node.wrangler import build_wrangler
from acr.output.terminal import ask, say


@dataclass(frozen=True)
class OwnToken:
    """The user's API token. `is_kept`: it was typed in, and is to be saved; `is_wranglers`: from wrangler's login."""

    value: str = field(repr=False)
    is_kept: bool = False
    is_wranglers: bool = False


def find_token(may_ask: bool, needed: str, page: str = "") -> OwnToken:
    """The user's own API token. `needed` describes its permissions, for messages; `page` is where such a token is made.

    Raises NotLoggedInError.
    """
    if known := os.environ.get("CLOUDFLARE_API_TOKEN") or read_user_config(user_config_path()).api_token:
        return OwnToken(known)
    if may_ask:
        say(needed, err=True)
        if page:
            say(f"Make one here, its permissions are filled in: {page}", err=True)
        answer = ask("API token (empty: use wrangler's login)", default="", hide_input=True)
        if answer:
            return OwnToken(answer, is_kept=True)
    try:
        return OwnToken(build_wrangler(find_platform_home()).read_login(Path.cwd()), is_wranglers=True)
    except NotLoggedInError as error:
        raise NotLoggedInError(
            "There is no Cloudflare API token.",
            " ".join(filter(None, [error.hint, needed, page and f"Make one here: {page}"])),
        ) from None


def find_encryption_key(may_ask: bool) -> str | None:
    """ARCRUN_ENCRYPTION_KEY, or an answer. None: keep the current key, or make one."""
    if key := os.environ.get("ARCRUN_ENCRYPTION_KEY"):
        return key
    if not may_ask or read_user_config(user_config_path()).encryption_key:
        return None
    return ask("ARCRUN_ENCRYPTION_KEY (empty: make one)", default="", hide_input=True) or None


def ask_account(accounts: Sequence[Account]) -> Account:
    """The account that the user chooses, or the only one. Raises CliError if there is none."""
    if len(accounts) < 2:
        return choose_only_account(accounts)
    for number, account in enumerate(accounts, 1):
        say(f"{number}. {account.name} ({account.id})", err=True)
    chosen: int = ask("Account", type=click.IntRange(1, len(accounts)), default=1)
    return accounts[chosen - 1]
