"""acr account: your account on a hosted platform."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from acr.commands.options import as_json, target_option
from acr.config.folders import user_config_path
from acr.config.user_config import UserConfig, read_user_config, save_user_config
from acr.errors import DeclinedError, NotLoggedInError
from acr.output.render import print_data, print_table, render_moment
from acr.output.terminal import confirm, say
from acr.targets.account_client import AccountClient


@click.group()
def account() -> None:
    """Show or delete your account on a hosted platform, or rotate its API key.

    `acr init --standard` creates one.

    \b
    Examples:
      acr account show
      acr account rotate-key
      acr account delete
    """


def with_account(command: Callable[..., Any]) -> Callable[..., Any]:
    """Pass a command the platform's auth client and the configuration."""

    @wraps(command)
    def wrapped(**arguments: Any) -> Any:
        config = read_user_config(user_config_path())
        if not config.auth_url or not config.api_key:
            raise NotLoggedInError("You have no account on a hosted platform.", "Create one: acr init --standard")
        return command(AccountClient(config.auth_url, config.api_key), config, **arguments)

    return wrapped


@account.command()
@as_json
@target_option
@with_account
def show(client: AccountClient, config: UserConfig, as_json: bool) -> None:
    """Show what the platform stores about you, and the ids of your API keys.

    \b
    Examples:
      acr account show
      acr account show --json | jq -r .data.tenant_id
    """
    known = client.show()
    if as_json:
        print_data(known)
        return
    keys = known.pop("keys")
    known["created_at"] = render_moment(known["created_at"])
    print_table(("ACCOUNT", str(config.auth_url)), known.items())
    rows = [(key["id"], render_moment(key["created_at"]), render_moment(key["expires_at"] or "-")) for key in keys]
    print_table(("API KEY", "CREATED", "EXPIRES"), rows)


@account.command("rotate-key")
@click.option(
    "--grace", "grace_s", default=3600, show_default=True, metavar="SECONDS", help="0: revoke the old key now."
)
@as_json
@target_option
@with_account
def rotate_key(client: AccountClient, config: UserConfig, grace_s: int, as_json: bool) -> None:
    """Get a new API key; the old one stays valid for a grace period.

    The new key is stored in your configuration.

    \b
    Examples:
      acr account rotate-key
      acr account rotate-key --grace 0     if the old key has leaked
    """
    renewed = client.rotate_key(grace_s)
    save_user_config(user_config_path(), replace(config, api_key=renewed.pop("api_key")))
    if as_json:
        print_data(renewed)
    say(f"The new API key is stored in {user_config_path()}.", err=True)


@account.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@as_json
@target_option
@with_account
def delete(client: AccountClient, config: UserConfig, yes: bool, as_json: bool) -> None:
    """Delete your account on the platform; your own KV is not touched.

    \b
    Examples:
      acr account delete
      acr account delete --yes
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("This cannot be undone. To delete the account: acr account delete --yes")
    if not yes and not confirm(f"Delete the account at {config.auth_url}?"):
        raise DeclinedError("Nothing was deleted.")
    removed = client.delete()
    save_user_config(user_config_path(), replace(config, api_key=None, auth_url=None, url=None))
    if as_json:
        print_data(removed)
    say("Deleted. Next: revoke the token `arcrun: Workers KV only` in Cloudflare's dashboard.", err=True)
