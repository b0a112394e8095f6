"""acr parts: list, write, test and publish components."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "list": "List the components, or show the input and output of ID.",
    "scaffold": "Create the folder ID with a component that builds and passes its own tests.",
    "zig": "Print where Zig is, after installing it into acr's cache if it is missing.",
    "bundle": "Bundle src/main.ts or src/main.js of the component in DIR, and all that it imports, into its main.js.",
    "test": "Test the component in DIR: contract.yaml and the module next to it.",
    "publish": "Submit the component in DIR to the registry.",
    "approve": "Let everyone see and run the accepted component SUBMISSION.",
    "reject": "Restrict the component SUBMISSION to its author; withdraws an approval.",
    "install": "Copy a component from a registry into your own bucket.",
    "verify": "Check that a component is what the registry has reviewed and signed.",
}


@click.group(cls=LazyGroup, module="acr.commands.parts.{}", summaries=_COMMANDS, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Without a command: print the answer as JSON.")
@click.pass_context
def parts(context: click.Context, as_json: bool) -> None:
    """List components; write, test and publish your own.

    Without a command, lists the components.

    \b
    Examples:
      acr parts                              list all components, with statistics
      acr parts list telegram                show one's input and output, with an example
      acr parts scaffold shout --lang js     create a component that builds and passes its own tests
      acr parts test shout                   test everything that its contract promises
      acr parts publish shout                submit it to the registry's review, then use it in your workflows
      acr parts install shout                copy someone else's into your own bucket
    """
    if context.invoked_subcommand is None:
        listing = parts.get_command(context, "list")
        assert listing is not None
        context.invoke(listing, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"Put --json after the command: acr parts {context.invoked_subcommand} ... --json")
