"""Components for people, on stdout."""

from collections.abc import Iterable, Sequence
from typing import Any

import click
import yaml

from acr.catalogue import Entry
from acr.render import print_table


def render_parts(entries: Iterable[Entry]) -> None:
    rows = [
        (
            entry.reference,
            entry.contract.category,
            entry.contract.version,
            entry.source,
            ", ".join(credential.key for credential in entry.contract.credentials_required),
            entry.summary,
        )
        for entry in entries
    ]
    print_table(("id", "category", "version", "source", "credentials", "description"), rows)


def render_part(entry: Entry) -> None:
    """Its contract, as whoever writes a workflow needs it."""
    shown = entry.to_full_json()
    click.echo(f"{entry.reference} {shown['version']}, {shown['category']}, {shown['source']}: {shown['description']}")
    _render_fields("input", shown["inputs"])
    _render_fields("output", shown["outputs"])
    if shown["credentials"]:
        click.echo()
        rows = [(it["key"], it["inject_as"], it["description"], it["help_url"]) for it in shown["credentials"]]
        print_table(("credential", "fills", "description", "where to get it"), rows)
    click.echo("\nexample")
    node = {"component": entry.reference, **shown["config_example"]}
    text = yaml.safe_dump(node, sort_keys=False, allow_unicode=True, width=120)
    click.echo("".join(f"  {line}\n" for line in text.splitlines()), nl=False)


def _render_fields(title: str, fields: Sequence[dict[str, Any]]) -> None:
    if fields:
        click.echo()
        rows = [(it["name"], it["type"], "required" if it["required"] else "", it["description"]) for it in fields]
        print_table((title, "type", "", "description"), rows)
