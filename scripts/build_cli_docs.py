"""Write docs/cli.md from the help texts of `acr` and each of its commands.

python scripts/build_cli_docs.py            writes it
python scripts/build_cli_docs.py --check    exits 1 if it is out of date
"""

import sys
from collections.abc import Iterator

import click
from stage import ROOT

from acr.main import acr

TARGET = ROOT / "docs/cli.md"
WIDTH = 100


def main() -> None:
    text = "\n".join(render()) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit("docs/cli.md is out of date. Run: .venv/bin/python scripts/build_cli_docs.py")


def render() -> Iterator[str]:
    yield "# The command line"
    yield ""
    yield "Generated from the help texts by `scripts/build_cli_docs.py`. Data goes to stdout, messages to stderr."
    yield "Exit codes: 0 done, 1 failed, 2 wrong usage, 4 not logged in, 130 interrupted."
    yield from render_command(build_context("acr", acr))


def render_command(context: click.Context) -> Iterator[str]:
    """The command's own help, then its subcommands'."""
    yield from ("", f"## {context.command_path}", "", "```", context.get_help().rstrip(), "```")
    command = context.command
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            found = command.get_command(context, name)
            assert found is not None
            yield from render_command(build_context(name, found, context))


def build_context(name: str, command: click.Command, parent: click.Context | None = None) -> click.Context:
    settings = command.context_settings
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=WIDTH, max_content_width=WIDTH, **settings
    )
    context.color = False
    return context


if __name__ == "__main__":
    main()
