"""The platform on this machine: stages the Workers, plans the runtime, starts it, and starts it anew on changes."""

import json
import os
import secrets
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from watchfiles import watch

from acr.errors import CliError
from acr.javascript_packages import javascript_home
from acr.platform_home import SERVICES
from acr.runtime_plan import HOST, build_plan
from acr.runtime_process import RuntimeProcess
from acr.settings import Target, cache_dir, write_private
from acr.source_filter import SourceFilter

WATCHED = ("core", "workers", "components", "runtime")


@dataclass(frozen=True)
class LocalPlatform:
    """`persist` holds the state, the API key and the staged Workers; `components` are folders to bundle as well."""

    home: Path
    port: int
    persist: Path
    components: tuple[Path, ...]
    api_key: str
    verbose: bool

    @property
    def target(self) -> Target:
        return Target(f"http://{HOST}:{self.port}", self.api_key)

    def start(self) -> RuntimeProcess:
        process = RuntimeProcess(
            javascript_home(self.home) / "runtime/serve.mjs", self._plan_path, cache_dir() / "node"
        )
        try:
            self._prepare()  # while Node starts
        except BaseException:
            process.stop()
            raise
        process.load()
        return process

    def reload_on_change(self, process: RuntimeProcess) -> None:
        """Never returns: run it in a thread."""
        sources = SourceFilter(self.persist, self.components)
        folders = [self.home / folder for folder in WATCHED] + [folder.resolve() for folder in self.components]
        for changes in watch(*filter(Path.is_dir, folders), watch_filter=sources):
            click.echo(f"changed: {', '.join(sorted({Path(path).name for _, path in changes}))}", err=True)
            try:
                self._prepare()
            except CliError as error:
                click.echo(f"{error.message} The next change tries again.", err=True)
            else:
                process.load()

    @property
    def _plan_path(self) -> Path:
        return self.persist / "plan.json"

    def _prepare(self) -> None:
        staged = self.persist / "workers"
        extra = [argument for folder in self.components for argument in ("--components", str(folder.resolve()))]
        script = str(self.home / "scripts/stage.py")
        if subprocess.run([sys.executable, script, *SERVICES, "--out", str(staged), *extra], check=False).returncode:
            raise CliError("The Workers could not be staged; the reason stands above.")
        snapshots = cache_dir() / "snapshots"
        snapshots.mkdir(parents=True, exist_ok=True)
        plan = build_plan(
            {service: staged / service for service in SERVICES},
            port=self.port,
            state=self.persist / "state",
            snapshots=snapshots,
            node_modules=javascript_home(self.home) / "node_modules",
            secrets={"ARCRUN_API_KEY": self.api_key},
            verbose=self.verbose,
        )
        write_private(self._plan_path, json.dumps(plan))


def require_free_ports(first: int) -> None:
    """Raises CliError if one of the ports that the platform takes is in use."""
    last = first + len(SERVICES)
    for port in range(first, last + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                message = f"Port {port} is in use; acr dev takes {first} to {last}."
                raise CliError(message, f"acr dev --port {first + 100}") from None


def find_free_ports(count: int) -> int:
    """The first of `count` free ports in a row, for platforms that nobody needs to find by their port."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            first: int = probe.getsockname()[1]
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind((HOST, port))
        except (OSError, OverflowError):
            continue
        return first


def keep_api_key(persist: Path) -> str:
    """ARCRUN_API_KEY, or the one kept in the persist folder, or a new one; says where it is kept."""
    if from_environment := os.environ.get("ARCRUN_API_KEY"):
        return from_environment
    path = persist / "api-key"
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(32))
    click.echo(f"The API key is kept in {path}", err=True)
    return path.read_text(encoding="utf-8").strip()
