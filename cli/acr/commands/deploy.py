"""acr deploy: deploy the Workers to the account."""

import dataclasses
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click
import httpx

from acr.cloudflare.api import CloudflareApi
from acr.commands.deploy_rollback import roll_back_workers
from acr.commands.options import as_json, target_option
from acr.config.folders import user_config_path
from acr.config.platform_home import SERVICES, find_platform_home
from acr.config.private_file import private_umask
from acr.config.user_config import read_user_config, save_user_config
from acr.config.worker_variables import (
    ALLOW_LOCAL_NETWORK,
    API_KEY,
    EXECUTOR,
    FREE,
    LOCAL_NETWORK_WARNING,
    MAIL_DOMAIN,
    PLAN,
    REVIEWER_KEY,
    SIGNING_KEY,
)
from acr.deployment import deploy as steps
from acr.deployment.health import wait_for_health
from acr.deployment.mail_routing import describe_routing
from acr.errors import CliError
from acr.node.wrangler import build_wrangler
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.seeding import seed_and_report
from acr.targets.audit_notes import note_written
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import DeploySettings, RegistryTarget, Target, resolve_deploy_settings
from arcrun.errors import NotConfiguredError
from arcrun.run_log.settings import RUN_LOG_VARIABLES, read_run_log_settings

HEALTH_TIMEOUT_S = 10


@click.command()
@click.option("--dry-run", is_flag=True, help="Stage and check the uploads; needs no account, changes nothing.")
@click.option(
    "--worker",
    "services",
    type=click.Choice(SERVICES),
    multiple=True,
    help="A Worker to deploy.  [default: executor, registry]",
)
@click.option(
    "--rollback",
    is_flag=True,
    help="Go back to the versions before the last `acr deploy`, or those before each --worker's last deploy.",
)
@click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Put the components of this folder into the bucket; they run in a sandbox.",
)
@click.option("--bundle", is_flag=True, help="Put the components into the executor's upload instead.")
@click.option(
    "--free-plan",
    is_flag=True,
    help="For an account on the Workers free plan: its limits, and no Worker Loader. Implies --bundle.",
)
@click.option("--multi-tenant", is_flag=True, help="The executor serves tenants that auth registers, instead of you.")
@click.option(
    "--domain",
    metavar="NAME",
    help="Serve webhooks at https://NAME, a domain of your account. Remembered for later deploys; '' forgets it.",
)
@click.option(
    "--mail-domain",
    metavar="NAME",
    help="Give workflows with `email` addresses at NAME, a zone of your account with Email Routing. Remembered too.",
)
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until each Worker answers, and seed the registry."
)
@click.option(
    "--build-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".arcrun/deploy"),
    show_default=True,
    help="Where the uploads are staged.",
)
@click.option("--replace", is_flag=True, help="Replace Workers of these names that arcrun did not deploy.")
@as_json
@target_option
def deploy(
    *,
    dry_run: bool,
    services: tuple[str, ...],
    rollback: bool,
    components: tuple[Path, ...],
    bundle: bool,
    free_plan: bool,
    multi_tenant: bool,
    domain: str | None,
    mail_domain: str | None,
    wait: bool,
    build_dir: Path,
    replace: bool,
    as_json: bool,
) -> None:
    """Deploy the Workers to your Cloudflare account and print their addresses.

    Creates missing KV namespaces and the bucket, and passes the built-in components through the registry's review.
    Running it again changes only what is new.

    --rollback undoes what the last `acr deploy` changed: the previous versions serve all requests again, with the
    current secrets. Workers that it did not change stay. With --worker, exactly those go back. It refuses where there
    is no earlier version, where arcrun did not deploy the Worker, and across a Durable Object migration. `acr deploy`
    works as usual afterwards.

    \b
    Examples:
      acr deploy --dry-run
      acr deploy
      acr deploy --components components/ --free-plan
      acr deploy --domain hooks.example.com
      acr deploy --mail-domain example.com
      acr deploy --rollback
      acr deploy --multi-tenant --worker executor --worker registry --worker auth
    """
    click.get_current_context().with_resource(private_umask())  # for wrangler too
    if rollback:
        if (
            dry_run
            or components
            or bundle
            or free_plan
            or multi_tenant
            or replace
            or (domain, mail_domain) != (None, None)
        ):
            raise click.UsageError("--rollback takes only --worker and --json: it restores what was deployed.")
        roll_back_workers(services, _say, as_json=as_json)
        return
    settings = resolve_deploy_settings(dry_run, domain, mail_domain)
    variables = _read_variables() | ({PLAN: FREE} if free_plan else {})
    if settings.mail_domain is not None:
        variables |= {MAIL_DOMAIN: settings.mail_domain}
    request = _build_request(
        settings,
        services=services or ("executor", "registry"),
        components=components,
        bundles=bundle or free_plan,
        has_loader=not free_plan,
        build=build_dir,
        is_multi_tenant=multi_tenant,
        variables=variables,
        replaces=replace,
    )
    if dry_run:
        staged = steps.rehearse(request, build_wrangler(request.home), _say)
        _print([(worker.service, str(worker.folder)) for worker in staged], as_json)
        return
    with CloudflareApi(settings.access) as api:
        result = steps.deploy(request, api, build_wrangler(request.home, settings.access), _say)
    _remember(result, domain, mail_domain)
    if settings.mail_domain is not None and any(worker.service == "executor" for worker in result.workers):
        _say(describe_routing(settings.mail_domain, EXECUTOR + settings.suffix))
    seeded: tuple[str, ...] = ()
    if wait:
        _wait(result)
        if not multi_tenant:
            _note(result, settings)
        if request.has_loader and (registry := registry_of(result, settings)):
            with RegistryClient(registry) as client:
                seeded = seed_and_report(client, request.home).seeded
    if as_json:
        print_data({**result.to_json(), "seeded": seeded})
    else:
        _print([(worker.service, worker.url) for worker in result.workers], False)


