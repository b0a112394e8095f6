"""acr init: prepare this folder and an account."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.token_page import PLATFORM_PERMISSIONS, build_token_page
from acr.commands.init_standard import init_standard
from acr.commands.options import as_json, target_option
from acr.config.chosen_target import chosen_target
from acr.config.folders import user_config_path
from acr.deployment.account_setup import TOKEN_NAME, Setup, SetupChoices, choose_only_account, set_up_account
from acr.deployment.setup_questions import ask_account, find_encryption_key, find_token
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.settings import find_account_id, find_suffix, read_deployed
from acr.workflows.project_folder import prepare_folder
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL, ApiAccess

NEEDED_PERMISSIONS = (
    "It needs: Workers Scripts, Workers KV Storage and Workers R2 Storage, each Edit; Account Settings: Read."
)


@click.command()
@click.option("--local", is_flag=True, help="Prepare this folder only, for `acr dev`; needs no account.")
@click.option("--standard", is_flag=True, help="Use a hosted platform, with KV in your own account.")
@click.option("--api-url", metavar="URL", help="With --standard: the address of the platform's auth.")
@click.option(
    "--url", envvar="ARCRUN_URL", metavar="URL", help="With --standard: the executor's address, if it differs."
)
@click.option("--email", metavar="ADDRESS", help="With --standard: your email address, for the platform.")
@click.option("--account-id", envvar="CLOUDFLARE_ACCOUNT_ID", metavar="ID", help="[env: CLOUDFLARE_ACCOUNT_ID]")
@click.option("--bucket", metavar="NAME", help="The R2 bucket for components.  [default: arcrun-components]")
@click.option("--namespace", "namespaces", multiple=True, metavar="BINDING=ID", help="Use this KV namespace.")
@click.option("--no-input", is_flag=True, help="Ask nothing; fail where an answer is needed.")
@as_json
@target_option
def init(
    *,
    local: bool,
    standard: bool,
    api_url: str | None,
    url: str | None,
    email: str | None,
    account_id: str | None,
    bucket: str | None,
    namespaces: tuple[str, ...],
    no_input: bool,
    as_json: bool,
) -> None:
    """Prepare this folder and your Cloudflare account.

    Creates whatever is missing: credentials.yaml, KV namespaces, the R2 bucket, the API key and the encryption key. The
    API token comes from CLOUDFLARE_API_TOKEN (then it is not stored), from your answer, or from `wrangler login`.
    ARCRUN_API_KEY and ARCRUN_ENCRYPTION_KEY are used if they are set.

    With --standard nothing is deployed: your token creates a second one that can only edit Workers KV, which is
    registered with a hosted platform together with the encryption key. Your own token stays on this machine. If
    ARCRUN_KV_TOKEN is set, it is registered instead.

    \b
    Examples:
      acr init --local
      acr init
      acr init --standard --api-url https://auth.example.com --email ada@example.com
      CLOUDFLARE_API_TOKEN=... acr init --no-input --account-id 0123456789abcdef0123456789abcdef
    """
    made = prepare_folder(Path.cwd())
    for name in made:
        say(f"wrote {name}", err=True)
    if local:
        _finish({"files": made}, "Next: acr dev", as_json)
        return
    may_ask = not no_input and sys.stdin.isatty()
    if standard:
        _finish(*init_standard(api_url, url, email, account_id, made, may_ask=may_ask), as_json)
        return
    token = find_token(may_ask, NEEDED_PERMISSIONS, build_token_page(TOKEN_NAME, PLATFORM_PERMISSIONS))
    project, user = read_deployed()
    choices = SetupChoices(
        find_account_id(project, user) if chosen_target() else account_id,
        bucket or project.bucket,
        _parse_namespaces(namespaces),
        os.environ.get("ARCRUN_API_KEY"),
        find_encryption_key(may_ask),
        token.value if token.is_kept else None,
        token.is_wranglers,
        find_suffix(project, user),
    )
    _report(_set_up(token.value, choices, may_ask), made, as_json)


def _set_up(token: str, choices: SetupChoices, may_ask: bool) -> Setup:
    base_url = os.environ.get("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL
    with CloudflareApi(ApiAccess(base_url, choices.account_id, token)) as api:
        return set_up_account(api, user_config_path(), choices, ask_account if may_ask else choose_only_account)


def _parse_namespaces(pairs: tuple[str, ...]) -> dict[str, str]:
    parsed = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(parsed) != len(pairs):
        raise click.BadParameter("must be BINDING=ID, each binding once", param_hint="--namespace")
    return parsed


def _report(setup: Setup, made: list[str], as_json: bool) -> None:
    for name in setup.created:
        say(f"created {name}", err=True)
    path = user_config_path()
    say(f"The account's ids and the keys are stored in {path}; keep a copy of it in a safe place.", err=True)
    data = {
        "files": made,
        "account_id": setup.config.account_id,
        "namespaces": dict(setup.config.namespaces),
        "bucket": setup.config.bucket,
        "created": list(setup.created),
        "config": str(path),
    }
    _finish(data, f"Next: acr deploy{f' --target {target}' if (target := chosen_target()) else ''}", as_json)


def _finish(data: Mapping[str, object], next_step: str, as_json: bool) -> None:
    if as_json:
        print_data(data)
    say(next_step, err=True)
