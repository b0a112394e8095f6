"""acr restore: what `acr export` has written, on this platform."""

import sys
import time
from pathlib import Path

import click

from acr.backups import restoring
from acr.backups.export_file import Export, read_entry_lines, read_export
from acr.backups.store_entries import EntrySeal, find_filled_stores, put_entries
from acr.commands.options import as_json, with_client
from acr.commands.passphrase import read_passphrase
from acr.errors import CliError
from acr.output.render import print_outcome
from acr.output.terminal import say
from acr.output.workflows import ALL_PAUSED
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data

SHOWN = 5  # stores in a message


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--tokens", type=click.Choice(["keep", "new"]), help="The webhooks' URLs  [default: keep, if FILE has them]."
)
@click.option("--paused", is_flag=True, help="Pause all webhooks and schedules first, until `acr resume --all`.")
@click.option("--no-stores", is_flag=True, help="Leave out the entries of stores, if FILE has any.")
@click.option("--force", is_flag=True, help="Also push to workflows, and put into stores, that are there already.")
@as_json
@with_client
def restore(
    client: ExecutorClient,
    *,
    file: Path,
    tokens: str | None,
    paused: bool,
    no_stores: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make the workflows of an export again, with their versions.

    Pauses, and URLs and the entries of stores if FILE has them, are as they were.

    Every version is checked by this platform as if it were pushed; one that it does not take is told, with the reason.
    Credentials and components of your own come first: acr creds push, acr parts publish. The records of runs in FILE
    are not restored.

    \b
    Examples:
      acr restore platform.jsonl
      acr restore platform.jsonl --tokens new --paused
    """
    export = read_export(file)
    has_stores = bool(export.entry_count) and not no_stores
    _require_possible(client, export, file, tokens, has_stores=has_stores, is_forced=force)
    seal = _read_seal(export) if has_stores else None
    if paused:
        require_data(client.pause(None, "refuse"))
    entries = put_entries(client, read_entry_lines(file), seal, time.time() * 1000) if has_stores else None
    restored = restoring.restore(client, export, lambda line: say(line, err=True), keeps_tokens=tokens != "new")
    failure = restoring.build_incomplete(restored)
    for each in restored.refused:
        say(f"left out: version {each['version']} of {each['name']}: {each['message']} ({each['code']})", err=True)
    is_paused = paused or bool(export.head.get("paused"))
    if is_paused:
        say(ALL_PAUSED, err=True)
    if as_json:
        told = {**restored.to_json(), "paused": is_paused, **({} if entries is None else {"entries": entries})}
        print_outcome(told, failure)
        sys.exit(1 if failure else 0)
    if failure:
        raise failure
    kept = f"{len(restored.kept_tokens)} with their URLs of before" if restored.kept_tokens else "with new URLs"
    of_stores = "" if entries is None else f", and {entries} of {export.entry_count} entries of stores"
    say(f"Restored {len(restored.versions)} workflows, {kept}{of_stores}. Missing credentials: acr doctor", err=True)


def _read_seal(export: Export) -> EntrySeal | None:
    """What opens the entries of stores. Raises CliError PASSPHRASE_MISSING, STORES_UNREADABLE."""
    stored = export.head.get("seal")
    return None if stored is None else EntrySeal.load(stored, read_passphrase(is_new=False))


def _require_possible(
    client: ExecutorClient, export: Export, file: Path, tokens: str | None, *, has_stores: bool, is_forced: bool
) -> None:
    """Raises CliError WORKFLOWS_EXIST, STORES_EXIST, NO_TOKENS."""
    if tokens == "keep" and any("token" not in each.workflow for each in export.workflows):
        raise CliError(f"{file} has no URLs.", "Export them: acr export FILE --tokens", "NO_TOKENS")
    if conflicts := [] if is_forced else restoring.find_conflicts(client, export):
        raise CliError(
            f"The platform has {', '.join(conflicts)} already. Nothing was restored.",
            "To add the export's versions to theirs: --force",
            "WORKFLOWS_EXIST",
        )
    if has_stores and not is_forced and (filled := find_filled_stores(client)):
        raise CliError(
            f"The platform has {', '.join(map(str, filled[:SHOWN]))} already. Nothing was restored.",
            "To put the export's entries beside and over theirs: --force. To leave them out: --no-stores",
            "STORES_EXIST",
        )
