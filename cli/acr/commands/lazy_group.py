"""A group of commands whose modules are imported only when they are wanted, so that the others start quickly."""

import importlib
from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """`summaries`: each command's name -> what the group's help says of it, the first line of the command's own help.

    The command NAME is NAME in the module that `module` (such as `acr.commands.{}`) makes of it.
    """

    def __init__(self, *, module: str, summaries: Mapping[str, str], **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self._module, self.summaries = module, summaries

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.summaries)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.summaries:
            return None
        command: click.Command = getattr(importlib.import_module(self._module.format(name)), name)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.summaries.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the summaries, so that a press of Tab imports nothing either."""
        found = [
            CompletionItem(name, help=text) for name, text in self.summaries.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]
