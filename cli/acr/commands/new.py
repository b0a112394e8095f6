"""acr new: write a workflow from a template."""

import shlex
from pathlib import Path

import click

from acr.commands.arguments import TemplateName, WorkflowName
from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.output.render import print_data, print_table
from acr.output.terminal import say
from acr.workflows.templates import Templates, WorkflowTemplate, plan_files, write_files
from acr.workflows.workflow_file import SUFFIXES


@click.command()
@click.argument("template", required=False, type=TemplateName())
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
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
        print_data({"name": name, "files": files, "credentials": credentials, "next": [step for step, _ in steps]})
        return
    say(f"Wrote {', '.join(map(str, written))}. {chosen.description}", err=True)
    say("Next:", err=True)
    width = max(len(step) for step, _ in steps)
    for step, told in steps:
        say(f"  {step:{width}}  {told}".rstrip(), err=True)


def _list_steps(template: WorkflowTemplate, file: Path, tests: list[Path]) -> list[tuple[str, str]]:
    """The next commands, each with what to know about it."""
    steps = [(f"acr test {shlex.quote(str(path))}", "") for path in tests]
    steps.append((f"acr validate {shlex.quote(str(file))}", ""))
    for credential in template.all_credentials:
        used = f"for {', '.join(credential.nodes)}"
        told = f"{credential.description} {credential.help_url}".strip() or f"{used}: see the head of the file"
        steps.append((f"acr creds set {credential.name}", told))
    called = [file.with_name(f"{each.name}.yaml") for each in reversed(template.calls)]
    return [*steps, *((f"acr push {shlex.quote(str(path))}", "") for path in (*called, file))]


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
