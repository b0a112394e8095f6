"""acr validate: check workflows."""

import sys
from pathlib import Path

import click

from acr.commands.options import as_json, with_client
from acr.output.findings import count_findings, render_findings
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.workflows.workflow_file import read_workflow_file


@click.command()
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@as_json
@with_client
def validate(client: ExecutorClient, files: tuple[Path, ...], as_json: bool) -> None:
    """Check workflows without storing them.

    Reports all errors and warnings, checked against the platform's components, workflows and credentials. Exits with 1
    if there is an error; warnings alone do not fail.

    \b
    Examples:
      acr validate greet.yaml
      acr validate workflows/*.yaml --json | jq '.data.diagnostics[].code'
    """
    texts = [(read_workflow_file(file), str(file)) for file in files]
    checked = [require_data(client.validate(text, file)) for text, file in texts]
    is_valid = all(data["valid"] for data in checked)
    diagnostics = [finding for data in checked for finding in data["diagnostics"]]
    if as_json:
        print_data({"valid": is_valid, "diagnostics": diagnostics})
    else:
        render_findings(diagnostics, "")
        say(count_findings(diagnostics), err=True)
    sys.exit(0 if is_valid else 1)
