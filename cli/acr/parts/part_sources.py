"""Finds components for `acr parts`: built in, bundled by `acr dev --components`, in the bucket, in the registry. An
unreachable source is a warning.
"""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.r2 import R2Bucket
from acr.errors import AnswerError, CliError, NoPlatformError
from acr.output.render import warn
from acr.output.terminal import say
from acr.parts.own_components import (
    OwnComponent,
    UnusableComponent,
    builtin_ids,
    bundled_ids,
    is_builtin,
    list_bucket,
    read_builtin,
    read_bundled,
    read_published,
)
from acr.parts.part import Part, add_registry, build_part
from acr.targets.registry_client import RegistryClient
from acr.targets.service_client import require_data
from acr.targets.settings import find_component_folders, resolve_registry, resolve_storage
from arcrun.contracts.parse import parse_contract
from arcrun.templates.hints import suggest_nearest

_REFERENCE = re.compile(r"([a-z][a-z0-9_]*)(@v\d+)?")
_NO_BUCKET = "The bucket's components could not be read."
_NO_REGISTRY = "Statistics and the registry's components could not be read."


@dataclass
class _Reading:
    """Reads sources one after another. A source that does not answer is a warning, at `tell_failures`."""

    failures: list[tuple[str, CliError]] = field(default_factory=list)
    tried: int = 0

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        self.tried += 1
        try:
            yield
        except CliError as error:
            self.failures.append((what, error))

    @property
    def is_without_platform(self) -> bool:
        """Whether there is no platform to read from, which is how everybody begins."""
        return len(self.failures) == self.tried and all(
            isinstance(error, NoPlatformError) and not error.code for _, error in self.failures
        )

    def tell_failures(self) -> None:
        if self.is_without_platform:
            return
        for what, error in self.failures:
            warn(f"{what} {error.message}")
            if error.hint:
                say(f"Next: {error.hint}", err=True)


def list_parts(home: Path, local: bool | None) -> tuple[list[Part], bool]:
    """All components, and whether these are only the built-in ones, since there is no platform."""
    parts, reading = [build_part(read_builtin(component_id, home)) for component_id in builtin_ids(home)], _Reading()
    with reading.trying(_NO_BUCKET):
        parts += [build_part(entry) for entry in _list_bundled(find_component_folders(local=local), home)]
        with CloudflareApi((storage := resolve_storage(local=local)).access) as api:
            taken = {part.reference: part.source for part in parts}
            parts += [build_part(entry) for entry in _list_published(R2Bucket(api, storage.bucket), taken)]
    with reading.trying(_NO_REGISTRY):
        client = RegistryClient(resolve_registry(local=local))
        parts = add_registry(parts, client.search(), client.list_statistics())
    reading.tell_failures()
    return parts, reading.is_without_platform


def find_part(reference: str, home: Path, local: bool | None) -> tuple[Part, OwnComponent]:
    """The component that a workflow resolves `id` or `id@version` to. Raises CliError."""
    parsed = _REFERENCE.fullmatch(reference)
    if parsed is None:
        raise _no_component(reference, home)
    component_id, version, reading = parsed[1], (parsed[2] or "")[1:], _Reading()
    entry = _find_own(component_id, version, home, local, reading)
    listed: dict[str, Any] | None = None
    counted: dict[str, Any] = {}
    with reading.trying(_NO_REGISTRY):
        client = RegistryClient(resolve_registry(local=local))
        listed = _find_listed(client, component_id, "" if entry else version)
        counted = client.list_statistics()
    if entry is None and listed is not None:
        entry = OwnComponent(reference, "registry", parse_contract(listed["contract"]))
    reading.tell_failures()
    if entry is None:
        raise _no_component(reference, home)
    own = [] if entry.source == "registry" else [replace(build_part(entry), reference=component_id)]
    [part] = add_registry(own, [listed] if listed else [], counted)
    return replace(part, reference=reference), entry


def _find_own(
    component_id: str, version: str, home: Path, local: bool | None, reading: _Reading
) -> OwnComponent | None:
    """The built-in component, the bundled one or the bucket's, or None. Raises CliError if it cannot be used."""
    if is_builtin(component_id, home):
        entry = read_builtin(component_id, home)
        if version in ("", entry.contract.version):
            return entry
    found: OwnComponent | UnusableComponent | None = None
    with reading.trying(_NO_BUCKET):
        folders = find_component_folders(local=local)
        found = None if is_builtin(component_id, home) else _find_bundled(component_id, version, folders)
        if found is None:
            with CloudflareApi((storage := resolve_storage(local=local)).access) as api:
                reference = f"{component_id}@{version}" if version else component_id
                found = read_published(R2Bucket(api, storage.bucket), reference)
    if isinstance(found, UnusableComponent):
        raise CliError(found.told, "acr parts install ID" if found.source == "bucket" else "Correct its contract.")
    return found


def _find_bundled(component_id: str, version: str, folders: Iterable[Path]) -> OwnComponent | UnusableComponent | None:
    """The component that `acr dev --components` bundles, if it has the version ("" is any)."""
    found = read_bundled(component_id, folders)
    if isinstance(found, OwnComponent):
        if version not in ("", found.contract.version):
            return None
        return replace(found, reference=f"{component_id}@{version}" if version else component_id)
    return found


def _find_listed(client: RegistryClient, component_id: str, version: str) -> dict[str, Any] | None:
    try:
        shown: dict[str, Any] = require_data(client.show(component_id, version or None))
    except AnswerError as refused:
        if refused.answer["error"]["code"] != "COMPONENT_NOT_FOUND":
            raise
        return None
    return shown


def _list_bundled(folders: Sequence[Path], home: Path) -> Iterator[OwnComponent]:
    for component_id in bundled_ids(folders, home):
        found = read_bundled(component_id, folders)
        if isinstance(found, UnusableComponent):
            warn(found.told)
        elif found is not None:
            yield found


def _list_published(bucket: R2Bucket, taken: Mapping[str, str]) -> Iterator[OwnComponent]:
    """The bucket's components. `taken` are the sources, by name, of components that take precedence."""
    for found in list_bucket(bucket):
        if isinstance(found, UnusableComponent):
            warn(found.told)
        elif found.reference in taken:
            warn(f"The bucket's `{found.reference}` never runs: the {taken[found.reference]} one takes precedence.")
        else:
            yield found


def _no_component(reference: str, home: Path) -> CliError:
    near = suggest_nearest(reference.partition("@")[0], builtin_ids(home))
    search = f"Look in their descriptions: acr parts list --search {shlex.quote(reference)}"
    return CliError(f"There is no component `{reference}`.", f"{near} {search}".strip())
