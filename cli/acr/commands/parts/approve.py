"""acr parts approve: the reviewer's decision."""

import click

from acr.commands.options import as_json, with_registry
from acr.parts.rendering import render_decision
from acr.targets.registry_client import RegistryClient


@click.command()
@click.argument("submission", metavar="SUBMISSION")
@click.option("--reason", default="", metavar="TEXT", help="Stored with the decision.")
@as_json
@with_registry
def approve(client: RegistryClient, submission: str, reason: str, as_json: bool) -> None:
    """Let everyone see and run the accepted component SUBMISSION.

    The first characters of the id are enough. Needs the reviewer's key: that of `acr dev` or of your own registry, or
    ARCRUN_REVIEWER_KEY.

    \b
    Examples:
      acr parts approve sub_0123456789abcdef01234567
      acr parts approve sub_0123456789abcdef01234567 --json | jq -r .data.visibility
    """
    render_decision(client.decide(client.find_submission_id(submission), "approve", reason), as_json)
