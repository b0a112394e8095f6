"""acr parts test: test everything that a component's contract promises, on this machine."""

import sys
from pathlib import Path

import click

from acr.bench.bench import review_folder
from acr.commands.arguments import ComponentFolderPath
from acr.commands.options import as_json
from acr.config.platform_home import find_platform_home
from acr.errors import CliError
from acr.output.render import print_outcome
from acr.output.steps import render_steps
from acr.parts.component_folder import read_component_folder
from arcrun.registry.step import StepStatus


@click.command()
@click.argument("folder", metavar="DIR", type=ComponentFolderPath())
@as_json
def test(folder: Path, as_json: bool) -> None:
    """Test the component in DIR: contract.yaml and the module next to it.

    Checks the contract, the size, and the module's imports and exports; measures its cold start; runs every scenario
    in a sandbox with limits on fuel, memory and time, with the scenario's stubs for the host; compares the output with
    the scenario and output_schema; and runs everything twice to check that the output is the same. Exits with 1 if a
    step fails.

    \b
    Examples:
      acr parts test components/string_ops
      acr parts test shout --json | jq '.data.steps[] | select(.status == "failed")'
    """
    review = review_folder(read_component_folder(folder), find_platform_home())
    if as_json:
        failed = [step.name for step in review.steps if step.status is StepStatus.FAILED]
        message, hint = f"Steps that failed: {', '.join(failed)}.", "Follow each failed step's next_actions."
        print_outcome(
            {"accepted": review.accepted, "steps": [step.to_json() for step in review.steps]},
            None if review.accepted else CliError(message, hint, "NOT_ACCEPTED"),
        )
    render_steps(review.steps)
    sys.exit(0 if review.accepted else 1)
