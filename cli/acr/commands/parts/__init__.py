"""acr parts: the components, and how to make one."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "list": "List the components, or show what ID takes and gives.",
    "scaffold": "Make the folder ID with a component that builds and passes its own tests.",
    "test": "Try the component in DIR: contract.yaml and the module beside it.",
    "publish": "Hand the component in DIR to the registry.",
    "approve": "Let everybody see and run the accepted component SUBMISSION.",
    "reject": "Keep the component SUBMISSION to its author; one that was approved is taken back.",
    "install": "Copy a component of a registry into your own bucket.",
    "verify": "Check that a component is what the registry has reviewed and signed.",
}


@click.group(cls=LazyGroup, module="acr.commands.parts.{}", summaries=_COMMANDS, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Without a command: print JSON on stdout.")
@click.pass_context
def parts(context: click.Context, as_json: bool) -> None:
    """List components; write, try and publish your own.

    Without a command it lists them.

    \b
    Examples:
      acr parts                              which there are, with what is counted of them
      acr parts list telegram                what it takes and gives, with an example
      acr parts scaffold shout --lang zig    a component that builds and passes its own tests
      acr parts test shout                   everything that its contract promises
      acr parts publish shout                reviewed by the registry; your workflows can use it
      acr parts install shout                somebody else's, into your own bucket
    """
    if context.invoked_subcommand is None:
        listing = parts.get_command(context, "list")
        assert listing is not None
        context.invoke(listing, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"Put --json behind the command: acr parts {context.invoked_subcommand} ... --json")
