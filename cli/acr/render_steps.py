"""The steps of a component's review for people, on stderr."""

import sys
from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from arcrun.registry.step import Step, StepStatus

_STYLES = {StepStatus.PASSED: "green", StepStatus.FAILED: "red", StepStatus.SKIPPED: "dim"}


def render_steps(steps: Sequence[Step]) -> None:
    table = Table("step", "status", "figure", "limit", box=None, pad_edge=False)
    for step in steps:
        table.add_row(step.name, Text(step.status, _STYLES[step.status]), Text(step.figure), Text(step.limit))
    Console(file=sys.stderr).print(table)
    for step in steps:
        if step.status is StepStatus.FAILED:
            render_failure(step)


def render_failure(step: Step) -> None:
    click.secho(f"Error {step.code} in {step.name}:", fg="red", err=True)
    for finding in step.findings:
        click.echo(f"  {finding}", err=True)
    for action in step.next_actions:
        click.echo(f"Next: {action}", err=True)
