"""A click group that imports a command's module only when that command is used, so that every command starts fast."""

import importlib
from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem


class LazyGroup(click.Group):
    """`summaries` maps each command's name to its line in the group's help: the first line of the command's own help.

    The command NAME is the attribute NAME of the module `module.format(NAME)`, with `module` like `acr.commands.{}`.
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
        """Complete from the summaries, so that Tab imports no command."""
        found = [
            CompletionItem(name, help=text) for name, text in self.summaries.items() if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]
