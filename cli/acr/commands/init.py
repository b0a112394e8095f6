"""acr init: prepare this folder, and an account."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from acr.account_setup import Setup, Wishes, choose_only_account, set_up_account
from acr.cloudflare.access import DEFAULT_BASE_URL, ApiAccess
from acr.cloudflare.account import Account
from acr.cloudflare.api import CloudflareApi
from acr.errors import NotLoggedInError
from acr.platform_home import find_platform_home
from acr.project_folder import prepare_folder
from acr.render import print_json
from acr.settings import user_config_path
from acr.user_config import read_user_config
from acr.wrangler import build_wrangler

NEEDED_PERMISSIONS = (
    "It needs: Workers Scripts, Workers KV Storage and Workers R2 Storage, each Edit; Account Settings: Read."
)


@click.command()
@click.option("--local", is_flag=True, help="This folder only: no account, for `acr dev`.")
@click.option("--account-id", envvar="CLOUDFLARE_ACCOUNT_ID", metavar="ID", help="[env: CLOUDFLARE_ACCOUNT_ID]")
@click.option("--bucket", metavar="NAME", help="The R2 bucket of components.  [default: arcrun-components]")
@click.option("--namespace", "namespaces", multiple=True, metavar="BINDING=ID", help="Take this KV namespace.")
@click.option("--no-input", is_flag=True, help="Ask nothing; fail where an answer is needed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
def init(
    *,
    local: bool,
    account_id: str | None,
    bucket: str | None,
    namespaces: tuple[str, ...],
    no_input: bool,
    as_json: bool,
) -> None:
    """Prepare this folder and your Cloudflare account.

    Makes what is missing of credentials.yaml, KV namespaces, the R2 bucket, the API key and the encryption key. The
    API token comes from CLOUDFLARE_API_TOKEN (then it is not kept), from your answer, or from `wrangler login`.
    ARCRUN_API_KEY and ARCRUN_ENCRYPTION_KEY are taken from the environment if they are set.

    \b
    Examples:
      acr init --local
      acr init
      CLOUDFLARE_API_TOKEN=... acr init --no-input --account-id 0123456789abcdef0123456789abcdef
    """
    made = prepare_folder(Path.cwd())
    for name in made:
        click.echo(f"wrote {name}", err=True)
    if local:
        _finish({"files": made}, "Next: acr dev", as_json)
        return
    may_ask = not no_input and sys.stdin.isatty()
    token = _find_token(may_ask)
    wishes = Wishes(
        account_id,
        bucket,
        _parse_namespaces(namespaces),
        os.environ.get("ARCRUN_API_KEY"),
        _find_encryption_key(may_ask),
        token.value if token.is_kept else None,
        token.is_wranglers,
    )
    _report(_set_up(token.value, wishes, may_ask), made, as_json)


def _set_up(token: str, wishes: Wishes, may_ask: bool) -> Setup:
    base_url = os.environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    with CloudflareApi(ApiAccess(base_url, wishes.account_id, token)) as api:
        return set_up_account(api, user_config_path(), wishes, _ask_account if may_ask else choose_only_account)


@dataclass(frozen=True)
class _Token:
    """An answer is kept; what the environment, the configuration or wrangler holds is not written down again."""

    value: str = field(repr=False)
    is_kept: bool = False
    is_wranglers: bool = False


def _find_token(may_ask: bool) -> _Token:
    if known := os.environ.get("CLOUDFLARE_API_TOKEN") or read_user_config(user_config_path()).api_token:
        return _Token(known)
    if may_ask:
        click.echo(NEEDED_PERMISSIONS, err=True)
        answer = click.prompt("API token (empty: use wrangler's login)", default="", hide_input=True, err=True)
        if answer:
            return _Token(answer, is_kept=True)
    try:
        return _Token(build_wrangler(find_platform_home()).read_login(Path.cwd()), is_wranglers=True)
    except NotLoggedInError as error:
        raise NotLoggedInError("There is no Cloudflare API token.", f"{error.hint} {NEEDED_PERMISSIONS}") from None


def _find_encryption_key(may_ask: bool) -> str | None:
    """None: keep the one that is known, or make one."""
    if key := os.environ.get("ARCRUN_ENCRYPTION_KEY"):
        return key
    if not may_ask or read_user_config(user_config_path()).encryption_key:
        return None
    return click.prompt("ARCRUN_ENCRYPTION_KEY (empty: make one)", default="", hide_input=True, err=True) or None


def _ask_account(accounts: Sequence[Account]) -> Account:
    if len(accounts) < 2:
        return choose_only_account(accounts)
    for number, account in enumerate(accounts, 1):
        click.echo(f"{number}. {account.name} ({account.id})", err=True)
    return accounts[click.prompt("Account", type=click.IntRange(1, len(accounts)), default=1, err=True) - 1]


def _parse_namespaces(pairs: tuple[str, ...]) -> dict[str, str]:
    parsed = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(parsed) != len(pairs):
        raise click.BadParameter("must be BINDING=ID, each binding once", param_hint="--namespace")
    return parsed


def _report(setup: Setup, made: list[str], as_json: bool) -> None:
    for name in setup.created:
        click.echo(f"created {name}", err=True)
    path = user_config_path()
    click.echo(f"The account's ids and the keys are kept in {path}; keep a copy of it in a safe place.", err=True)
    data = {
        "files": made,
        "account_id": setup.config.account_id,
        "namespaces": dict(setup.config.namespaces),
        "bucket": setup.config.bucket,
        "created": list(setup.created),
        "config": str(path),
    }
    _finish(data, "Next: acr deploy", as_json)


def _finish(data: Mapping[str, object], next_step: str, as_json: bool) -> None:
    if as_json:
        print_json(data)
    click.echo(next_step, err=True)
