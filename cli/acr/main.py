"""The command `acr`: dispatches to a subcommand, and turns errors into a message and an exit code."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import click

from acr.answer_shape import SHAPE_FAULTS, explain_shape, forget_answers
from acr.commands.lazy_group import LazyGroup
from acr.config.chosen_target import forget_target
from acr.errors import CliError
from acr.output.failure import show_failure, show_usage_failure
from acr.output.terminal import STDOUT, abandon_stdout, prepare_streams, show_faults_escaped
from acr.system_faults import explain_lost_stdout, explain_system_fault

# Each command's summary in `acr --help`; a test compares it with the first line of the command's own help.
_COMMANDS = {
    "init": "Prepare this folder and your Cloudflare account.",
    "dev": "Start the platform on this machine, on real workerd, without internet or account.",
    "deploy": "Deploy the Workers to your Cloudflare account and print their addresses.",
    "export": "Write all workflows with their versions, schedules and pauses to FILE.",
    "restore": "Make the workflows of an export again, with their versions.",
    "destroy": "Remove the platform from your Cloudflare account, with everything that it has stored.",
    "new": "Write a workflow from a template, with its test; without TEMPLATE, list the templates.",
    "validate": "Check workflows without storing them.",
    "test": "Run workflow tests, offline and without a platform.",
    "upgrade": "Make explicit what older workflows left implicit.",
    "push": "Store the workflow in FILE and print its webhook URL.",
    "run": "Run the workflow in FILE, or the stored workflow NAME.",
    "show": "Show what is stored of a workflow: its text, and where it comes from.",
    "pull": "Write a stored workflow to the file that it was pushed from.",
    "diff": "Show how a file differs from the stored workflow, or one version from another.",
    "open": "Open the console in a browser: all workflows, WORKFLOW, or one run.",
    "list": "List the stored workflows, or the versions of one.",
    "logs": "List the runs, or show one as a timeline.",
    "rollback": "Make an earlier version of a workflow current again.",
    "rotate": "Give a workflow a new webhook URL; the old one stops working.",
    "pause": "Let a workflow's webhook refuse or queue requests until `acr resume`.",
    "resume": "End the pause of a workflow's webhook, and begin what was queued.",
    "schedule": "List the schedules of workflows; pause, resume and try them.",
    "trigger": "Start a workflow on this machine as something outside would.",
    "event": "Send an event to a run that waits for it (`wait_for`), or will.",
    "dismiss": "Say that failed accepted runs have been dealt with.",
    "replay": "Run a run again, by default with its own input in its own version.",
    "retry": "Run again what has failed of RUN, or of all runs that the options say.",
    "cancel": "Let a run end, and what it has done be undone.",
    "decide": "Say what becomes of a step with `once` that a crash cut off: whether it is done again, or skipped.",
    "approve": "Decide what a run asks people (`approve`), as the platform's owner, without a link.",
    "delete": "Delete a workflow with all its versions and its webhook.",
    "store": "List, read and edit what workflows keep between their runs.",
    "usage": "Show how much of the plan's daily quotas the run records have used.",
    "keys": "Make, list and revoke API keys that may do less than the account's own.",
    "sessions": "List and end the sessions of the console: browsers that are signed in.",
    "audit": "Show who changed what: workflows, credentials, keys.",
    "account": "Show or delete your account on a hosted platform, or rotate its API key.",
    "creds": "Store secrets, encrypted on this machine.",
    "parts": "List components; write, test and publish your own.",
    "doctor": "Check this machine, configuration, token, resources, Workers and credentials.",
    "docs": "Open the documentation of this version in a browser.",
    "completion": "Print the completion script for your shell.",
}


@click.group(
    cls=LazyGroup,
    module="acr.commands.{}",
    summaries=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="arcrun-workers")
def acr() -> None:
    """Workflows of sandboxed WebAssembly components on your own Cloudflare account.

    \b
    Examples:
      acr dev                                    start the platform on this machine
      acr push examples/workflows/greet.yaml     store a workflow, get its webhook URL
      acr run greet --input '{"name": "Ada"}'    run it and see the trace
    """


def main() -> None:
    prepare_streams()
    show_faults_escaped()
    forget_answers()
    forget_target()
    try:
        acr.main(standalone_mode=False)
    except click.exceptions.Exit as stopped:
        sys.exit(stopped.exit_code)
    except click.ClickException as error:  # a usage error, with exit code 2
        with _at_least_on_stderr():
            show_usage_failure(error, as_json=_wants_json())
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of stdout has closed it
        abandon_stdout()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CliError as error:
        _end_with(error)
    except OSError as error:
        if error.filename == STDOUT:
            abandon_stdout()
            _end_with(explain_lost_stdout(error))
        explained = explain_system_fault(error)
        if explained is None:
            raise
        _end_with(explained)
    except SHAPE_FAULTS as fault:
        explained = explain_shape(fault)
        if explained is None:
            raise
        _end_with(explained)


def _end_with(error: CliError) -> NoReturn:
    with _at_least_on_stderr():
        show_failure(error, as_json=_wants_json())
    sys.exit(error.exit_code)


@contextmanager
def _at_least_on_stderr() -> Iterator[None]:
    """Print a failure although stdout cannot be written."""
    try:
        yield
    except OSError:
        abandon_stdout()


def _wants_json() -> bool:
    """Whether --json was given; also where the command line was not understood."""
    options = sys.argv[1 : sys.argv.index("--")] if "--" in sys.argv else sys.argv[1:]
    return "--json" in options
