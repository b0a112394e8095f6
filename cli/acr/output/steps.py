"""Prints the steps of a component's review to stderr."""

from collections.abc import Sequence

from rich.text import Text

from acr.output.render import print_table
from acr.output.terminal import say
from arcrun.registry.step import Step, StepStatus

_STYLES = {StepStatus.PASSED: "green", StepStatus.FAILED: "red", StepStatus.SKIPPED: "dim"}


def render_steps(steps: Sequence[Step]) -> None:
    rows = [(step.name, Text(step.status, _STYLES[step.status]), step.figure, step.limit) for step in steps]
    print_table(("step", "status", "figure", "limit"), rows, flexible=("figure", "limit"), stream="stderr")
    for step in steps:
        if step.status is StepStatus.FAILED:
            render_failure(step)


def render_failure(step: Step) -> None:
    say(f"Error {step.code} in {step.name}:", colour="red", err=True)
    for finding in step.findings:
        say(f"  {finding}", err=True)
    for action in step.next_actions:
        say(f"Next: {action}", err=True)
