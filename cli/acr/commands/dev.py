"""acr dev: the whole platform on this machine, offline."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, NoReturn

import click
from watchfiles import DefaultFilter, watch

from acr.errors import CliError
from acr.platform_home import SERVICES, find_platform_home
from acr.runtime_plan import HOST, build_plan
from acr.runtime_process import RuntimeProcess
from acr.settings import Target, cache_dir, forget_local_target, save_local_target, write_private

WATCHED = ("core", "workers", "components", "runtime")


@click.command()
@click.option("--port", default=8787, show_default=True, help="The executor's port; the next three are taken too.")
@click.option(
    "--persist",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".arcrun"),
    show_default=True,
    help="Where state and the API key are kept between starts.",
)
@click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Bundle the components of this folder too.",
)
@click.option("--verbose", is_flag=True, help="Show the runtime's own log.")
def dev(port: int, persist: Path, components: tuple[Path, ...], verbose: bool) -> None:
    """Start executor, registry and auth on this machine, on real workerd, without internet or account.

    Prints `ready SERVICE URL` for each, reloads when a source changes, and stops everything on Ctrl-C.

    \b
    Examples:
      acr dev
      acr dev --port 9000 --persist /tmp/arcrun
    """
    home = find_platform_home()
    _require_node_modules(home)
    _require_free_ports(port)
    persist = persist.resolve()
    api_key = _api_key(persist)
    plan_path = persist / "plan.json"
    process = RuntimeProcess(home / "runtime/serve.mjs", plan_path, cache_dir() / "node")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _stage(home, components)  # while Node starts
        _write_plan(plan_path, home, port=port, persist=persist, api_key=api_key, verbose=verbose)
        process.load()
        threading.Thread(target=_reload_on_change, args=(home, components, process), daemon=True).start()
        save_local_target(Target(f"http://{HOST}:{port}", api_key))
        for event in process.events():
            _report(event)
    except KeyboardInterrupt:
        click.echo("stopping", err=True)
    finally:
        forget_local_target()
        exit_code = process.stop()
    sys.exit(exit_code)


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def _require_node_modules(home: Path) -> None:
    if not (home / "node_modules/miniflare").is_dir():
        raise CliError("The runtime's JavaScript packages are not installed.", f"Run {home / 'scripts/setup'}")


def _require_free_ports(port: int) -> None:
    for wanted in range(port, port + len(SERVICES) + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, wanted))
            except OSError:
                message = f"Port {wanted} is in use; acr dev takes {port} to {port + len(SERVICES)}."
                raise CliError(message, f"acr dev --port {port + 100}") from None


def _api_key(persist: Path) -> str:
    """ARCRUN_API_KEY, or the one kept in the persist folder, or a new one."""
    if from_environment := os.environ.get("ARCRUN_API_KEY"):
        return from_environment
    path = persist / "api-key"
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(32))
    click.echo(f"The API key is kept in {path}", err=True)
    return path.read_text(encoding="utf-8").strip()


def _stage(home: Path, components: tuple[Path, ...]) -> None:
    extra = [argument for folder in components for argument in ("--components", str(folder.resolve()))]
    subprocess.run([sys.executable, str(home / "scripts/stage.py"), *SERVICES, *extra], check=True)


def _write_plan(path: Path, home: Path, *, port: int, persist: Path, api_key: str, verbose: bool) -> None:
    snapshots = cache_dir() / "snapshots"
    snapshots.mkdir(parents=True, exist_ok=True)
    plan = build_plan(
        {service: home / "workers" / service for service in SERVICES},
        port=port,
        state=persist / "state",
        snapshots=snapshots,
        node_modules=home / "node_modules",
        secrets={"ARCRUN_API_KEY": api_key},
        verbose=verbose,
    )
    write_private(path, json.dumps(plan))


def _reload_on_change(home: Path, components: tuple[Path, ...], process: RuntimeProcess) -> None:
    made_here = DefaultFilter(ignore_dirs=(*DefaultFilter.ignore_dirs, "build", "python_modules"))
    for changes in watch(*(home / folder for folder in WATCHED), *components, watch_filter=made_here):
        click.echo(f"changed: {', '.join(sorted(Path(path).name for _, path in changes))}", err=True)
        try:
            _stage(home, components)
        except subprocess.CalledProcessError:
            continue  # stage.py has said what is wrong; the next change tries again
        process.load()


def _report(event: dict[str, Any]) -> None:
    if event["event"] == "ready":
        click.echo(f"ready {event['service']} {event['url']}")
    elif event["event"] == "reloaded":
        click.echo("reloaded", err=True)
    else:
        click.secho(f"Error: {event['message']}", fg="red", err=True)
