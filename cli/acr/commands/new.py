"""acr new: write a workflow from a template."""

import shlex
import textwrap
from pathlib import Path

import click

from acr.commands.arguments import NewWorkflowFile, TemplateName, WorkflowName
from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.output.render import print_data, print_table
from acr.output.terminal import say
from acr.workflows.templates import NeededCredential, Templates, WorkflowTemplate, plan_files, write_files
from acr.workflows.workflow_file import SUFFIXES

TOLD_WIDTH = 90


@click.command()
@click.argument("template", required=False, type=TemplateName())
@click.argument("file", required=False, type=NewWorkflowFile())
@click.option("--name", type=WorkflowName(), help="The new workflow's name  [default: FILE's, or the template's].")
@as_json
def new(template: str | None, file: Path | None, name: str | None, as_json: bool) -> None:
    """Write a workflow from a template, with its test; without TEMPLATE, list the templates.

    Writes FILE, by default NAME.yaml in this folder, and overwrites nothing. Workflows that the template calls are
    written beside it.

    \b
    Examples:
      acr new
      acr new health_alarm
      acr new greet --name welcome
      acr new order_router workflows/orders.yaml
    """
    templates = Templates(find_platform_home())
    if template is None:
        if name is not None:
            raise click.UsageError("--name is for a new workflow: name the TEMPLATE too.")
        found = [templates.read(each) for each in templates.names]
        print_data({"templates": [each.to_json() for each in found]}) if as_json else _show(found)
        return
    if file is not None and file.suffix not in SUFFIXES:
        raise click.BadParameter(f"`{file}` must end in {' or '.join(SUFFIXES)}.", param_hint="FILE")
    chosen = templates.read(template)
    file = file or Path(f"{name or chosen.name}.yaml")
    name = name or WorkflowName().convert(file.stem, None, click.get_current_context())
    written = write_files(file, plan_files(chosen, file, name))
    steps = _list_steps(chosen, file, [path for path in written if path.name.endswith(f".test{path.suffix}")])
    if as_json:
        credentials = [credential.to_json() for credential in chosen.all_credentials]
        files = [str(path) for path in written]
        print_data({"name": name, "files": files, "credentials": credentials, "next": [*steps]})
        return
    say(f"Wrote {', '.join(map(str, written))}. {chosen.description}", err=True)
    say("Next:", err=True)
    for step, told in steps.items():
        say(f"  {step}", err=True)
        for line in told:
            say(f"      {line}", err=True)


def _list_steps(template: WorkflowTemplate, file: Path, tests: list[Path]) -> dict[str, list[str]]:
    """The next commands in their order, each with lines about it."""
    called = [file.with_name(f"{each.name}.yaml") for each in reversed(template.calls)]
    files = shlex.join(str(path) for path in (*called, file))
    return {
        **{f"acr test {shlex.quote(str(path))}": [] for path in tests},
        f"acr validate {files}": [],
        **{f"acr creds set {each.name}": _describe(each) for each in template.all_credentials},
        f"acr push {files}": [],
    }


def _describe(credential: NeededCredential) -> list[str]:
    """Lines of at most TOLD_WIDTH characters, except for an address."""
    told = credential.description or f"For {', '.join(credential.nodes)}: see the head of the file."
    lines = textwrap.wrap(told, TOLD_WIDTH, break_long_words=False, break_on_hyphens=False)
    return [*lines, *([credential.help_url] if credential.help_url else [])]


def _show(templates: list[WorkflowTemplate]) -> None:
    rows = [
        (
            template.name,
            template.description,
            ", ".join(credential.name for credential in template.all_credentials) or "-",
        )
        for template in templates
    ]
    titles = ("template", "what it does", "credentials")
    print_table(titles, rows, flexible=titles[1:])
    say("Write one: acr new TEMPLATE", err=True)
