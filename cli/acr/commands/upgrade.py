"""acr upgrade: rewrite a workflow for the current rules of a step's input."""

from pathlib import Path

import click

from acr.commands.arguments import WorkflowFile
from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.config.private_file import write_whole
from acr.config.project_paths import is_stream
from acr.errors import CliError
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.own_components import is_builtin, read_builtin
from acr.parts.part_sources import find_part
from acr.workflows.upgrade import Upgrade, list_components, upgrade_text
from acr.workflows.workflow_file import read_workflow_file
from arcrun.contracts.model import Contract
from arcrun.yaml_text import YamlTextError


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=WorkflowFile())
@click.option("--dry-run", is_flag=True, help="Show the changes without writing them.")
@as_json
def upgrade(files: tuple[Path, ...], dry_run: bool, as_json: bool) -> None:
    """Make explicit what older workflows left implicit.

    A step used to take fields missing from its config from the step before or from the trigger. Now it gets only what
    is written. This writes such fields out, and marks values that YAML reads differently now (12:30, NO, 0123).
    Optional fields that only the trigger could set are listed but not written: review the result before you push it.

    \b
    Examples:
      acr upgrade orders.yaml
      acr upgrade workflows/*.yaml --dry-run
    """
    if not dry_run and any(map(is_stream, files)):
        raise click.UsageError("A stream cannot be rewritten. Name files, or use --dry-run.")
    results = {file: _upgrade_file(file) for file in files}
    if not dry_run:
        for file, result in results.items():
            write_whole(file, result.text)
    if as_json:
        print_data({"files": [_to_json(file, result) for file, result in results.items()]})
    else:
        for file, result in results.items():
            _render(str(file), result, is_written=not dry_run)


def _upgrade_file(file: Path) -> Upgrade:
    text = read_workflow_file(file)
    try:
        return upgrade_text(text, _find_contracts(list_components(text)))
    except YamlTextError as error:
        place = f":{error.line}:{error.column}" if error.line else ""
        raise CliError(f"{file}{place} is not YAML: {error.problem}.", "Correct it first: acr validate.") from None


def _find_contracts(references: list[str]) -> dict[str, Contract]:
    """The contracts by reference: built-in ones from this machine, others from the platform if it can be reached."""
    home, contracts = find_platform_home(), {}
    for reference in references:
        try:
            entry = (
                read_builtin(reference, home) if is_builtin(reference, home) else find_part(reference, home, None)[1]
            )
            contracts[reference] = entry.contract
        except CliError:
            continue  # reported as unknown
    return contracts


def _to_json(file: Path, result: Upgrade) -> dict[str, object]:
    return {
        "file": str(file),
        "filled": [
            {"node": i.node, "field": i.field, "line": i.line, "required": i.is_required} for i in result.filled
        ],
        "respelt": [
            {"line": i.line, "spelling": i.spelling, "before": i.before, "after": i.after} for i in result.respelt
        ],
        "from_trigger": {node: list(fields) for node, fields in result.from_trigger.items()},
        "unknown_components": list(result.unknown),
    }


def _render(file: str, result: Upgrade, *, is_written: bool) -> None:
    """Print what was written to stdout, and what the user must review to stderr."""
    verb = "" if is_written else "would be "
    for item in result.filled:
        say(f"{file}: {verb}added to {item.node}: {item.line}")
    for spelling in result.respelt:
        say(f"{file}:{spelling.line}: {verb}marked: {spelling.told}")
    for node, fields in result.from_trigger.items():
        say(f"{file}: {node}: the trigger could set {', '.join(fields)}, but no longer can", err=True)
    for component in result.unknown:
        say(f"{file}: the component {component} is unknown: check its node yourself", err=True)
    for line in result.unnamed:
        say(f"{file}: `{line}` does not name its list: write FOREACH item IN path", err=True)
    if not result.filled and not result.respelt:
        say(f"{file}: nothing to change", err=True)
