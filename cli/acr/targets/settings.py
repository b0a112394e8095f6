"""Which platform a command talks to: flag > environment > the folder's `acr dev` > arcrun.yaml > user file > default.

A command uses the `acr dev` that runs in the current folder or in one above it, and otherwise the deployed platform; if
there is none either, the only `acr dev` that runs elsewhere, of which it tells. A folder whose own `acr dev` has
stopped, and a project with targets, never use one that runs elsewhere. `--local` and `--deployed` require one or the
other, `--target` a deployed one of arcrun.yaml. An empty environment variable counts as unset.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click

from acr.config.chosen_target import VARIABLE, chosen_target, is_chosen_by_option
from acr.config.folders import local_records, user_config_path
from acr.config.platform_home import find_platform_home
from acr.config.project_file import FILE_NAME, ProjectFile, read_project_file
from acr.config.user_config import DEFAULT_BUCKET, UserConfig, read_user_config
from acr.config.worker_variables import (
    API_KEY,
    AUTHOR_KEYS,
    ENCRYPTION_KEY,
    MASTER_KEY,
    PREVIOUS_KEY,
    REVIEWER_KEY,
    SIGNING_KEY,
)
from acr.credentials.local_keys import read_local_keys
from acr.errors import CliError, NoPlatformError, NotLoggedInError
from acr.node.wrangler import build_wrangler
from acr.output.terminal import say
from acr.targets.local_record import LocalRecord, find_record_of, list_local_records
from arcrun.cloudflare.api_access import DEFAULT_BASE_URL, ApiAccess

# A host name (RFC 1123) of at least two labels, in lower case.
_told: set[str] = set()  # addresses; a process runs one command
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Target:
    """The executor's address and its API key."""

    url: str
    api_key: str = field(repr=False)


@dataclass(frozen=True)
class RegistryTarget:
    """The registry's address and API key; its owner also has the reviewer's key and the signing key."""

    url: str
    api_key: str = field(repr=False)
    reviewer_key: str | None = field(default=None, repr=False)
    signing_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Storage:
    """The platform's KV namespaces and R2 bucket, access to them over Cloudflare's REST API, and the encryption keys.

    `encryption_key` is ARCRUN_ENCRYPTION_KEY as a string, None if it is not set; `keys_in_environment` says whether it
    came from the environment. `keys_folder` is where the running `acr dev` keeps its keys; `suffix` ends the names of
    a target's Workers and namespaces.
    """

    access: ApiAccess
    namespaces: Mapping[str, str]
    bucket: str
    encryption_key: str | None = field(repr=False)
    previous_encryption_key: str | None = field(repr=False)
    keys_in_environment: bool
    keys_folder: Path | None = None
    suffix: str = ""

    @property
    def is_local(self) -> bool:
        return self.access.account_id is None


def resolve_target(url: str | None, api_key: str | None, *, local: bool | None = None) -> Target:
    """The executor. `local` is True for --local, False for --deployed, None for either.

    Raises NoPlatformError, NotLoggedInError.
    """
    named = url or (None if is_chosen_by_option() else _from_environment("ARCRUN_URL"))
    running, project, user = _read_all(local, named)
    chosen = named or (running and running.url) or project.url or user.url
    if not chosen:
        raise _build_no_platform("platform", "ARCRUN_URL", local)
    _require_address(chosen)
    chosen = chosen.rstrip("/")
    known = {source.url.rstrip("/"): source.api_key for source in (user, running) if source and source.url}
    key = _strip_key(api_key or _from_environment("ARCRUN_API_KEY") or known.get(chosen))
    if not key:
        raise NotLoggedInError(f"No API key for {chosen}.", "Set ARCRUN_API_KEY, or pass --api-key.")
    return Target(chosen, key)


def find_target(*, local: bool | None = None) -> Target | None:
    """The executor that `resolve_target` finds without flags, or None."""
    try:
        return resolve_target(None, None, local=local)
    except NotLoggedInError:
        return None


