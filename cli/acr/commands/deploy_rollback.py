"""acr deploy --rollback: serve the previous versions again."""

from collections.abc import Callable

from acr.cloudflare.api import CloudflareApi
from acr.config.platform_home import SERVICES, find_platform_home
from acr.deployment.manifest import read_template
from acr.deployment.rollback import roll_back
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.settings import find_suffix, read_deployed, resolve_access


def roll_back_workers(services: tuple[str, ...], report: Callable[[str], None], *, as_json: bool) -> None:
    """Roll back `services`, or all deployed ones if it is empty. Raises CliError."""
    home = find_platform_home()
    project, user = read_deployed()
    suffix = find_suffix(project, user)
    names = {service: read_template(home / "workers" / service, suffix=suffix)["name"] for service in SERVICES}
    access = resolve_access(project, user)
    with CloudflareApi(access) as api:
        done = roll_back(api, names, services, report)
    if as_json:
        print_data({"rolled_back": [step.to_json() for step in done]})
        return
    for step in done:
        say(f"{step.service} {step.before.number}")
