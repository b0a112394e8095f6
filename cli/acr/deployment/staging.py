"""Runs scripts/stage.py, which stages the Workers' uploads."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from acr.config.folders import cache_dir
from acr.config.private_file import private_umask
from acr.errors import CliError
from acr.output.terminal import end_sentence, say
from acr.parts.component_folder import require_inner_components

STAGED = "staged"  # the folder of the cache with what staging has read and metered


def stage_uploads(home: Path, services: Sequence[str], out: Path, components: Iterable[Path] = ()) -> None:
    """Write <out>/<service> for each service, readable by the owner only, bundling `components`. Raises CliError."""
    components = tuple(components)
    require_inner_components(components)
    extra = [word for folder in components for word in ("--components", str(folder.resolve()))]
    kept = ("--cache", str(cache_dir() / STAGED))
    command = [sys.executable, str(home / "scripts/stage.py"), *services, "--out", str(out), *kept, *extra]
    with private_umask():
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,  # Ctrl-C stops it through this process alone
        )
    *said, reason = result.stdout.splitlines() or [""]
    if result.returncode:
        told = reason.removeprefix("stage: ") or f"{Path(command[1]).name} ended with {result.returncode}"
        message = f"The Workers could not be staged: {end_sentence(told)}"
        raise CliError(message, "Correct that, then run the same command again.")
    for line in (*said, reason):
        if line:
            say(line, err=True)
