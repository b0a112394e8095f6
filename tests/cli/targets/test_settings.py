"""Proves the precedence of settings: flag > environment > running `acr dev` > arcrun.yaml > user file."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from acr.config.folders import local_record_path, user_config_path
from acr.config.private_file import is_private, write_private
from acr.config.user_config import UserConfig, read_user_config, save_user_config
from acr.credentials.local_keys import replace_local_key
from acr.errors import CliError, NotLoggedInError
from acr.targets.local_record import LocalRecord, forget_local_record, save_local_record
from acr.targets.settings import (
    RegistryTarget,
    find_registry,
    resolve_deploy_settings,
    resolve_registry,
    resolve_storage,
    resolve_target,
)

OLD, KEY, OTHER = (base64.b64encode(letter * 32).decode() for letter in (b"o", b"k", b"x"))
USER = UserConfig(
    account_id="acc-user",
    api_token="tok-user",
    namespaces={"WEBHOOKS": "id1"},
    bucket="user-bucket",
    url="https://user",
    registry_url="https://user-registry",
    api_key="key-user",
    reviewer_key="reviewer-user",
    signing_key="signing-user",
    encryption_key=KEY,
)


@dataclass
class Desk:
    folder: Path
    environment: pytest.MonkeyPatch

    def write_project(self, text: str) -> None:
        (self.folder / "arcrun.yaml").write_text(text)

    def start_dev(self) -> None:
        replace_local_key(self.folder / "keys", OLD, KEY)
        record = LocalRecord(
            "http://dev",
            "key-dev",
            "http://dev/api",
            {"WEBHOOKS": "W"},
            "dev-b",
            str(self.folder / "keys"),
            "http://dev-registry",
            "reviewer-dev",
            "signing-dev",
        )
        save_local_record(local_record_path(), record)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    for name in ("ARCRUN_URL", "ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY", "ARCRUN_PREVIOUS_ENCRYPTION_KEY"):
        monkeypatch.setenv(name, "")  # counts as unset
    for name in (
        "ARCRUN_REGISTRY_URL",
        "ARCRUN_REVIEWER_KEY",
        "ARCRUN_SIGNING_KEY",
        "ARCRUN_AUTHOR_KEYS",
        "MASTER_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACR_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, monkeypatch)


def test_a_target_comes_from_the_nearest_source(desk: Desk) -> None:
    with pytest.raises(NotLoggedInError):
        resolve_target(None, None)
    save_user_config(user_config_path(), USER)
    assert resolve_target(None, None).url == "https://user"
    desk.write_project("url: https://project\n")
    with pytest.raises(NotLoggedInError):  # the user file's key is for the user file's address
        resolve_target(None, None)
    desk.start_dev()
    assert (resolve_target(None, None).url, resolve_target(None, None).api_key) == ("http://dev", "key-dev")
    desk.environment.setenv("ARCRUN_URL", "https://environment/")
    desk.environment.setenv("ARCRUN_API_KEY", "key-environment")
    assert resolve_target(None, None).url == "https://environment"
    assert (resolve_target("https://flag", "k").url, resolve_target("https://flag", "k").api_key) == (
        "https://flag",
        "k",
    )


def test_local_and_deployed_can_be_chosen(desk: Desk) -> None:
    save_user_config(user_config_path(), USER)
    with pytest.raises(CliError, match="No `acr dev`"):
        resolve_target(None, None, local=True)
    desk.start_dev()
    assert resolve_target(None, None, local=True).url == "http://dev"
    assert resolve_target(None, None, local=False).url == "https://user"
    assert (resolve_storage().is_local, resolve_storage(local=False).is_local) == (True, False)
    forget_local_record(local_record_path())
    assert not resolve_storage().is_local


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until it is killed, standing in for another `acr dev`."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_a_second_acr_dev_leaves_the_first_one_s_record_alone(
    desk: Desk, other_process: subprocess.Popen[bytes]
) -> None:
    desk.start_dev()
    first = {**json.loads(local_record_path().read_text()), "url": "http://first", "pid": other_process.pid}
    write_private(local_record_path(), json.dumps(first))
    desk.start_dev()
    forget_local_record(local_record_path())
    assert (json.loads(local_record_path().read_text()), resolve_target(None, None).url) == (first, "http://first")
    other_process.kill()
    other_process.wait()
    desk.start_dev()  # the first is dead and has left its record
    assert resolve_target(None, None).url == "http://dev"
    forget_local_record(local_record_path())
    assert not local_record_path().exists()


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", '{"pid": "x"}', '{"pid": 1}'])
def test_an_invalid_record_is_replaced(desk: Desk, text: str) -> None:
    desk.start_dev()
    write_private(local_record_path(), text)
    with pytest.raises(NotLoggedInError):
        resolve_target(None, None)
    desk.start_dev()
    assert resolve_target(None, None).url == "http://dev"


def test_storage_of_the_account(desk: Desk) -> None:
    with pytest.raises(NotLoggedInError, match="account"):
        resolve_storage()
    save_user_config(user_config_path(), USER)
    storage = resolve_storage()
    assert (storage.access.account_id, storage.access.token, storage.bucket) == ("acc-user", "tok-user", "user-bucket")
    desk.write_project("account_id: acc-project\nbucket: project-bucket\n")
    assert (resolve_storage().access.account_id, resolve_storage().bucket) == ("acc-project", "project-bucket")
    desk.environment.setenv("CLOUDFLARE_ACCOUNT_ID", "acc-environment")
    desk.environment.setenv("CLOUDFLARE_API_TOKEN", "tok-environment")
    desk.environment.setenv("CLOUDFLARE_API_BASE_URL", "http://api")
    access = resolve_storage().access
    assert (access.account_id, access.token, access.base_url) == ("acc-environment", "tok-environment", "http://api")


@pytest.mark.parametrize(
    ("current", "previous", "expected"),
    [
        pytest.param("", "", (KEY, OLD, False), id="from the files"),
        pytest.param(OTHER, "", (OTHER, None, True), id="another from the environment"),
        pytest.param(KEY, "", (KEY, OLD, True), id="the same from the environment"),
        pytest.param(OTHER, KEY, (OTHER, KEY, True), id="both from the environment"),
    ],
)
def test_encryption_keys(desk: Desk, current: str, previous: str, expected: tuple[str, str | None, bool]) -> None:
    desk.start_dev()
    desk.environment.setenv("ARCRUN_ENCRYPTION_KEY", current)
    desk.environment.setenv("ARCRUN_PREVIOUS_ENCRYPTION_KEY", previous)
    storage = resolve_storage()
    assert (storage.encryption_key, storage.previous_encryption_key, storage.keys_in_environment) == expected


def test_a_deploy_needs_both_keys_and_a_dry_run_nothing(desk: Desk) -> None:
    assert resolve_deploy_settings(dry_run=True).access.account_id is None
    save_user_config(user_config_path(), UserConfig(account_id="a", api_token="t", encryption_key=KEY))
    with pytest.raises(CliError, match="ARCRUN_API_KEY"):
        resolve_deploy_settings()
    desk.environment.setenv("ARCRUN_API_KEY", "k")
    optional = ("PREVIOUS_ENCRYPTION_KEY", "REVIEWER_KEY", "AUTHOR_KEYS", "SIGNING_KEY")
    secrets = {"ARCRUN_API_KEY": "k", "ARCRUN_ENCRYPTION_KEY": KEY, **{f"ARCRUN_{name}": None for name in optional}}
    assert resolve_deploy_settings().secrets == {**secrets, "MASTER_KEY": None}
    given = {"MASTER_KEY": "m", "ARCRUN_REVIEWER_KEY": "r", "ARCRUN_SIGNING_KEY": "s", "ARCRUN_AUTHOR_KEYS": "{}"}
    for name, key in given.items():
        desk.environment.setenv(name, key)
    assert resolve_deploy_settings().secrets == {**secrets, **given}


def test_a_registry_comes_from_the_nearest_source_and_its_keys_from_its_owner(desk: Desk) -> None:
    with pytest.raises(NotLoggedInError, match="No registry"):
        resolve_registry()
    assert find_registry() is None
    save_user_config(user_config_path(), USER)
    users = RegistryTarget("https://user-registry", "key-user", "reviewer-user", "signing-user")
    assert resolve_registry() == users
    desk.start_dev()
    assert resolve_registry() == RegistryTarget("http://dev-registry", "key-dev", "reviewer-dev", "signing-dev")
    assert resolve_registry(local=False) == users
    desk.environment.setenv("ARCRUN_REGISTRY_URL", "https://other/")
    with pytest.raises(NotLoggedInError, match="No API key for https://other/"):
        resolve_registry()
    assert resolve_registry(api_key="mine") == RegistryTarget(
        "https://other", "mine"
    )  # another owner's: without our keys
    desk.environment.setenv("ARCRUN_REVIEWER_KEY", "given")
    assert resolve_registry("https://flag", "mine").reviewer_key == "given"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("api_token: x", "it has api_token", id="a secret"),
        pytest.param("url: 1", "other values", id="a number"),
        pytest.param("- url", "not a mapping", id="a list"),
        pytest.param("url: 'x", "arcrun.yaml:1", id="not YAML"),
    ],
)
def test_a_project_file_holds_no_secrets(desk: Desk, text: str, message: str) -> None:
    desk.write_project(text)
    with pytest.raises(CliError, match=r"arcrun\.yaml") as raised:
        resolve_target(None, None)
    assert message in raised.value.message


def test_a_user_file_with_unknown_keys_or_no_json_is_refused(desk: Desk) -> None:
    for text, message in (('{"acount": 1}', "acount"), ("{", "not JSON"), ("[]", "not an object")):
        write_private(user_config_path(), text)
        with pytest.raises(CliError, match=message):
            read_user_config(user_config_path())


def test_secrets_are_private_and_not_shown(desk: Desk) -> None:
    save_user_config(user_config_path(), USER)
    assert is_private(user_config_path())
    assert save_user_config(user_config_path(), USER) is False
    assert read_user_config(user_config_path()) == USER
    shown = repr((USER, resolve_storage(), resolve_target(None, None), resolve_registry(), resolve_deploy_settings()))
    secrets = ("tok-user", "key-user", "reviewer-user", "signing-user", KEY)
    assert [secret for secret in secrets if secret in shown] == []


def test_a_record_of_an_ended_or_older_acr_dev_does_not_count(desk: Desk) -> None:
    desk.start_dev()
    stored = json.loads(local_record_path().read_text())
    for changed in ({**stored, "pid": 2**22 + 1}, {"url": "u", "api_key": "k", "pid": stored["pid"]}):
        write_private(local_record_path(), json.dumps(changed))
        with pytest.raises(NotLoggedInError):
            resolve_target(None, None)
