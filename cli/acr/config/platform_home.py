"""Where the Workers' sources, the components and the local runtime lie: in a checkout, or in the installed package."""

from pathlib import Path

from acr.errors import CliError

SERVICES = ("executor", "registry", "auth")


def find_platform_home() -> Path:
    """The checkout that this command was installed from, or acr/platform, as the wheel has it. Raises CliError."""
    package = Path(__file__).resolve().parents[1]
    for home in (package.parents[1], package / "platform"):
        if (home / "workers/executor/wrangler.toml").is_file():
            return home
    raise CliError("The Workers' sources are not beside this command.", "Install it again: pipx install arcrun-workers")
