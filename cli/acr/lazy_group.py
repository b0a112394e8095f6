"""A group of commands whose modules are imported only when they are wanted, so that the others start quickly."""

import importlib
from collections.abc import Mapping

import click


class LazyGroup(click.Group):
    """`modules`: each command's name -> the module that has it, under that name."""

    modules: Mapping[str, str]

    def __init__(self, *, modules: Mapping[str, str], **attributes: object) -> None:
        super().__init__(**attributes)  # type: ignore[arg-type]
        self.modules = modules

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.modules)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.modules:
            return None
        command: click.Command = getattr(importlib.import_module(self.modules[name]), name)
        return command
