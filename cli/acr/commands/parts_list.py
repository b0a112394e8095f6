"""acr parts list: the components, built-in and in the bucket."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from acr.catalogue import Entry, Unusable, builtin_ids, is_builtin, list_bucket, read_builtin, read_published
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.errors import CliError
from acr.options import as_json, local_or_deployed
from acr.platform_home import find_platform_home
from acr.render import print_json, warn
from acr.render_parts import render_part, render_parts
from acr.settings import resolve_storage

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*)(@v\d+)?")


@click.command()
@click.argument("reference", metavar="[ID]", required=False)
@as_json
@local_or_deployed
def list(reference: str | None = None, as_json: bool = False, local: bool | None = None) -> None:
    """List the components, or show what ID takes and gives.

    The built-in ones, then those of the bucket; without a platform, the built-in ones only.

    \b
    Examples:
      acr parts list
      acr parts list telegram
      acr parts list --json | jq -r '.components[] | select(.source == "bucket").id'
    """
    home = find_platform_home()
    if reference is not None:
        entry = _find(reference, home, local)
        print_json({"component": entry.to_full_json()}) if as_json else render_part(entry)
        return
    entries = [*(read_builtin(component_id, home) for component_id in builtin_ids(home)), *_list_published(home, local)]
    if as_json:
        print_json({"components": [entry.to_json() for entry in entries]})
    else:
        render_parts(entries)


def _find(reference: str, home: Path, local: bool | None) -> Entry:
    parsed = _REFERENCE.fullmatch(reference)
    if parsed and is_builtin(parsed[1], home):
        entry = read_builtin(parsed[1], home)
        if parsed[2] in (None, f"@{entry.contract.version}"):
            return entry
    found: Entry | Unusable | None = None
    if parsed:
        with _warn_without_platform(), CloudflareApi((storage := resolve_storage(local=local)).access) as api:
            found = read_published(R2Bucket(api, storage.bucket), reference)
    if isinstance(found, Unusable):
        raise CliError(f"The bucket's `{reference}` cannot be used: {found.reason}", "acr parts publish DIR")
    if found is None:
        raise CliError(f"There is no component `{reference}`.", "See which there are: acr parts")
    return found


def _list_published(home: Path, local: bool | None) -> Iterator[Entry]:
    with _warn_without_platform(), CloudflareApi((storage := resolve_storage(local=local)).access) as api:
        for found in list_bucket(R2Bucket(api, storage.bucket)):
            if isinstance(found, Unusable):
                warn(f"The bucket's `{found.reference}` cannot be used: {found.reason}")
            elif is_builtin(found.reference, home):
                warn(f"The bucket's `{found.reference}` never runs: the built-in one is found first.")
            else:
                yield found


@contextmanager
def _warn_without_platform() -> Iterator[None]:
    try:
        yield
    except CliError as error:
        warn(f"Only the built-in components are known. {error.message}")
        click.echo(f"Next: {error.hint}", err=True)
