"""Starts or resumes a rotation of the encryption key.

The order makes an interruption harmless at every point: (1) save the old and the new key on this machine, (2) give both
to the Workers, (3) re-encrypt the records one by one. Each step can be repeated, and at any time one of the two keys
decrypts each record, here and in the Workers. The old key stays until the next rotation, as KV may return an old record
elsewhere for 60 s or longer.

The executor also wraps the data keys, which seal runs' inputs, under the encryption key. It must have rewrapped them
under the next key before a key is dropped.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from acr.cloudflare.api import CloudflareApi
from acr.cloudflare.workers import copy_version, deploy_version, find_worker, is_newest
from acr.config.folders import user_config_path
from acr.config.platform_home import find_platform_home
from acr.config.user_config import read_user_config, save_user_config
from acr.config.worker_variables import ENCRYPTION_KEY, EXECUTOR, PREVIOUS_KEY
from acr.credentials.credential_store import CredentialStore
from acr.credentials.encryption import KeyRing, make_encryption_key, read_key_ring
from acr.credentials.local_keys import replace_local_key
from acr.errors import AnswerError, CliError, NotLoggedInError
from acr.node.wrangler import build_wrangler
from acr.output.render import warn
from acr.targets.executor_client import ExecutorClient
from acr.targets.settings import Storage, Target
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.credentials.record import fingerprint_of

SPREAD_S, ASK_AGAIN_S = 30.0, 0.5  # how long a new secret may take to reach the executor; how often to poll
_ENVIRONMENT_STEPS = (
    "export ARCRUN_PREVIOUS_ENCRYPTION_KEY=$ARCRUN_ENCRYPTION_KEY; "
    'export ARCRUN_ENCRYPTION_KEY="$(openssl rand -base64 32)"; '
    "give the Workers both (acr deploy, or restart acr dev); acr creds rotate"
)


def begin_rotation(storage: Storage, store: CredentialStore, executor: Target | None) -> KeyRing:
    """The keys to rotate with, after saving both and giving both to the Workers. Raises CliError."""
    keys = read_key_ring(storage.encryption_key, storage.previous_encryption_key)
    if storage.keys_in_environment:
        if keys.previous is None:
            raise CliError(
                "The key comes from ARCRUN_ENCRYPTION_KEY, which this command cannot change.", _ENVIRONMENT_STEPS
            )
        return keys
    old = storage.encryption_key or ""
    if keys.previous is not None and store.needs_rotation(keys):  # interrupted
        new, old = old, storage.previous_encryption_key or ""
    else:
        if not renew_data_keys(executor, keys.current, restarts=storage.is_local):
            raise CliError(
                "The executor does not have the last rotation's key yet.",
                "Run the same command again in a minute. If it still fails, deploy the key first: acr deploy",
            )
        new = make_encryption_key()
    _keep(storage, old, new)
    return read_key_ring(new, old)


def renew_data_keys(executor: Target | None, key: bytes, *, restarts: bool) -> bool:
    """Have the executor rewrap its data keys under `key`, which it may have only just received. Returns False if it
    still has another key after SPREAD_S. Without an executor, or with a warning if it refuses or cannot be reached,
    returns True; with `restarts` it may be restarting, so it is asked again for SPREAD_S.
    """
    if executor is None:
        return True
    until = time.monotonic() + SPREAD_S
    with ExecutorClient(executor) as client:
        while True:
            try:
                renewed = client.renew_data_keys()
            except (NotLoggedInError, AnswerError) as refused:
                return _warn_of(refused)
            except CliError as error:
                if not restarts or time.monotonic() > until:
                    return _warn_of(error)
            else:
                if renewed is None or renewed["key"] == fingerprint_of(key):
                    return True
                if time.monotonic() > until:
                    return False
            time.sleep(ASK_AGAIN_S)


def _warn_of(error: CliError) -> bool:
    warn(f"The stored inputs of runs may become unreadable at the next rotation: {error.message}")
    return True


def _keep(storage: Storage, old: str, new: str) -> None:
    if storage.keys_folder is not None:
        replace_local_key(storage.keys_folder, old, new)  # `acr dev` notices, and gives both to the Workers
        return
    path = user_config_path()
    config = read_user_config(path)
    save_user_config(path, replace(config, encryption_key=new, previous_encryption_key=old))
    if config.url:  # deployed
        _push_keys(storage.access, EXECUTOR + storage.suffix, new, old)


def _push_keys(access: ApiAccess, executor: str, current: str, previous: str) -> None:
    """Give the deployed executor both keys. Raises CliError."""
    keys = {ENCRYPTION_KEY: current, PREVIOUS_KEY: previous}
    with CloudflareApi(access) as api:
        running = find_worker(api, executor)
        if running is not None and not is_newest(api, executor, running.id):  # after a rollback
            deploy_version(api, executor, copy_version(api, executor, running.id, running, keys), "acr creds rotate")
            return
    with tempfile.TemporaryDirectory() as folder:
        wrangler = build_wrangler(find_platform_home(), access)
        wrangler.put_secrets(Path(folder), executor, keys)
