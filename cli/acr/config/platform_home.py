"""Finds the Workers' sources, the components and the local runtime: in a checkout, or in the installed package."""

from pathlib import Path

from acr.errors import CliError

SERVICES = ("executor", "registry", "auth")


def find_platform_home() -> Path:
    """The checkout that this command was installed from, or acr/platform in the wheel. Raises CliError."""
    package = Path(__file__).resolve().parents[1]
    for home in (package.parents[1], package / "platform"):
        if (home / "workers/executor/wrangler.toml").is_file():
            return home
    raise CliError("The Workers' sources are missing from this installation.", "Reinstall: pipx install arcrun-workers")
