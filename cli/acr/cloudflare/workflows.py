"""Workflows of an account: https://developers.cloudflare.com/api/resources/workflows/"""

from dataclasses import dataclass

from acr.cloudflare.api import CloudflareApi, CloudflareError


@dataclass(frozen=True)
class Workflow:
    """The Worker that a Workflow belongs to, and the class there that runs its instances."""

    worker: str
    class_name: str


def find_workflow(api: CloudflareApi, name: str) -> Workflow | None:
    """None if there is no such Workflow. Raises CloudflareError."""
    try:
        found = api.fetch("GET", f"/workflows/{name}")
    except CloudflareError as error:
        if error.status == 404:
            return None
        raise
    return Workflow(found["script_name"], found["class_name"])


def delete_workflow(api: CloudflareApi, name: str) -> None:
    """Delete a Workflow with its instances. One that is gone is no error. Raises CloudflareError."""
    api.delete(f"/workflows/{name}")
