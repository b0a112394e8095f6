"""acr parts publish: submit a component to the registry."""

import sys
from pathlib import Path

import click

from acr.commands.arguments import ComponentFolderPath
from acr.commands.options import as_json, with_registry
from acr.config.platform_home import find_platform_home
from acr.output.render import print_json, show_progress, warn
from acr.output.steps import render_steps
from acr.output.terminal import say
from acr.parts.component_folder import read_component_folder
from acr.parts.own_components import is_builtin
from acr.targets.registry_client import RegistryClient
from acr.targets.service_client import Answer, require_data
from arcrun.registry.package import build_package
from arcrun.registry.step import parse_step


@click.command()
@click.argument("folder", metavar="DIR", type=ComponentFolderPath())
@as_json
@with_registry
def publish(client: RegistryClient, folder: Path, as_json: bool) -> None:
    """Submit the component in DIR to the registry.

    The registry repeats everything that `acr parts test` does, in its own sandbox. Once every step passes, your own
    workflows can use it, as ID and, permanently, as ID@VERSION; others can once the reviewer has approved it.

    \b
    Examples:
      acr parts publish shout
      acr parts publish shout --json | jq -r .data.submission_id
    """
    component = read_component_folder(folder)
    with show_progress("in review"):
        answer = client.submit(build_package(component.contract_text, component.module))
    steps = _steps_of(answer)
    render_steps([parse_step(step) for step in steps])
    if not answer["success"] and steps:
        if as_json:
            print_json(answer)
        sys.exit(1)
    data = require_data(answer)
    component_id, version, submission_id = data["canonical_id"], data["version"], data["submission_id"]
    print_json(answer) if as_json else say(f"{component_id}@{version}")
    if is_builtin(component_id, find_platform_home()):
        warn(f"`{component_id}` is a built-in component, which takes precedence: yours never runs.")
    say(f"Accepted. To let everyone use it: acr parts approve {submission_id}", err=True)


def _steps_of(answer: Answer) -> list[dict[str, object]]:
    """The review's steps, passed or failed; none if the submission was refused before the review."""
    found = answer["data"] if answer["success"] else answer["error"]["details"]
    steps: list[dict[str, object]] = found.get("steps", [])
    return steps
