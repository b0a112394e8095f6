"""acr export: a platform's workflows, in a file."""

from pathlib import Path

import click

from acr.backups.export_file import read_export, write_export
from acr.backups.exporting import export_lines
from acr.backups.store_entries import EntrySeal
from acr.commands.options import as_json, with_client
from acr.commands.passphrase import read_passphrase
from acr.errors import CliError
from acr.output.render import print_data
from acr.output.terminal import say
from acr.targets.executor_client import ExecutorClient

_SINGULAR = {"workflows": "workflow", "versions": "version", "runs": "run", "entries": "entry"}


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--tokens", is_flag=True, help="With the webhooks' URLs, which are secrets.")
@click.option("--runs", is_flag=True, help="With the records of all runs that are kept.")
@click.option(
    "--stores",
    type=click.Choice(["sealed", "plain"]),
    help="With the entries of stores: sealed under a passphrase [env: ARCRUN_EXPORT_PASSPHRASE], or as they are.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@as_json
@with_client
def export(
    client: ExecutorClient, *, file: Path, tokens: bool, runs: bool, stores: str | None, force: bool, as_json: bool
) -> None:
    """Write all workflows with their versions, schedules and pauses to FILE.

    `acr restore` makes them again, here or on another platform. Credentials are not in it: they leave the platform
    only as requests of components (acr creds push stores them again). FILE is readable by you alone. It is JSON Lines,
    described in docs/operations.md; the records of runs in it are for reading.

    \b
    Examples:
      acr export platform.jsonl
      acr export platform.jsonl --tokens --runs
      acr export platform.jsonl --stores sealed
      acr export platform.jsonl --target production && acr restore platform.jsonl --target staging
    """
    if file.exists() and not force:
        raise CliError(f"{file} exists.", "Name another file, or overwrite it: --force", "FILE_EXISTS")
    seal = EntrySeal.build(read_passphrase(is_new=True)) if stores == "sealed" else None
    told = {"has_tokens": tokens, "has_runs": runs, "has_stores": stores is not None}
    write_export(file, export_lines(client, client.url, **told, seal=seal))
    written = read_export(file)
    counts = {
        "workflows": len(written.workflows),
        "versions": sum(len(workflow.versions) for workflow in written.workflows),
        "runs": written.run_count,
        **({"entries": written.entry_count} if stores else {}),
    }
    if as_json:
        print_data({"file": str(file), **counts, "tokens": tokens})
        return
    listed = ", ".join(f"{count} {what if count != 1 else _SINGULAR[what]}" for what, count in counts.items())
    say(f"Wrote {listed} to {file}.", err=True)
    if stores == "plain":
        say("It has what workflows keep in stores, for whoever reads it.", err=True)
    if tokens:
        say("It has the webhooks' URLs: whoever reads it can run the workflows.", err=True)
