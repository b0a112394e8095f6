"""acr parts verify: check a component against the registry's signature."""

import click

from acr.commands.arguments import ComponentId
from acr.commands.options import as_json, with_registry
from acr.output.render import print_data
from acr.output.steps import render_steps
from acr.output.terminal import say
from acr.parts.attestation_check import fetch_verified
from acr.targets.registry_client import RegistryClient
from arcrun.registry.step import parse_step


@click.command()
@click.argument("reference", metavar="ID[@VERSION]", type=ComponentId())
@click.option("--key", "public_key", metavar="BASE64", help="The registry's public key, from its owner.")
@as_json
@with_registry
def verify(client: RegistryClient, reference: str, public_key: str | None, as_json: bool) -> None:
    """Check that a component is what the registry has reviewed and signed.

    Fetches module, contract and attestation, and checks both hashes, the signature (Ed25519) and every step. Without
    --key it uses your own registry's key, or else the one that the registry presents, which proves less.

    \b
    Examples:
      acr parts verify shout
      acr parts verify shout@v1 --key 11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
    """
    _, verified = fetch_verified(client, reference, public_key)
    shown = verified.to_json()
    if as_json:
        print_data(shown)
        return
    render_steps([parse_step(step) for step in shown["steps"]])
    say(f"{shown['canonical_id']}@{shown['version']} is what the key {shown['key_id']} has signed.")
