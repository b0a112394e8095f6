"""acr run: run a workflow from a file, or a stored one by name."""

import sys
from pathlib import Path
from typing import Any

import click

from acr.commands.arguments import STDIN, WorkflowNameOrFile
from acr.commands.options import as_json, with_client
from acr.config.project_paths import read_regular, require_inner
from acr.output.findings import render_refusal
from acr.output.render import print_json
from acr.output.terminal import say
from acr.output.trace import render_trace
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_watch import watching_run
from acr.targets.service_client import Answer
from acr.workflows.workflow_file import read_workflow_file
from arcrun.json_text import JsonLimitError, parse_json
from arcrun.limits import MAX_RUN_TIMEOUT_MS

_STDIN_INPUTS = ("-", "@-", f"@{STDIN}")


@click.command()
@click.argument("workflow", metavar="FILE|NAME", type=WorkflowNameOrFile())
@click.option(
    "--input", "input_text", default="{}", metavar="JSON|@FILE|-", help="The trigger's input; `-` reads it from stdin."
)
@click.option("--timeout-ms", type=click.IntRange(1, MAX_RUN_TIMEOUT_MS), help="Stop the run after this time.")
@click.option(
    "--async",
    "is_async",
    is_flag=True,
    help="Do not wait: print the run's id. Only for stored workflows. The run ends after 30 s, whatever they allow.",
)
@as_json
@with_client
def run(
    *,
    client: ExecutorClient,
    workflow: str | Path,
    input_text: str,
    timeout_ms: int | None,
    is_async: bool,
    as_json: bool,
) -> None:
    """Run the workflow in FILE, or the stored workflow NAME.

    The answer's data goes to stdout, the trace to stderr. Ctrl-C ends the waiting, not the run.

    \b
    Examples:
      acr run examples/workflows/greet.yaml --input '{"name": "Ada"}'
      acr run greet --input @input.json --json
      echo '{"name": "Ada"}' | acr run greet --input -
      acr logs "$(acr run greet --async)" --follow
    """
    if is_async and not isinstance(workflow, str):
        raise click.UsageError(f"--async needs a stored workflow. Store it first: acr push {workflow}")
    if workflow == STDIN and input_text in _STDIN_INPUTS:
        raise click.UsageError("stdin is either the workflow or the input. Put one of them into a file.")
    input_value = _read_input(input_text)
    with watching_run(client.url) as watch:
        if not isinstance(workflow, str):
            answer = client.execute(read_workflow_file(workflow), input_value, timeout_ms, watch.begin)
        elif is_async:
            answer = client.start(workflow, input_value, timeout_ms)
        else:
            answer = client.trigger(workflow, input_value, timeout_ms, watch.begin)
    if as_json:
        print_json(answer)
    if not answer["success"] or not as_json:
        _render(answer, str(workflow))
    sys.exit(0 if answer["success"] else 1)


def _render(answer: Answer, workflow: str) -> None:
    if "trace" in answer:
        render_trace(answer)
    if not answer["success"]:
        render_refusal(answer["error"], workflow)
    elif "trace" in answer:
        print_json(answer["data"])
    else:
        say(answer["run_id"])


def _read_input(text: str) -> Any:
    """`text` is JSON, `@` and a file's path, or `-` or `@-` for stdin. Raises click.BadParameter."""
    if text in _STDIN_INPUTS:
        text = f"@{STDIN}"
    try:
        return parse_json(_read_file(Path(text[1:])) if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint="--input") from None
    except JsonLimitError as error:
        raise click.BadParameter(f"{error}", param_hint="--input") from None
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--input") from None


def _read_file(path: Path) -> str:
    return read_regular(require_inner(path), path)
