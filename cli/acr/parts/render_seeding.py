"""Seeding with its report, on stderr: something only where something was done or went wrong."""

from collections.abc import Callable
from pathlib import Path

from acr.errors import CliError
from acr.output.render import warn
from acr.output.terminal import say
from acr.parts.seeding import Seeding, seed_registry
from acr.targets.registry_client import RegistryClient


def seed_and_report(client: RegistryClient, home: Path, is_stopping: Callable[[], bool] = lambda: False) -> Seeding:
    """What fails is a warning: workflows find the built-in components without a registry."""
    try:
        seeding = seed_registry(client, home, is_stopping)
    except CliError as error:
        seeding = Seeding((), (f"The built-in components are not in the registry. {error.message} {error.hint}",))
    if not is_stopping():
        for problem in seeding.problems:
            warn(problem)
        if seeding.seeded:
            say(f"seeded {len(seeding.seeded)} components", err=True)
    return seeding
