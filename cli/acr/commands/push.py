"""acr push: store a workflow."""

import sys
from pathlib import Path

import click

from acr.commands.options import as_json, with_client
from acr.output.findings import render_findings, render_refusal
from acr.output.render import print_json
from acr.output.terminal import say
from acr.output.workflows import describe_push
from acr.targets.executor_client import ExecutorClient
from acr.workflows.workflow_file import read_workflow_file


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@with_client
def push(client: ExecutorClient, file: Path, as_json: bool) -> None:
    """Store the workflow in FILE and print its webhook URL.

    A changed workflow becomes a new version; its changes are listed: + added, ~ changed, - removed nodes.

    \b
    Examples:
      acr push examples/workflows/greet.yaml
      acr push greet.yaml --json | jq -r .data.webhook_url
    """
    answer = client.push(read_workflow_file(file))
    if as_json:
        print_json(answer)
    if not answer["success"]:
        render_refusal(answer["error"], str(file))
    elif not as_json:
        data = answer["data"]
        render_findings(data["diagnostics"], str(file))
        say(describe_push(data), err=True)
        say("Its webhook (the URL is a secret):", err=True)
        say(data["webhook_url"])
    sys.exit(0 if answer["success"] else 1)
