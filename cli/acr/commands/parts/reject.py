"""acr parts reject: the reviewer's decision."""

import click

from acr.commands.options import as_json, with_registry
from acr.parts.rendering import render_decision
from acr.targets.registry_client import RegistryClient


@click.command()
@click.argument("submission", metavar="SUBMISSION")
@click.option("--reason", required=True, metavar="TEXT", help="Shown to the author.")
@as_json
@with_registry
def reject(client: RegistryClient, submission: str, reason: str, as_json: bool) -> None:
    """Restrict the component SUBMISSION to its author; withdraws an approval.

    The first characters of the id are enough. Needs the reviewer's key: that of `acr dev` or of your own registry, or
    ARCRUN_REVIEWER_KEY.

    \b
    Examples:
      acr parts reject sub_0123456789abcdef01234567 --reason "sends data to hosts that the description does not name"
    """
    render_decision(client.decide(client.find_submission_id(submission), "reject", reason), as_json)
