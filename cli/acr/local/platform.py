"""The local platform: stages the Workers, plans the runtime, starts it, and reloads it on changes."""

import ast
import hashlib
import json
import os
import secrets
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from watchfiles import watch

from acr.config.folders import cache_dir
from acr.config.platform_home import SERVICES
from acr.config.private_file import require_writable, write_private
from acr.config.worker_variables import (
    ALLOW_LOCAL_NETWORK,
    API_KEY,
    AUTHOR_KEYS,
    ENCRYPTION_KEY,
    FREE,
    MAIL_DOMAIN,
    MASTER_KEY,
    MULTI_TENANT,
    PLAN,
    PLATFORM_ID,
    PREVIOUS_KEY,
    PUBLIC_URL,
    REVIEWER_KEY,
    SIGNING_KEY,
    make_api_key,
    make_signing_key,
)
from acr.credentials.encryption import make_encryption_key, read_encryption_key
from acr.credentials.local_keys import CURRENT_KEY, read_local_keys, replace_local_key
from acr.deployment.staging import stage_uploads
from acr.errors import CliError
from acr.local.runtime_plan import HOST, api_url_of, build_plan
from acr.local.runtime_process import RuntimeProcess
from acr.local.source_filter import SourceFilter
from acr.node.javascript_packages import javascript_home
from acr.output.terminal import end_sentence, say
from acr.targets.local_record import LocalRecord
from arcrun.accounts.limits import LIMIT_VARIABLES
from arcrun.run_log.settings import RUN_LOG_VARIABLES

# Environment variables passed on to the Workers: Cloudflare's API, the hosted mode with its limits, the records of
# runs.
HANDED_ON = ("CLOUDFLARE_API_BASE_URL", ALLOW_LOCAL_NETWORK, MULTI_TENANT, *LIMIT_VARIABLES, *RUN_LOG_VARIABLES)
USUAL_PORT = 8787
LOCAL_MAIL_DOMAIN = "arcrun.localhost"  # no message leaves this machine
UNASSIGNED_PORTS = range(10_000, 16_000)  # below those that systems assign to connections: Linux's begin at 32768
WATCHED = ("core", "workers", "components", "runtime", "console/src")


@dataclass(frozen=True)
class LocalPlatform:
    """`persist` is the folder of the state, the keys and the staged Workers; `components` are more folders to bundle.

    `api_secret` is the first segment of the local REST API's path, new at each start.
    """

    home: Path
    port: int
    persist: Path
    components: tuple[Path, ...]
    api_key: str
    verbose: bool
    allow_local_network: bool = False
    production_clock: bool = False
    free_plan: bool = False
    api_secret: str = field(default_factory=make_api_key, repr=False)

    def read_record(self) -> LocalRecord:
        """The record that lets other commands use this platform. It must have been started."""
        plan = json.loads(self._plan_path.read_text(encoding="utf-8"))
        namespaces = _merge(worker["kvNamespaces"] for worker in plan["workers"])
        bucket = _merge(worker["r2Buckets"] for worker in plan["workers"])["WASM_BUCKET"]
        registry = next(worker for worker in plan["workers"] if worker["service"] == "registry")
        keys = registry["vars"]
        return LocalRecord(
            self._url,
            self.api_key,
            api_url_of(plan),
            namespaces,
            bucket,
            str(self._keys_folder),
            f"http://{HOST}:{registry['port']}",
            keys[REVIEWER_KEY],
            keys[SIGNING_KEY],
            str(Path.cwd().resolve()),
            components=tuple(str(folder.resolve()) for folder in self.components),
        )

    def start(self) -> RuntimeProcess:
        """Stage the Workers and start the runtime. Raises CliError."""
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
        """Watch the sources and reload on each change, until the process is stopped: run it in a thread. It stops the
        process itself if the state folder is deleted.
        """
        sources = [folder for name in WATCHED if (folder := self.home / name).is_dir()]
        components = [folder.resolve() for folder in self.components]
        accepts = SourceFilter(self.persist, sources, components)
        for changes in watch(
            *sources, *components, self._keys_folder.resolve(), watch_filter=accepts, stop_event=process.stopping
        ):
            if self.has_lost_state:
                process.announce_stop()
                return
            say(f"changed: {', '.join(sorted({Path(path).name for _, path in changes}))}", err=True)
            try:
                self._prepare()
            except (CliError, OSError) as error:
                if not process.stopping.is_set():
                    say(f"{describe_failure(error)} The next change tries again.", err=True)
            else:
                process.load()

    @property
    def has_lost_state(self) -> bool:
        """Whether the folder of the state, which was there at the start, has been deleted."""
        return not (self._keys_folder.is_dir() and self._plan_path.is_file())

    def list_bundled(self) -> set[str]:
        """The ids of the components in the staged bundle."""
        return _read_bundled_ids(self.persist / "workers/executor/build/bundled_components.py")

    @property
    def _url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @cached_property
    def _explorer_port(self) -> int:
        """A free port outside the platform's own."""
        while (port := find_free_ports(1)) in range(self.port, self.port + len(SERVICES) + 1):
            pass
        return port

    @property
    def state(self) -> Path:
        """The folder with the data of KV, R2 and the Durable Objects."""
        return self.persist / "state"

    @property
    def _keys_folder(self) -> Path:
        return self.persist / "keys"

    @property
    def _plan_path(self) -> Path:
        return self.persist / "plan.json"

    def _prepare(self) -> None:
        staged = self.persist / "workers"
        stage_uploads(self.home, SERVICES, staged, self.components)
        snapshots = cache_dir() / "snapshots"
        require_writable(snapshots, "Name another folder: ACR_CACHE_DIR")
        plan = build_plan(
            {service: staged / service for service in SERVICES},
            port=self.port,
            explorer_port=self._explorer_port,
            api_secret=self.api_secret,
            state=self.state,
            snapshots=snapshots,
            node_modules=javascript_home(self.home) / "node_modules",
            secrets=self._read_secrets(),
            variables=self._read_variables(),
            verbose=self.verbose,
            production_clock=self.production_clock,
        )
        write_private(self._plan_path, json.dumps(plan))

    def _read_variables(self) -> dict[str, str]:
        own = {
            PUBLIC_URL: self._url,
            PLATFORM_ID: hashlib.sha256(os.fsencode(self.persist.resolve())).hexdigest()[:12],
            MAIL_DOMAIN: os.environ.get(MAIL_DOMAIN) or LOCAL_MAIL_DOMAIN,
            **({ALLOW_LOCAL_NETWORK: "true"} if self.allow_local_network else {}),
        }
        plan = {PLAN: FREE} if self.free_plan else {}
        return {name: text for name in HANDED_ON if (text := os.environ.get(name))} | own | plan

    def _read_secrets(self) -> dict[str, str]:
        current, previous = read_local_keys(self._keys_folder)
        optional = {PREVIOUS_KEY: previous, AUTHOR_KEYS: os.environ.get(AUTHOR_KEYS)}
        return {
            API_KEY: self.api_key,
            ENCRYPTION_KEY: current,
            **keep_worker_keys(self.persist),
            **{name: key for name, key in optional.items() if key},
        }


