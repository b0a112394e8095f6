"""acr destroy: remove the platform from the account."""

import dataclasses
import sys

import click

from acr.cloudflare.api import CloudflareApi
from acr.commands.options import as_json, target_option
from acr.config.folders import user_config_path
from acr.config.platform_home import find_platform_home
from acr.config.user_config import read_user_config, save_user_config
from acr.deployment import destruction
from acr.deployment.deploy import ORDER
from acr.deployment.destruction import Remains
from acr.deployment.manifest import read_template
from acr.errors import DeclinedError
from acr.output.render import print_data
from acr.output.terminal import ask, say
from acr.targets.settings import find_bucket, find_suffix, read_deployed, resolve_access


@click.command()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--no-input", is_flag=True, help="Ask nothing; fail without --yes.")
@click.option("--keep-bucket", is_flag=True, help="Leave the R2 bucket, with its components and large values.")
@as_json
@target_option
def destroy(*, yes: bool, no_input: bool, keep_bucket: bool, as_json: bool) -> None:
    """Remove the platform from your Cloudflare account, with everything that it has stored.

    Lists what it has found and asks. Gone then are the Workers with their Durable Objects (workflows, schedules,
    records of runs), the Workflow with its instances, the KV namespaces with credentials and workflows, the bucket,
    and the custom domain's attachment. What arcrun did not deploy stays, and so do API tokens and what the keys on
    this machine have encrypted elsewhere. `acr init` and `acr deploy` make a new one.

    \b
    Examples:
      acr export platform.json && acr destroy
      acr destroy --target staging --yes
    """
    home = find_platform_home()
    project, user = read_deployed()
    suffix = find_suffix(project, user)
    templates = [read_template(home / "workers" / service, is_multi_tenant=True, suffix=suffix) for service in ORDER]
    bucket = None if keep_bucket else find_bucket(project, user)
    access = resolve_access(project, user)
    with CloudflareApi(access) as api:
        remains = destruction.find_remains(api, templates[::-1], user.namespaces, bucket, suffix)
        for name in remains.foreign:
            say(f"The Worker {name} stays: arcrun did not deploy it.", err=True)
        if remains:
            _require_consent(remains, str(access.account_id), templates, yes=yes, no_input=no_input)
            destruction.destroy(api, remains, lambda line: say(line, err=True))
    _forget()
    if as_json:
        print_data(remains.to_json())
    elif not remains:
        say("The account has nothing of it.", err=True)


def _require_consent(
    remains: Remains, account_id: str, templates: list[dict[str, object]], *, yes: bool, no_input: bool
) -> None:
    """Raises DeclinedError, click.UsageError."""
    say(f"This is removed from the account {account_id}, and cannot be brought back:", err=True)
    for line in describe(remains):
        say(f"  {line}", err=True)
    if yes:
        return
    if no_input or not sys.stdin.isatty():
        raise click.UsageError("This cannot be undone. To remove it all: acr destroy --yes")
    word = str(templates[1]["name"])
    if ask(f"Type {word} to remove it all", default="", show_default=False) != word:
        raise DeclinedError("Nothing was removed.")


def describe(remains: Remains) -> list[str]:
    """A line for each kind of thing."""
    named = {
        "Workers, with all workflows, schedules and records in their Durable Objects": remains.workers,
        "Workflows, with the runs that have not ended": remains.workflows,
        "KV namespaces, with all credentials": [*remains.namespaces],
        "Custom domains": [domain.hostname for domain in remains.domains],
    }
    lines = [f"{kind}: {', '.join(names)}" for kind, names in named.items() if names]
    if remains.bucket is not None:
        size = f"{remains.object_bytes / 2**20:.1f} MiB"
        lines.append(f"R2 bucket: {remains.bucket}, {remains.objects} objects, {size}")
    return lines


def _forget() -> None:
    """Forget addresses and resources that are no more. Keys and account stay, for the next `acr deploy`."""
    path = user_config_path()
    config = read_user_config(path)
    changed = dataclasses.replace(config, namespaces={}, url=None, registry_url=None, domain=None)
    if changed != config:
        save_user_config(path, changed)
