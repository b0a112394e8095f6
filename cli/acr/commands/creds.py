"""acr creds: secrets in the account's KV, encrypted on this machine."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.kv import KvNamespace
from acr.commands.options import as_json, local_or_deployed
from acr.credentials.credential_store import CredentialStore
from acr.credentials.credentials_file import (
    FILE_NAME,
    find_exposure,
    read_credentials,
    require_name,
    require_secret,
    select_credentials,
)
from acr.credentials.encryption import read_encryption_key, read_key_ring
from acr.deployment.key_rotation import begin_rotation, renew_data_keys
from acr.deployment.resources import namespace_id_of
from acr.errors import CliError
from acr.output.credential_trials import MIN_FAILED_STATUS, build_auth, describe_trial, explain_status
from acr.output.render import print_data, print_json, print_table, warn
from acr.output.terminal import ask, say
from acr.targets.audit_notes import note_written
from acr.targets.executor_client import ExecutorClient
from acr.targets.service_client import require_data
from acr.targets.settings import Storage, find_target, resolve_storage, resolve_target
from arcrun.authorization.model import TYPES
from arcrun.credentials.secret_forms import MIN_SECRET_LENGTH
from arcrun.limits import MAX_SECRET_BYTES

_READABLE = {True: "yes", False: "no", None: "?"}


@click.group()
def creds() -> None:
    """Store secrets, encrypted on this machine.

    \b
    Examples:
      acr creds push                     everything in credentials.yaml
      acr creds push telegram_bot_token  one credential
      acr creds set telegram_bot_token   one, from stdin or a prompt
      acr creds list
      acr creds test crm                 whether it works: fetches a token, asks a URL
      acr creds rm telegram_bot_token
      acr creds rotate                   re-encrypt everything with a new key
    """


@creds.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), default=FILE_NAME, show_default=True)
@as_json
@local_or_deployed
def push(names: tuple[str, ...], file: Path, as_json: bool, local: bool | None) -> None:
    """Encrypt credentials and store them. Unencrypted secrets never leave this machine.

    \b
    Examples:
      acr creds push
      acr creds push telegram_bot_token --file secrets/credentials.yaml
    """
    secrets = select_credentials(read_credentials(file), names, file)
    storage = resolve_storage(local=local)
    if exposure := find_exposure(file):
        warn(exposure)
    _store(secrets, storage, local, as_json)


@creds.command(name="set")
@click.argument("name", metavar="NAME")
@as_json
@local_or_deployed
def set_(name: str, as_json: bool, local: bool | None) -> None:
    """Encrypt one credential and store it. It is read from stdin, or asked for without showing it.

    credentials.yaml is neither needed nor changed. A line break at the end does not count.

    \b
    Examples:
      acr creds set telegram_bot_token
      gh auth token | acr creds set github_token
      acr creds set service_account < key.json
    """
    storage = resolve_storage(local=local)
    read_encryption_key(storage.encryption_key)  # before the user is asked
    _store({require_name(name): _read_secret(name)}, storage, local, as_json)


def _read_secret(name: str) -> str:
    """The secret from stdin, or from the user. Raises CliError."""
    if sys.stdin.isatty():
        asked: str = ask(f"Secret for {name} (it is not shown)", hide_input=True, default="", show_default=False)
        return require_secret(name, asked)
    given = sys.stdin.buffer.read(MAX_SECRET_BYTES + len("\r\n") + 1)
    try:
        # Of a secret that is too large, the last character may be cut.
        text = given.decode(errors="ignore" if len(given) > MAX_SECRET_BYTES else "strict")
    except UnicodeDecodeError:
        raise CliError("The secret is not UTF-8.", "Encode it first, for example with base64.") from None
    return require_secret(name, text.removesuffix("\n").removesuffix("\r"))


@creds.command(name="list")
@as_json
@local_or_deployed
def list_(as_json: bool, local: bool | None) -> None:
    """List the stored credentials, and whether your key can decrypt them. Secrets are not shown.

    \b
    Examples:
      acr creds list
      acr creds list --json | jq -r '.data.credentials[].name'
    """
    storage = resolve_storage(local=local)
    keys = read_key_ring(storage.encryption_key, storage.previous_encryption_key) if storage.encryption_key else None
    with _open_store(storage) as store:
        stored = store.list(keys)
    if as_json:
        print_data({"credentials": [item.to_json() for item in stored]})
    else:
        print_table(("name", "readable"), [(item.name, _READABLE[item.readable]) for item in stored])


@creds.command()
@click.argument("name", metavar="NAME")
@click.option("--type", "kind", type=click.Choice(TYPES), help="How it is used, as `auth` of a node says it.")
@click.option("--set", "fields", multiple=True, metavar="FIELD=VALUE", help="Another field of `auth`, such as scope.")
@click.option("--url", metavar="URL", help="Ask this URL with it, and print the status.")
@as_json
@local_or_deployed
def test(name: str, url: str | None, as_json: bool, local: bool | None, **auth: Any) -> None:
    """Use a stored credential for real, on the platform. The secret is not shown, and neither is a token.

    One for access tokens fetches one, and says until when it is good and for what. Its type follows from its content,
    unless --type says it. With --url that address is asked (GET); a status of 400 or more is a failure.

    \b
    Examples:
      acr creds test crm
      acr creds test crm --type oauth2_client --set scope=read --url https://api.example.com/me
      acr creds test api_key --type header --set name=X-Api-Key --url https://api.example.com/me
      acr creds test aws --type aws_sigv4 --set region=us-east-1 --set service=sts --url URL
    """
    client = ExecutorClient(resolve_target(None, None, local=local))
    answer = client.try_credential(require_name(name), build_auth(auth["kind"], auth["fields"]), url)
    tried = require_data(answer)
    if as_json:
        print_json(answer)
    else:
        for line in describe_trial(name, tried):
            say(line)
    status = tried.get("answer", {}).get("status", 200)
    if status >= MIN_FAILED_STATUS:
        raise CliError(f"{url} has answered {status}.", explain_status(name, status))


@creds.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json
@local_or_deployed
def rm(names: tuple[str, ...], as_json: bool, local: bool | None) -> None:
    """Remove stored credentials. credentials.yaml is not changed.

    \b
    Examples:
      acr creds rm telegram_bot_token
    """
    with _open_store(resolve_storage(local=local)) as store:
        store.remove(names)
    note_written("credential.delete", names, local=local)
    _print_names(list(names), as_json, "removed")


@creds.command()
@as_json
@local_or_deployed
def rotate(as_json: bool, local: bool | None) -> None:
    """Re-encrypt all stored credentials with a new key.

    The old key is kept next to the new one, here and in the Workers, so runs do not fail in the meantime. If this is
    interrupted, nothing is lost: run it again to continue. The stored inputs of runs stay readable, too.

    \b
    Examples:
      acr creds rotate
      acr creds rotate --json | jq .data.renewed
    """
    storage, executor = resolve_storage(local=local), find_target(local=local)
    with _open_store(storage) as store:
        keys = begin_rotation(storage, store, executor)
        rotation = store.rotate(keys)
    if not renew_data_keys(executor, keys.current, restarts=storage.is_local):
        warn(
            "The executor does not have the new key yet: the stored inputs of runs are sealed under it a little later."
        )
    note_written("encryption_key.rotate", ["credentials"], local=local)
    if as_json:
        print_data(rotation.to_json())
    else:
        _print_names(list(rotation.renewed), False, "renewed")
        say(f"{len(rotation.unchanged)} already used the new key.", err=True)


def _store(secrets: Mapping[str, str], storage: Storage, local: bool | None, as_json: bool) -> None:
    """Encrypt secrets and store them, and print their names."""
    key = read_encryption_key(storage.encryption_key)
    for name in (name for name, secret in secrets.items() if len(secret.strip()) < MIN_SECRET_LENGTH):
        warn(f"`{name}` is shorter than {MIN_SECRET_LENGTH} characters: it is not redacted from records and logs.")
    with _open_store(storage) as store:
        store.push(secrets, key)
    note_written("credential.put", list(secrets), local=local)
    _print_names(list(secrets), as_json, "pushed")


@contextmanager
def _open_store(storage: Storage) -> Iterator[CredentialStore]:
    with CloudflareApi(storage.access) as api:
        yield CredentialStore(
            KvNamespace(api, namespace_id_of(api, storage.namespaces, "CREDENTIALS_KV", storage.suffix))
        )


def _print_names(names: list[str], as_json: bool, verb: str) -> None:
    if as_json:
        print_data({verb: names})
        return
    for name in names:
        say(name)
    say(f"{verb} {len(names)}", err=True)
