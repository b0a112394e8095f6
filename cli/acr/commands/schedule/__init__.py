"""acr schedule: the times at which workflows start by themselves."""

import click

from acr.commands.lazy_group import LazyGroup

_COMMANDS = {
    "list": "List the schedules of all workflows, or of one, with what has become of their times.",
    "next": "Show the next times of a workflow's schedules, in their zones and in UTC.",
    "pause": "Let a workflow's schedules start no runs until `acr schedule resume`.",
    "resume": "Let a workflow's schedules start runs again, at the times to come.",
    "run": "Start a run of a workflow now, as a time of its schedule would.",
}


@click.group(cls=LazyGroup, module="acr.commands.schedule.{}", summaries=_COMMANDS, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Without a command: print the answer as JSON.")
@click.pass_context
def schedule(context: click.Context, as_json: bool) -> None:
    """List the schedules of workflows; pause, resume and try them.

    Without a command, lists them. A workflow's schedules are among its triggers, and come and go with its versions.
    What a `watch` polls is among them, as the last of its workflow.

    \b
    Examples:
      acr schedule                     list all schedules with their next times
      acr schedule next digest         show when one is due, in its zone and in UTC
      acr schedule pause digest        start no more runs for a while
      acr schedule run digest          start a run now
    """
    if context.invoked_subcommand is None:
        listing = schedule.get_command(context, "list")
        assert listing is not None
        context.invoke(listing, as_json=as_json)
    elif as_json:
        raise click.UsageError(f"Put --json after the command: acr schedule {context.invoked_subcommand} ... --json")
