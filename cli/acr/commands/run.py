"""acr run: run a workflow from a file, or a stored one by name."""

import sys
from http import HTTPStatus
from pathlib import Path
from typing import Any, NoReturn

import click
import httpx

from acr.commands.arguments import STDIN, WorkflowNameOrFile
from acr.commands.json_option import STDIN_VALUES, read_json_option
from acr.commands.options import as_json, with_client
from acr.config.project_paths import read_regular_bytes, require_inner
from acr.errors import CliError
from acr.output.findings import render_refusal
from acr.output.render import print_json
from acr.output.terminal import put_text, say
from acr.output.trace import render_trace
from acr.targets.executor_client import ExecutorClient
from acr.targets.run_watch import watching_run
from acr.targets.saved_request import parse_saved_request
from acr.targets.service_client import Answer, require_data
from acr.workflows.workflow_file import read_workflow_file
from arcrun.limits import MAX_ANSWER_WAIT_MS, MAX_RUN_TIMEOUT_MS
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.triggers.examples import read_examples
from arcrun.workflows.triggers.model import DEFAULT_WAIT_MS


@click.command()
@click.argument("workflow", metavar="FILE|NAME", type=WorkflowNameOrFile())
@click.option(
    "--input", "input_text", metavar="JSON|@FILE|-", help="The trigger's input; `-` reads it from stdin  [default: {}]."
)
@click.option("--example", metavar="NAME", help="Run it with this one of the inputs that it keeps as `examples`.")
@click.option(
    "--request",
    "request_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Send the HTTP request saved in FILE to the webhook instead. Only for stored workflows.",
)
@click.option("--timeout-ms", type=click.IntRange(1, MAX_RUN_TIMEOUT_MS), help="Stop the run after this time.")
@click.option(
    "--async",
    "is_async",
    is_flag=True,
    help="Do not wait: print the run's id. Only for stored workflows. The run ends after 30 s, or 22 s if it has "
    "undos, whatever they allow.",
)
@click.option(
    "--wait-ms",
    type=click.IntRange(0, MAX_ANSWER_WAIT_MS),
    default=DEFAULT_WAIT_MS,
    show_default=True,
    help="How long to wait for the end of a durable run. If that is too short, its id is printed.",
)
@as_json
@with_client
def run(
    *,
    client: ExecutorClient,
    workflow: str | Path,
    input_text: str | None,
    example: str | None,
    request_file: Path | None,
    timeout_ms: int | None,
    is_async: bool,
    wait_ms: int,
    as_json: bool,
) -> None:
    """Run the workflow in FILE, or the stored workflow NAME.

    The answer's data goes to stdout, the trace to stderr. Ctrl-C ends the waiting, not the run.

    \b
    Examples:
      acr run examples/workflows/greet.yaml --input '{"name": "Ada"}'
      acr run greet --input @input.json --json
      acr run greet --example busy
      echo '{"name": "Ada"}' | acr run greet --input -
      acr logs "$(acr run greet --async)" --follow
      acr run orders --request github-push.http
    """
    if request_file is not None:
        if input_text is not None or example is not None or not isinstance(workflow, str):
            raise click.UsageError("--request has the input, and needs a stored workflow: acr push FILE.")
        saved = parse_saved_request(_read_bytes(request_file))
        with watching_run(client.url):
            response = client.play(workflow, saved, timeout_ms, is_async=is_async)
        finish(_read_played(response, client), workflow, as_json=as_json)
    if example is not None and input_text is not None:
        raise click.UsageError("--example is an input. Omit --input, or --example.")
    input_text = "{}" if input_text is None else input_text
    if is_async and not isinstance(workflow, str):
        raise click.UsageError(f"--async needs a stored workflow. Store it first: acr push {workflow}")
    if workflow == STDIN and input_text in STDIN_VALUES:
        raise click.UsageError("stdin is either the workflow or the input. Put one of them into a file.")
    input_value = (
        read_json_option(input_text, "--input") if example is None else _find_example(client, workflow, example)
    )
    with watching_run(client.url) as watch:
        if not isinstance(workflow, str):
            answer = client.execute(read_workflow_file(workflow), input_value, timeout_ms, watch.begin)
        elif is_async:
            answer = client.start(workflow, input_value, timeout_ms)
        else:
            answer = client.trigger(workflow, input_value, timeout_ms, watch.begin, wait_ms=wait_ms)
    finish(answer, str(workflow), as_json=as_json)


def _find_example(client: ExecutorClient, workflow: str | Path, name: str) -> Any:
    """The input that the file, or the stored workflow, keeps under this name. Raises CliError, AnswerError."""
    if workflow == STDIN:
        raise click.UsageError("--example needs FILE or NAME.")
    if isinstance(workflow, Path):
        source = read_workflow_file(workflow)
    else:
        source = require_data(client.show_workflow(workflow))["workflow"]
    examples = read_examples(source)
    if name not in examples:
        otherwise = f"It has: {', '.join(examples)}." if examples else "Save one in the console, or write `examples`."
        raise CliError(
            f"`{workflow}` has no example `{name}`.", suggest_nearest(name, examples, otherwise), "NO_EXAMPLE"
        )
    return examples[name]


def finish(answer: Answer, workflow: str, *, as_json: bool) -> NoReturn:
    """Print the answer of a run, and end with its exit code. `workflow` is how its findings name it."""
    if as_json:
        print_json(answer)
    if not answer["success"] or not as_json:
        _render(answer, workflow)
    sys.exit(0 if answer["success"] else 1)


def _read_played(response: httpx.Response, client: ExecutorClient) -> Answer:
    """arcrun's answer or, if the webhook's is another, {"status", "headers", "body"} of it as an answer's data."""
    try:
        is_ours = isinstance(response.json(), dict) and isinstance(response.json().get("success"), bool)
    except (ValueError, RecursionError):
        is_ours = False
    if is_ours:
        return client.read_answer(response)
    data = {"status": response.status_code, "headers": dict(response.headers), "body": response.text}
    if response.status_code < HTTPStatus.BAD_REQUEST:
        return {"success": True, "data": data}
    error = CliError(f"The webhook answered {response.status_code}.", code="WEBHOOK_REFUSED").to_answer()
    error["error"]["details"] = data
    return error


def _render(answer: Answer, workflow: str) -> None:
    if "trace" in answer:
        render_trace(answer)
    if not answer["success"]:
        render_refusal(answer["error"], workflow)
    elif "trace" in answer:
        print_json(answer["data"])
    elif "run_id" not in answer:
        say(f"{answer['data']['status']} {HTTPStatus(answer['data']['status']).phrase}", err=True)
        put_text(answer["data"]["body"])
    else:
        say(answer["run_id"])


def _read_bytes(path: Path) -> bytes:
    """Raises click.BadParameter."""
    try:
        return read_regular_bytes(require_inner(path), path)
    except OSError as error:
        raise click.BadParameter(f"{path}: {error.strerror}", param_hint="--request") from None