def resolve_registry(
    url: str | None = None, api_key: str | None = None, *, local: bool | None = None
) -> RegistryTarget:
    """The registry of the running `acr dev` or of the account, or the one that ARCRUN_REGISTRY_URL names.

    Raises NotLoggedInError.
    """
    found = find_registry(url, api_key, local=local)
    if found is None:
        raise _build_no_platform("registry", "ARCRUN_REGISTRY_URL", local)
    return found


def find_registry(
    url: str | None = None, api_key: str | None = None, *, local: bool | None = None
) -> RegistryTarget | None:
    """The registry as in `resolve_registry`, or None. Raises NotLoggedInError if its API key is unknown."""
    named = url or (None if is_chosen_by_option() else _from_environment("ARCRUN_REGISTRY_URL"))
    running, _, user = _read_all(local, named or _from_environment("ARCRUN_URL"))
    own = running or user
    chosen = named or own.registry_url
    if not chosen:
        return None
    _require_address(chosen)
    is_own = chosen == own.registry_url
    key = _strip_key(api_key or _from_environment("ARCRUN_API_KEY") or (own.api_key if is_own else None))
    if not key:
        raise NotLoggedInError(f"No API key for {chosen}.", "Set ARCRUN_API_KEY, or pass --api-key.")
    reviewer_key = _strip_key(_from_environment(REVIEWER_KEY) or (own.reviewer_key if is_own else None))
    return RegistryTarget(chosen.rstrip("/"), key, reviewer_key, own.signing_key if is_own else None)


def resolve_storage(*, local: bool | None = None) -> Storage:
    """The running `acr dev`'s storage, or the account's. Raises NotLoggedInError."""
    running, project, user = _read_all(local, _from_environment("ARCRUN_URL"))
    if running:
        access = ApiAccess(_from_environment("CLOUDFLARE_API_BASE_URL") or running.api_url)
        folder = Path(running.keys_folder)
        return Storage(access, running.namespaces, running.bucket, *_resolve_keys(*read_local_keys(folder)), folder)
    keys = _resolve_keys(user.encryption_key, user.previous_encryption_key)
    return Storage(
        resolve_access(project, user),
        user.namespaces,
        find_bucket(project, user),
        *keys,
        suffix=find_suffix(project, user),
    )


def find_component_folders(*, local: bool | None = None) -> tuple[Path, ...]:
    """The folders of components that the running `acr dev` bundles beside the built-in ones. Raises CliError."""
    running, _, _ = _read_all(local, _from_environment("ARCRUN_URL"))
    return tuple(map(Path, running.components)) if running else ()


def resolve_access(project: ProjectFile, user: UserConfig) -> ApiAccess:
    """The account and its API. Raises NoPlatformError if no account and no target is named, else NotLoggedInError."""
    account_id = find_account_id(project, user)
    token = _strip_key(_from_environment("CLOUDFLARE_API_TOKEN") or user.api_token)
    if token is None and user.uses_wrangler_login:
        token = build_wrangler(find_platform_home()).read_login(Path.cwd())
    if not account_id or not token:
        target = chosen_target()
        if project.targets and target is None:
            raise NoPlatformError("No target is chosen.", _name_targets(project))
        kind = NotLoggedInError if account_id or target else NoPlatformError
        raise kind(
            f"No Cloudflare {'API token' if account_id else 'account'} is set{f' for {target}' if target else ''}.",
            f"Run `acr init{f' --target {target}' if target else ''}`, "
            "or set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN. On this machine: acr dev",
        )
    return ApiAccess(_from_environment("CLOUDFLARE_API_BASE_URL") or DEFAULT_BASE_URL, account_id, token)


def find_account_id(project: ProjectFile, user: UserConfig) -> str | None:
    """The account; that of a chosen target stands before the environment. Raises CliError TARGET_OF_OTHER_ACCOUNT."""
    target = chosen_target()
    if target is None:
        return _from_environment("CLOUDFLARE_ACCOUNT_ID") or project.account_id or user.account_id
    if project.account_id and user.account_id and project.account_id != user.account_id:
        raise CliError(
            f"{FILE_NAME} has the target {target} in account {project.account_id}, "
            f"{user_config_path()} has it in {user.account_id}.",
            f"Give the target another name in {FILE_NAME}, or move that file away.",
            "TARGET_OF_OTHER_ACCOUNT",
        )
    return project.account_id or _from_environment("CLOUDFLARE_ACCOUNT_ID") or user.account_id


