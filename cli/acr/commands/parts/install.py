"""acr parts install: copy a registry's component into your own bucket."""

import click

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.commands.arguments import ComponentId
from acr.commands.options import as_json, with_registry
from acr.config.platform_home import find_platform_home
from acr.output.render import print_data
from acr.output.terminal import say
from acr.parts.attestation_check import fetch_verified
from acr.parts.installation import install_package
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import resolve_storage


@click.command()
@click.argument("reference", metavar="ID[@VERSION]", type=ComponentId())
@click.option("--key", "public_key", metavar="BASE64", help="The registry's public key, from its owner.")
@as_json
@with_registry
def install(client: RegistryClient, reference: str, public_key: str | None, as_json: bool) -> None:
    """Copy a component from a registry into your own bucket.

    The copy is independent of the registry. It is verified first, as by `acr parts verify`. Workflows resolve ID and
    ID@VERSION to the copy before the registry's.

    \b
    Examples:
      acr parts install shout
      acr parts install shout@v2 --registry https://registry.example --api-key KEY
    """
    package, verified = fetch_verified(client, reference, public_key)
    storage = resolve_storage()
    with CloudflareApi(storage.access) as api:
        installed = install_package(R2Bucket(api, storage.bucket), package, find_platform_home())
    if as_json:
        print_data({**verified.to_json(), "written": installed.written})
    else:
        say(f"{installed.component_id}@{installed.version}")
    verb = "Installed" if installed.written else "Already installed:"
    say(f"{verb} {installed.component_id} {installed.version} in {storage.bucket}.", err=True)
