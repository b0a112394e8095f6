"""acr trigger email: a message for a workflow."""

from pathlib import Path

import click

from acr.commands.arguments import WorkflowName
from acr.commands.options import as_json, with_client
from acr.errors import CliError
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.local_mail import check_message, explain_refusal, prepare_message, require_local_mail
from acr.targets.service_client import require_data
from arcrun.engine.trigger import TriggerKind

DEFAULT_SENDER = "sender@example.com"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--workflow", type=WorkflowName(), metavar="NAME", help="The workflow that it is for.")
@click.option("--to", "recipient", metavar="ADDRESS", help="The address that it is for, instead.")
@click.option("--from", "sender", metavar="ADDRESS", default=DEFAULT_SENDER, show_default=True, help="Who sends it.")
@click.option(
    "--dmarc",
    type=click.Choice(["pass", "fail"]),
    help="What Cloudflare would have found out about its From  [default: nothing].",
)
@as_json
@with_client
def email(
    *,
    client: ExecutorClient,
    file: Path,
    workflow: str | None,
    recipient: str | None,
    sender: str,
    dmarc: str | None,
    as_json: bool,
) -> None:
    """Deliver the message in FILE to a workflow of this folder's `acr dev`.

    FILE is a message as mail programs save it (.eml). The run's id is printed; of a message that was delivered before,
    nothing: it starts no second run. A deployed platform gets messages by mail only: `acr show NAME` has the address.

    \b
    Examples:
      acr trigger email invoice.eml --workflow invoices
      acr trigger email invoice.eml --workflow invoices --dmarc pass
      acr logs "$(acr trigger email invoice.eml --workflow invoices)" --follow
    """
    if (workflow is None) == (recipient is None):
        raise click.UsageError("Name either --workflow or --to.")
    mail = require_local_mail(client.url)
    address = recipient if workflow is None else _find_address(client, workflow)
    content = file.read_bytes()
    check_message(content)
    known = _list_newest(client)
    refused = mail.deliver(sender, address or "", prepare_message(content, dmarc))
    if refused is not None:
        raise CliError(f"The message was refused: {refused}", explain_refusal(refused), "MESSAGE_REFUSED")
    started = [run_id for run_id in _list_newest(client) if run_id not in known]
    if as_json:
        print_data({"run_id": started[0] if started else None})
    elif started:
        say(started[0])
    else:
        say("It was delivered before: no run was started.", err=True)


def _find_address(client: ExecutorClient, workflow: str) -> str:
    address: str | None = require_data(client.show_workflow(workflow)).get("email_address")
    if address is None:
        raise CliError(
            f"No message starts `{workflow}`.",
            "Add `email: {}` to its triggers, and push it.",
            "EMAIL_NOT_TAKEN",
        )
    return address


def _list_newest(client: ExecutorClient) -> list[str]:
    return [run["run_id"] for run in client.list_runs({"trigger": TriggerKind.EMAIL.value}, 10)]