def _build_request(
    settings: DeploySettings,
    *,
    services: tuple[str, ...],
    components: tuple[Path, ...],
    bundles: bool,
    has_loader: bool,
    build: Path,
    is_multi_tenant: bool,
    variables: Mapping[str, str],
    replaces: bool,
) -> steps.DeployRequest:
    return steps.DeployRequest(
        find_platform_home(),
        build.resolve(),
        services,
        components,
        bundles,
        has_loader,
        settings.secrets,
        settings.namespaces,
        settings.bucket,
        is_multi_tenant,
        variables,
        settings.domain,
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        replaces,
        settings.suffix,
    )


def _read_variables() -> dict[str, str]:
    """The executor's variables that are set in this process's environment. Warns if they open the local network."""
    variables = {name: text for name in RUN_LOG_VARIABLES if (text := os.environ.get(name))}
    try:
        read_run_log_settings(variables.get, is_free=False)
    except NotConfiguredError as error:
        raise CliError(error.message, "Correct it in this shell's environment, or unset it.") from None
    if os.environ.get(ALLOW_LOCAL_NETWORK) != "true":
        return variables
    _say(LOCAL_NETWORK_WARNING)
    return {**variables, ALLOW_LOCAL_NETWORK: "true"}


def registry_of(result: steps.Deployment, settings: DeploySettings) -> RegistryTarget | None:
    """The deployed registry, with the owner's and reviewer's keys. None if no registry was deployed."""
    for worker in result.workers:
        if worker.service == "registry" and (api_key := settings.secrets.get(API_KEY)):
            keys = (settings.secrets.get(name) for name in (REVIEWER_KEY, SIGNING_KEY))
            return RegistryTarget(worker.url, api_key, *keys)
    return None


def _note(result: steps.Deployment, settings: DeploySettings) -> None:
    """Add the deploy to the audit log."""
    changed = [worker.name for worker in result.workers if worker.changed]
    urls = {worker.service: worker.url for worker in result.workers}
    api_key = settings.secrets.get(API_KEY)
    if changed and api_key and "executor" in urls:
        note_written("platform.deploy", changed, target=Target(urls["executor"], api_key))


def _wait(result: steps.Deployment) -> None:
    with httpx.Client(timeout=HEALTH_TIMEOUT_S) as http:
        for worker in result.workers:
            wait_for_health(http, worker.url)


def _remember(result: steps.Deployment, domain: str | None, mail_domain: str | None) -> None:
    """Save the addresses and namespaces for other commands, and the requested domains for the next deploy."""
    config = read_user_config(user_config_path())
    urls = {worker.service: worker.url for worker in result.workers}
    changed = dataclasses.replace(
        config,
        url=urls.get("executor", config.url),
        registry_url=urls.get("registry", config.registry_url),
        namespaces={**config.namespaces, **result.namespaces},
        domain=config.domain if domain is None else domain or None,
        mail_domain=config.mail_domain if mail_domain is None else mail_domain or None,
    )
    save_user_config(user_config_path(), changed)


def _say(message: str) -> None:
    say(message, err=True)


def _print(lines: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        print_data({"workers": [{"service": service, "folder": folder} for service, folder in lines]})
        return
    for line in lines:
        say(" ".join(line))
