"""acr deploy --rollback: serve the previous versions again."""

from collections.abc import Callable
from pathlib import Path

from acr.cloudflare.api import CloudflareApi
from acr.config.folders import user_config_path
from acr.config.platform_home import SERVICES, find_platform_home
from acr.config.project_file import read_project_file
from acr.config.user_config import read_user_config
from acr.deployment.manifest import read_template
from acr.deployment.rollback import roll_back
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.settings import resolve_access


def roll_back_workers(services: tuple[str, ...], report: Callable[[str], None], *, as_json: bool) -> None:
    """Roll back `services`, or all deployed ones if it is empty. Raises CliError."""
    home = find_platform_home()
    names = {service: read_template(home / "workers" / service)["name"] for service in SERVICES}
    access = resolve_access(read_project_file(Path.cwd()), read_user_config(user_config_path()))
    with CloudflareApi(access) as api:
        done = roll_back(api, names, services, report)
    if as_json:
        print_data({"rolled_back": [step.to_json() for step in done]})
        return
    for step in done:
        say(f"{step.service} {step.before.number}")
