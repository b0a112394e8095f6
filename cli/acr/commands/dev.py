"""acr dev: the whole platform on this machine, offline."""

import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click

from acr.config.folder_lock import hold_folder
from acr.config.folders import cache_dir, local_records, make_config_private
from acr.config.platform_home import SERVICES, find_platform_home
from acr.config.private_file import private_umask
from acr.config.project_paths import require_inner
from acr.local.background_seeding import BackgroundSeeding
from acr.local.background_work import BackgroundWork
from acr.local.platform import USUAL_PORT, LocalPlatform, keep_api_key, keep_encryption_key, require_free_ports
from acr.local.run_resumption import RunResumption
from acr.local.runtime_process import RuntimeProcess
from acr.node.javascript_packages import require_javascript
from acr.output.render import print_json
from acr.output.terminal import say
from acr.targets.local_record import LocalRecord, save_local_record
from acr.targets.settings import RegistryTarget, Target

LITTLE_SPACE_BYTES = 64 * 2**20  # two of Python's memory snapshots, which a start may write
LAST_PORT = 65535 - len(SERVICES)
STAGING_TIMEOUT_S = 10
LAST_SERVICE = "cloudflare-api"  # when it is ready, all are


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, LAST_PORT),
    default=USUAL_PORT,
    show_default=True,
    help="The executor's port; the next three are used too.",
)
@click.option(
    "--persist",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".arcrun"),
    show_default=True,
    help="Where state and keys are kept between starts.",
)
@click.option(
    "--components",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="Also bundle the components of this folder.",
)
@click.option("--reload/--no-reload", default=True, show_default=True, help="Restart when a source changes.")
@click.option(
    "--seed/--no-seed", default=True, show_default=True, help="Submit the built-in components to the registry."
)
@click.option(
    "--allow-local-network",
    is_flag=True,
    help="Let components call this machine and its networks (ARCRUN_ALLOW_LOCAL_NETWORK=true).",
)
@click.option(
    "--production-clock",
    is_flag=True,
    help="Advance time only with timers and I/O, not while a Worker computes, as in production.",
)
@click.option(
    "--free-plan",
    is_flag=True,
    help="Apply the limits of the Workers free plan (ARCRUN_PLAN=free): no sandboxes. Implies --no-seed.",
)
@click.option("--verbose", is_flag=True, help="Show the runtime's own log.")
@click.option("--json", "as_json", is_flag=True, help="Print each event as a line of JSON on stdout.")
def dev(
    *,
    port: int,
    persist: Path,
    components: tuple[Path, ...],
    reload: bool,
    seed: bool,
    allow_local_network: bool,
    production_clock: bool,
    free_plan: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Start the platform on this machine, on real workerd, without internet or account.

    It runs executor, registry and auth, with KV, R2 and Cloudflare's REST API. Prints `ready SERVICE URL` for each, and
    stops everything on Ctrl-C. The built-in components are reviewed and approved in the background. The REST API's full
    address is a secret: it is `api_url` of this process's file in `running/` of acr's
    configuration folder.

    \b
    Examples:
      acr dev
      acr dev --port 9000 --persist /tmp/arcrun
    """
    home = find_platform_home()
    require_javascript(home)
    require_free_ports(port)
    persist = require_inner(persist)
    click.get_current_context().with_resource(private_umask())  # for the runtime too
    with hold_folder(persist, port):
        make_config_private()
        keep_encryption_key(persist)
        platform = LocalPlatform(
            home,
            port,
            persist,
            components,
            keep_api_key(persist),
            verbose,
            allow_local_network=allow_local_network,
            production_clock=production_clock,
            free_plan=free_plan,
        )
        exit_code = _serve(platform, _print_event if as_json else _tell, reload=reload, seed=seed and not free_plan)
    sys.exit(exit_code)


def _serve(platform: LocalPlatform, report: Callable[[dict[str, Any]], None], *, reload: bool, seed: bool) -> int:
    """Run the platform until Ctrl-C or the runtime's end. Returns the runtime's exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    process = platform.start()
    saved, interrupted, companions = None, False, _Companions(platform, seeds=seed)
    reloading = threading.Thread(target=platform.reload_on_change, args=(process,), daemon=True)
    try:
        if reload:
            reloading.start()
        record = platform.read_record()
        saved = save_local_record(local_records(), record)
        if saved.first:
            _tell_of_first(saved.first, record, platform)
        for event in _read_events(process, platform):
            report(event)
            companions.attend(event, record)
            if event["event"] == "failed":
                _advise(platform)
    except KeyboardInterrupt:
        interrupted = True
        say("stopping", err=True)
    finally:
        if saved:
            saved.forget()
        companions.announce_stop()
        exit_code = process.stop()
        if reloading.is_alive():
            reloading.join(STAGING_TIMEOUT_S)
        if not interrupted:
            exit_code = _explain_end(exit_code, platform)
        companions.join()
    return exit_code


class _Companions:
    """What works in the background while the platform serves."""

    def __init__(self, platform: LocalPlatform, *, seeds: bool) -> None:
        self._platform, self._seeds = platform, seeds
        self._running: list[BackgroundWork] = []

    def attend(self, event: Mapping[str, Any], record: LocalRecord) -> None:
        is_ready = event.get("service") == LAST_SERVICE
        if is_ready or event["event"] in ("reloaded", "restarted"):
            self._start(RunResumption(Target(record.url, record.api_key), self._platform.state))
        if is_ready and self._seeds:
            self._start(BackgroundSeeding(_registry_of(record), self._platform.home, self._platform.state))

    def _start(self, companion: BackgroundWork) -> None:
        self._running.append(companion)
        companion.start()

    def announce_stop(self) -> None:
        for companion in self._running:
            companion.announce_stop()

    def join(self) -> None:
        for companion in self._running:
            companion.join()


def _read_events(process: RuntimeProcess, platform: LocalPlatform) -> Iterator[dict[str, Any]]:
    """The process's events. What is "reloaded" also has `gone`, the ids of components that are no longer bundled."""
    served = platform.list_bundled()
    for event in process.events():
        if event["event"] == "reloaded":
            before, served = served, platform.list_bundled()
            event["gone"] = sorted(before - served)
        yield event


def _explain_end(exit_code: int, platform: LocalPlatform) -> int:
    """Say why the runtime ended by itself. Returns the exit code of acr."""
    if platform.has_lost_state:
        say(f"Error: The state folder {platform.persist} is gone.", colour="red", err=True)
        say("Next: Start again, with a new one: acr dev", err=True)
    elif exit_code < 0:
        name = signal.Signals(-exit_code).name
        say(f"Error: The runtime (Node) was killed by {name}.", colour="red", err=True)
        say("Next: Check whether memory is short, then start again: acr dev", err=True)
    else:
        return exit_code
    return 1


def _registry_of(record: LocalRecord) -> RegistryTarget:
    return RegistryTarget(record.registry_url, record.api_key, record.reviewer_key, record.signing_key)


def _tell_of_first(first: LocalRecord, record: LocalRecord, platform: LocalPlatform) -> None:
    key_file = shlex.quote(str(platform.persist / "api-key"))
    say(f"Another `acr dev` runs in this folder: commands here talk to {first.url}.", err=True)
    say(f'Next: To use this one, set ARCRUN_URL={record.url} ARCRUN_API_KEY="$(cat {key_file})"', err=True)


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def _print_event(event: dict[str, Any]) -> None:
    print_json(event, indent=None)


def _tell(event: dict[str, Any]) -> None:
    if event["event"] == "ready":
        say(f"ready {event['service']} {event['url']}")
    elif event["event"] == "reloaded":
        say("; no longer there: ".join(filter(None, ("reloaded", ", ".join(event["gone"])))), err=True)
    elif event["event"] == "failed":
        say(f"Error: {event['message']}", colour="red", err=True)


def _advise(platform: LocalPlatform) -> None:
    """The next step after the runtime's error, where a full disk may be the reason."""
    for folder in (platform.persist, cache_dir()):
        if (free := shutil.disk_usage(folder).free) < LITTLE_SPACE_BYTES:
            say(f"Next: {folder} has {free // 2**20} MiB left; free some, then start again.", err=True)
