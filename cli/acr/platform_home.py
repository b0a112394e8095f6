"""Where the Workers' sources, the components and the local runtime lie: a checkout of arcrun."""

from pathlib import Path

from acr.errors import CliError

SERVICES = ("executor", "registry", "auth")


def find_platform_home() -> Path:
    """The checkout that this command was installed from. Raises CliError."""
    home = Path(__file__).resolve().parents[2]
    if not (home / "workers/executor/wrangler.toml").is_file():
        raise CliError("The Workers' sources are not beside this command.", "Run it from a checkout: scripts/setup.")
    return home