def describe_failure(error: CliError | OSError) -> str:
    """A whole sentence."""
    if isinstance(error, CliError):
        return end_sentence(error.message)
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}."


def _merge(parts: Iterable[dict[str, str]]) -> dict[str, str]:
    return {key: value for part in parts for key, value in part.items()}


def require_free_ports(first: int) -> None:
    """Raises CliError if one of the platform's ports is in use."""
    last = first + len(SERVICES)
    for port in range(first, last + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                message = f"Port {port} is in use; acr dev needs {first} to {last}."
                raise CliError(message, f"Choose another port: acr dev --port {first + 100}") from None


def find_free_ports(count: int) -> int:
    """The first of `count` consecutive free ports, for platforms that need no fixed port. The system hands none of them
    out by itself: until the platform listens, it could give one of its own choice to any connection.
    """
    while True:
        first = secrets.choice(UNASSIGNED_PORTS)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind((HOST, port))
        except OSError:
            continue
        return first


def keep_api_key(persist: Path) -> str:
    """ARCRUN_API_KEY, or the key stored in `persist`, or a new one. Prints where it is stored."""
    return _keep(persist / "api-key", API_KEY, "API key", make_api_key)


def keep_encryption_key(persist: Path) -> None:
    """Store ARCRUN_ENCRYPTION_KEY, or a new key, in `persist`. Raises CliError if it is not valid."""
    path = persist / "keys" / CURRENT_KEY
    key = _keep(path, "ARCRUN_ENCRYPTION_KEY", "encryption key", make_encryption_key)
    read_encryption_key(key)
    kept = path.read_text(encoding="utf-8").strip() if path.is_file() else key
    if kept != key:  # from the environment; keep the stored key as the previous one, for existing records
        replace_local_key(path.parent, kept, key)
    elif not path.is_file():
        write_private(path, key)


def keep_worker_keys(persist: Path) -> dict[str, str]:
    """The keys that only Workers need: from the environment, stored in `persist`, or new."""
    makers = {REVIEWER_KEY: make_api_key, SIGNING_KEY: make_signing_key, MASTER_KEY: make_encryption_key}
    return {name: _keep(persist / f"keys/{_file_of(name)}", name, "", make) for name, make in makers.items()}


def _file_of(variable: str) -> str:
    return variable.removeprefix("ARCRUN_").lower().replace("_", "-")


def _keep(path: Path, variable: str, what: str, make: Callable[[], str]) -> str:
    if from_environment := os.environ.get(variable):
        return from_environment
    if not path.is_file():
        write_private(path, make())
    if what:
        say(f"The {what} is stored in {path}", err=True)
    return path.read_text(encoding="utf-8").strip()


def _read_bundled_ids(path: Path) -> set[str]:
    """The ids in a generated bundled_components.py, whose one long string is JSON; none if there is no such file."""
    if not path.is_file():
        return set()
    literals = (node.value for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Constant))
    entries = next(value for value in literals if isinstance(value, str) and value.startswith("{"))
    return set(json.loads(entries))
