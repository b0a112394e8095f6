"""The command `acr`: finds the subcommand, and turns what goes wrong into a message and an exit code."""

import importlib
import sys

import click

from acr.errors import CliError

# The commands and what `acr --help` says of them; tests compare it with each command's own help.
_COMMANDS = {
    "init": "Prepare this folder and your Cloudflare account.",
    "deploy": "Deploy the Workers to your Cloudflare account and print their addresses.",
    "creds": "Store secrets, encrypted on this machine.",
    "dev": "Start the platform on this machine, on real workerd, without internet or account.",
    "push": "Store the workflow in FILE and print its webhook URL.",
    "doctor": "Check configuration, token, resources, Workers and credentials.",
    "parts": "Write and test components of your own.",
    "run": "Run the workflow in FILE, or the stored workflow NAME.",
}


class _LazyGroup(click.Group):
    """Imports a command's module only when that command is wanted, so that `acr --help` starts quickly."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"acr.commands.{name}"), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
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
    try:
        acr.main(standalone_mode=False)
    except click.exceptions.Exit as stopped:
        sys.exit(stopped.exit_code)
    except click.ClickException as error:  # wrong usage: click says what, and exits with 2
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CliError as error:
        click.secho(f"Error: {error.message}", fg="red", err=True)
        if error.hint:
            click.echo(f"Next: {error.hint}", err=True)
        sys.exit(error.exit_code)
