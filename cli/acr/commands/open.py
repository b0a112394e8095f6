"""acr open: the console, in a browser that is signed in."""

import os
import sys
import webbrowser

import click

from acr.commands.options import as_json, with_client
from acr.config.platform_home import find_platform_home
from acr.docs.pages import Documentation
from acr.errors import CliError
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_ids import require_run_id
from acr.targets.service_client import require_data
from arcrun.workflows.parse import is_workflow_name


@click.command()
@click.argument("workflow", metavar="[WORKFLOW]", default="")
@click.option("--run", "run_id", metavar="RUN", help="Open this run: its id, or the beginning of it.")
@click.option("--read-only", is_flag=True, help="Sign in to look only.")
@click.option("--print", "prints", is_flag=True, help="Print the address instead of opening a browser.")
@as_json
@with_client
def open(
    client: ExecutorClient, workflow: str, run_id: str | None, *, read_only: bool, prints: bool, as_json: bool
) -> None:
    """Open the console in a browser: all workflows, WORKFLOW, or one run.

    The browser is signed in by a link that is good once, within a minute, with the right of the API key that this
    command uses. Where no browser can be opened, the address is printed.

    \b
    Examples:
      acr open
      acr open orders
      acr open --run 01JD4K9V3M8QF2T6X0Y7ZB5CNE
      acr open --read-only --print
    """
    place = _find_place(client, workflow, run_id)
    link = client.make_session_link(read_only=read_only)
    url = f"{link['url']}&to={place}" if place else str(link["url"])
    if as_json:
        print_data({"url": url, "expires_at": link["expires_at"]})
    elif prints:
        say(url)
    elif url.startswith(("https://", "http://")) and _has_screen() and webbrowser.open(url):
        say(f"Opened {url.partition('#')[0]}", err=True)
    else:
        say(url)
        say("No browser could be opened. Next: within a minute, open the address above yourself, once", err=True)


def _find_place(client: ExecutorClient, workflow: str, run_id: str | None) -> str:
    """The console's route. Raises CliError, also for a page of the documentation, which this command opened once."""
    if workflow and run_id is not None:
        raise click.UsageError("Name a workflow or a run, not both.")
    if run_id is not None:
        return f"/runs/{require_run_id(client, run_id)}"
    if not workflow:
        return ""
    answer = client.show_workflow(workflow) if is_workflow_name(workflow) else None
    if answer is not None and answer["success"]:
        return f"/workflows/{workflow}"
    if answer is not None and answer["error"]["code"] != "WORKFLOW_NOT_FOUND":
        require_data(answer)
    raise CliError(f"There is no workflow {workflow!r}.", _advise(workflow), "WORKFLOW_NOT_FOUND")


def _advise(name: str) -> str:
    try:
        page = Documentation(find_platform_home()).find_page(name.partition("#")[0])
    except CliError:
        return "List the workflows: acr list"
    return f"That is a page of the documentation: acr docs {page}"


def _has_screen() -> bool:
    """Whether a browser would have a screen: without one, Python finds those that run in the terminal."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"))