@dataclass(frozen=True)
class DeploySettings:
    """What a deploy needs. `secrets` are the Workers' secrets by name; `domain` is the executor's custom domain, if
    any, and `mail_domain` that of its workflows' mail addresses. A dry run needs neither account nor secrets.
    """

    access: ApiAccess
    namespaces: Mapping[str, str]
    bucket: str
    domain: str | None
    secrets: Mapping[str, str | None] = field(repr=False)
    suffix: str = ""
    mail_domain: str | None = None


def resolve_deploy_settings(
    dry_run: bool = False, domain: str | None = None, mail_domain: str | None = None
) -> DeploySettings:
    """`domain` and `mail_domain` are the requested domains: None keeps the configured one, "" removes it.

    Raises NotLoggedInError, and CliError if something is missing that a real deploy needs.
    """
    project, user = read_deployed()
    key, previous, _ = _resolve_keys(user.encryption_key, user.previous_encryption_key)
    api_key = _from_environment("ARCRUN_API_KEY") or user.api_key
    secrets = {
        API_KEY: api_key,
        ENCRYPTION_KEY: key,
        PREVIOUS_KEY: previous,
        REVIEWER_KEY: _from_environment(REVIEWER_KEY) or user.reviewer_key,
        AUTHOR_KEYS: _from_environment(AUTHOR_KEYS),
        SIGNING_KEY: _from_environment(SIGNING_KEY) or user.signing_key,
        MASTER_KEY: _from_environment(MASTER_KEY),
    }
    access = ApiAccess() if dry_run else resolve_access(project, user)
    if not dry_run and not (api_key and key):
        missing = ENCRYPTION_KEY if api_key else API_KEY
        raise CliError(f"The Workers need {missing}, which is not set.", "Create the keys: acr init")
    chosen = _resolve_domain("domain", domain, project.domain, user.domain)
    mail = _resolve_domain("mail_domain", mail_domain, project.mail_domain, user.mail_domain)
    suffix = find_suffix(project, user)
    return DeploySettings(access, user.namespaces, find_bucket(project, user), chosen, secrets, suffix, mail)


def _name_targets(project: ProjectFile) -> str:
    return f"Choose one of {', '.join(project.targets)}: --target NAME, or {VARIABLE}; or start one here: acr dev"


def find_suffix(project: ProjectFile, user: UserConfig) -> str:
    """What ends the names of a target's Workers, namespaces and bucket; nothing for the default platform."""
    chosen = project.suffix if project.suffix is not None else user.suffix
    return chosen or ""


def find_bucket(project: ProjectFile, user: UserConfig) -> str:
    return project.bucket or user.bucket or DEFAULT_BUCKET + find_suffix(project, user)


def _resolve_domain(setting: str, wanted: str | None, of_project: str | None, of_user: str | None) -> str | None:
    """Raises CliError."""
    if wanted is not None and of_project is not None and wanted != of_project:
        message = f"{FILE_NAME} sets the {setting.replace('_', ' ')} to {of_project}."
        hint = f"Change `{setting}` there: it applies to everyone in this project, and to later deploys."
        raise CliError(message, hint)
    domain = wanted if wanted is not None else of_project or of_user
    if domain and not _DOMAIN.fullmatch(domain):
        raise CliError(
            f"`{domain}` is not a domain.", "Name one of your account, without https:// or a path: a.example.com"
        )
    return domain or None


def _resolve_keys(current: str | None, previous: str | None) -> tuple[str | None, str | None, bool]:
    """The key, the previous key, and whether they come from the environment."""
    key = _from_environment("ARCRUN_ENCRYPTION_KEY")
    if key is None:
        return current, previous, False
    return key, _from_environment("ARCRUN_PREVIOUS_ENCRYPTION_KEY") or (previous if key == current else None), True


def _read_all(local: bool | None, named: str | None) -> tuple[LocalRecord | None, ProjectFile, UserConfig]:
    if local and is_chosen_by_option():
        raise click.UsageError("--local and --target exclude each other: a target is deployed.")
    project, user = read_deployed()
    if local is False or (local is None and chosen_target()):
        return None, project, user
    return _find_running(local, named, project, user), project, user


