"""`{{credential.NAME}}`, or `{{creds.NAME}}`, in a node's config.

A config with such references is resolved twice over the same scope: with `build_mask` for the record, where the
reference stands for itself, and with `reveal_references` for the component. Nothing is ever replaced in a text that
has been resolved: a trigger whose body says `{{credential.x}}` gets that text and no secret.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from arcrun.credentials.injection import Reveal
from arcrun.errors import CredentialError

ROOTS = ("credential", "creds")

_REFERENCE = re.compile(
    rf"""\{{\{{\s*(?:{"|".join(ROOTS)})(?:\.(?P<name>[\w-]+)|\["(?P<quoted>[^"]*)"\])\s*(?P<optional>[?|])?"""
)


@dataclass(frozen=True)
class CredentialReference:
    """`is_optional` if each use says `?` or has a default; a credential that is not stored is no error then."""

    name: str
    is_optional: bool


def find_references(config: Any) -> tuple[CredentialReference, ...]:
    """The credentials that a config value of any shape names, in their order, each once."""
    optional: dict[str, bool] = {}
    for text in _texts_in(config):
        for match in _REFERENCE.finditer(text):
            name = match["name"] or match["quoted"]
            optional[name] = optional.get(name, True) and match["optional"] is not None
    return tuple(CredentialReference(name, is_optional) for name, is_optional in optional.items())


def build_mask(references: Collection[CredentialReference]) -> dict[str, dict[str, str]]:
    """What a template sees when its node is recorded: each reference stands for itself."""
    mask = {reference.name: f"{{{{credential.{reference.name}}}}}" for reference in references}
    return dict.fromkeys(ROOTS, mask)


async def reveal_references(
    references: Collection[CredentialReference], reveal: Reveal, node: str | None = None
) -> dict[str, dict[str, str]]:
    """What a template sees when its node runs: the secrets. Raises what `reveal` raises; its details name the node."""
    secrets: dict[str, str] = {}
    for reference in references:
        try:
            secrets[reference.name] = await reveal(reference.name)
        except CredentialError as error:
            if reference.is_optional and error.code == "CREDENTIAL_MISSING":
                continue
            if node is not None:
                error.details.setdefault("node", node)
            raise
    return dict.fromkeys(ROOTS, secrets)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts_in(item)
