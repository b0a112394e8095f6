"""acr parts publish: let workflows use a component."""

import sys
from pathlib import Path

import click

from acr.bench import review_folder
from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.component_folder import read_component_folder
from acr.options import as_json, local_or_deployed
from acr.platform_home import find_platform_home
from acr.publication import publish_component
from acr.render import print_json
from acr.render_steps import render_steps
from acr.settings import resolve_storage


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@as_json
@local_or_deployed
def publish(folder: Path, as_json: bool, local: bool | None) -> None:
    """Try the component in DIR and put it into your bucket.

    Tries all that `acr parts test` does, and publishes only what passes. Workflows find it at once as ID, in the place
    of an earlier version within 5 seconds, and for ever as ID@VERSION. What is bundled, as by `acr dev --components`,
    is found before the bucket.

    \b
    Examples:
      acr parts publish shout
      acr parts publish shout --json | jq -r .component.id
    """
    home, storage = find_platform_home(), resolve_storage(local=local)
    component = read_component_folder(folder)
    review = review_folder(component, home)
    steps = [step.to_json() for step in review.steps]
    render_steps(review.steps)
    if not review.accepted or review.contract is None:
        if as_json:
            print_json({"success": False, "steps": steps})
        sys.exit(1)
    with CloudflareApi(storage.access) as api:
        published = publish_component(R2Bucket(api, storage.bucket), component, review.contract, home)
    named = {"id": published.component_id, "version": published.version}
    if as_json:
        print_json({"success": True, "steps": steps, "component": named, "written": published.written})
    else:
        click.echo(f"{published.component_id}@{published.version}")
    verb = "Published" if published.written else "It was there already,"
    click.echo(f"{verb} {published.component_id} {published.version} in {storage.bucket}.", err=True)