def read_deployed() -> tuple[ProjectFile, UserConfig]:
    """What arcrun.yaml and the user's file say about the chosen target, else about the default platform: a project with
    targets has none, unless its arcrun.yaml has a `url`. Raises CliError.
    """
    target = chosen_target()
    project = read_project_file(Path.cwd(), target)
    has_default = target is not None or not project.targets or project.url is not None
    return project, read_user_config(user_config_path()) if has_default else UserConfig()


def _find_running(local: bool | None, named: str | None, project: ProjectFile, user: UserConfig) -> LocalRecord | None:
    """The `acr dev` whose registry or executor is at the address `named`; else the folder's; else, with `local` or if
    nothing is deployed, the only one, of which it tells, unless the folder has one of its own that does not run.

    Raises NoPlatformError, and CliError with `local`.
    """
    running = list_local_records(local_records())
    if named:
        chosen = [record for record in running if named.rstrip("/") in (record.url, record.registry_url)]
        return chosen[0] if chosen else None
    if own := find_record_of(local_records(), Path.cwd()):
        return own
    if local is None and (project.url or user.url or user.account_id or project.targets):
        return None
    listed = ", ".join(f"{record.url} in {record.folder}" for record in running)
    if running and (stopped := _find_stopped()):
        raise NoPlatformError(
            f"The `acr dev` of {stopped} is not running.",
            f"Start it: acr dev. Or choose another one with ARCRUN_URL: {listed}",
            "NOT_RUNNING",
        )
    if len(running) > 1:
        raise NoPlatformError(
            f"Several `acr dev` run, none of them in this folder: {listed}.",
            "Go to its folder, or set ARCRUN_URL to one of the addresses.",
            "SEVERAL_RUNNING",
        )
    if local and not running:
        raise CliError("No `acr dev` is running.", "Start it: acr dev", "NOT_RUNNING")
    if running:
        _tell_of_elsewhere(running[0])
    return running[0] if running else None


def _find_stopped() -> Path | None:
    """This folder or the nearest above it in which `acr dev` has run before."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".arcrun/api-key").is_file()), None)


def _tell_of_elsewhere(record: LocalRecord) -> None:
    """Say once that a command uses another folder's `acr dev`; not while the shell completes."""
    if record.url not in _told and "_ACR_COMPLETE" not in os.environ:
        _told.add(record.url)
        say(f"Using the `acr dev` of {record.folder}: {record.url}", err=True)


def _strip_key(key: str | None) -> str | None:
    """The key without the line break of the file that it was read from. Raises CliError KEY_INVALID, which does not
    quote it.
    """
    stripped = (key or "").strip()
    if not (stripped.isascii() and stripped.isprintable()):
        raise CliError(
            "The key has characters that no key has: only printable ASCII.",
            "Look at how it got there: ARCRUN_API_KEY, ARCRUN_REVIEWER_KEY, CLOUDFLARE_API_TOKEN, or --api-key.",
            "KEY_INVALID",
        )
    return stripped or None


def _require_address(url: str) -> None:
    """Raises CliError ADDRESS_INVALID."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CliError(f"`{url}` is not an address.", "It begins with https:// or http://.", "ADDRESS_INVALID")


def _build_no_platform(what: str, variable: str, local: bool | None) -> NotLoggedInError:
    """A NoPlatformError unless the command line asks for a platform, deployed or a target."""
    target, project = chosen_target(), read_project_file(Path.cwd())
    if target:
        return NotLoggedInError(f"The target {target} has no {what} yet.", f"Deploy it: acr deploy --target {target}")
    if project.targets:
        message = f"No {what} to talk to: no `acr dev` runs in this folder, and no target is chosen."
        return NoPlatformError(message, _name_targets(project))
    if local is False:
        return NotLoggedInError(
            f"No {what} is deployed, as far as this machine knows.", f"Deploy one: acr deploy. Or set {variable}."
        )
    return NoPlatformError(
        f"No {what} to talk to.", f"Start one with `acr dev`, deploy one with `acr deploy`, or set {variable}."
    )


def _from_environment(name: str) -> str | None:
    return os.environ.get(name) or None
