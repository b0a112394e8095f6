"""acr run: run a workflow from a file, or a stored one by its name."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from acr.client import ExecutorClient
from acr.options import as_json, with_client
from acr.render import print_json, render_error, render_trace


@click.command()
@click.argument("workflow", metavar="FILE|NAME")
@click.option("--input", "input_text", default="{}", metavar="JSON|@FILE", help="The trigger's input.")
@as_json
@with_client
def run(client: ExecutorClient, workflow: str, input_text: str, as_json: bool) -> None:
    """Run the workflow in FILE, or the stored workflow NAME.

    The answer's data goes to stdout, the trace to stderr.

    \b
    Examples:
      acr run examples/workflows/greet.yaml --input '{"name": "Ada"}'
      acr run greet --input @input.json --json
    """
    input_value = _read_input(input_text)
    file = Path(workflow)
    if file.is_file():
        answer = client.execute(file.read_text(encoding="utf-8"), input_value)
    else:
        answer = client.trigger(workflow, input_value)
    if as_json:
        print_json(answer)
    else:
        if "trace" in answer:
            render_trace(answer)
        if answer["success"]:
            print_json(answer["data"])
        else:
            render_error(answer["error"], workflow)
    sys.exit(0 if answer["success"] else 1)


def _read_input(text: str) -> Any:
    try:
        return json.loads(Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text)
    except OSError as error:
        raise click.BadParameter(f"{text[1:]}: {error.strerror}", param_hint="--input") from None
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}", param_hint="--input") from None
