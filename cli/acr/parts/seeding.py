"""Seeds a registry with the built-in components, which are submitted, reviewed and approved like any other.

Workflows do not need them there, as every executor bundles them; the registry lists, signs and counts them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acr.errors import AnswerError, CliError
from acr.output.render import warn
from acr.output.terminal import say
from acr.parts.component_folder import read_component_folder
from acr.parts.own_components import builtin_ids
from acr.targets.registry_client import RegistryClient
from acr.targets.service_client import require_data
from arcrun.json_text import parse_json
from arcrun.registry.package import Package, build_package


@dataclass(frozen=True)
class Seeding:
    """The result of seeding. `seeded` were submitted or approved; `problems` name each refused one, with the reason."""

    seeded: tuple[str, ...]
    problems: tuple[str, ...]


def seed_registry(client: RegistryClient, home: Path, is_stopping: Callable[[], bool] = lambda: False) -> Seeding:
    """Submit and approve the built-in components that the registry lacks. Keeps the reviewer's earlier decisions.

    Raises CliError if the registry cannot be used.
    """
    listed = {component["canonical_id"]: component for component in client.search()}
    seeded, problems = [], []
    for component_id in builtin_ids(home):
        if is_stopping():
            break
        folder = read_component_folder(home / "components" / component_id, is_ours=True)
        package = build_package(folder.contract_text, folder.module)
        try:
            if _seed(client, package, listed.get(component_id)):
                seeded.append(component_id)
        except AnswerError as refused:
            problems.append(f"The registry does not have this version of `{component_id}`. {refused.message}")
    return Seeding(tuple(seeded), tuple(problems))


def _seed(client: RegistryClient, package: Package, listed: dict[str, Any] | None) -> bool:
    """Submit and approve one component. Returns whether it was necessary. Raises AnswerError."""
    known = listed if listed is not None and _is_same(package, listed) else None
    if known is not None and known["visibility"] == "public":
        return False
    submission_id = (known or require_data(client.submit(package)))["submission_id"]
    if require_data(client.show_submission(submission_id))["decisions"]:
        return False
    require_data(client.decide(submission_id, "approve", "A built-in component."))
    return True


def _is_same(package: Package, listed: dict[str, Any]) -> bool:
    own = (parse_json(package.contract_text)["version"], package.sha256, package.contract_sha256)
    return own == tuple(listed[name] for name in ("version", "sha256", "contract_sha256"))


def seed_and_report(client: RegistryClient, home: Path, is_stopping: Callable[[], bool] = lambda: False) -> Seeding:
    """Seed the registry. Failures are warnings, as workflows find the built-in components without a registry."""
    try:
        seeding = seed_registry(client, home, is_stopping)
    except CliError as error:
        seeding = Seeding((), (f"The built-in components are not in the registry. {error.message} {error.hint}",))
    if not is_stopping():
        for problem in seeding.problems:
            warn(problem)
        if seeding.seeded:
            say(f"seeded {len(seeding.seeded)} component{'s' * (len(seeding.seeded) != 1)}", err=True)
    return seeding
