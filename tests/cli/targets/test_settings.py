"""Proves the precedence of settings: flag > environment > running `acr dev` > arcrun.yaml > user file."""

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from acr.config.chosen_target import choose_target, forget_target
from acr.config.folders import local_records, user_config_path
from acr.config.private_file import is_private, write_private
from acr.config.user_config import UserConfig, read_user_config, save_user_config
from acr.credentials.local_keys import replace_local_key
from acr.errors import CliError, NoPlatformError, NotLoggedInError
from acr.targets.local_record import LocalRecord, SavedRecord, list_local_records, save_local_record
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


OTHER_PID = 2**22 + 1  # of no process


@dataclass
class Desk:
    folder: Path
    environment: pytest.MonkeyPatch
    saved: list[SavedRecord] = field(default_factory=list)

    def write_project(self, text: str) -> None:
        (self.folder / "arcrun.yaml").write_text(text)

    def start_dev(
        self, url: str = "http://dev", folder: str = "", pid: int | None = None, started: float = 1
    ) -> SavedRecord:
        """Save the record of an `acr dev`, of this process unless `pid` is given."""
        replace_local_key(self.folder / "keys", OLD, KEY)
        record = LocalRecord(
            url,
            "key-dev",
            "http://dev/api",
            {"WEBHOOKS": "W"},
            "dev-b",
            str(self.folder / "keys"),
            "http://dev-registry",
            "reviewer-dev",
            "signing-dev",
            str(self.folder / folder),
            started,
        )
        self.saved.append(save_local_record(local_records(), record, pid))
        return self.saved[-1]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
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
    desk = Desk(tmp_path, monkeypatch)
    yield desk
    for saved in desk.saved:
        saved.lock.close()


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
    dev = desk.start_dev()
    assert resolve_target(None, None, local=True).url == "http://dev"
    assert resolve_target(None, None, local=False).url == "https://user"
    assert (resolve_storage().is_local, resolve_storage(local=False).is_local) == (True, False)
    dev.forget()
    assert not resolve_storage().is_local


def test_each_folder_s_commands_talk_to_its_own_acr_dev(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    for folder in ("hello/inner", "proj2", "elsewhere"):
        (desk.folder / folder).mkdir(parents=True)
    desk.start_dev("http://hello", "hello", started=1)
    proj2 = desk.start_dev("http://proj2", "proj2", OTHER_PID, started=2)
    for folder, url in (("hello", "http://hello"), ("hello/inner", "http://hello"), ("proj2", "http://proj2")):
        desk.environment.chdir(desk.folder / folder)
        assert (resolve_target(None, None).url, resolve_target(None, None, local=True).url) == (url, url)
    desk.environment.chdir(desk.folder / "elsewhere")
    assert resolve_target("http://127.0.0.1:1", "k").url == "http://127.0.0.1:1"
    assert resolve_target("http://proj2/", None).api_key == "key-dev"
    for local in (None, True):
        with pytest.raises(
            NoPlatformError, match=r"Several `acr dev` run.*http://hello in .*hello, http://proj2 in "
        ) as told:
            resolve_target(None, None, local=local)
        assert told.value.code == "SEVERAL_RUNNING"
    desk.environment.setenv("ARCRUN_URL", "http://proj2")  # as the message says
    assert (resolve_target(None, None).api_key, resolve_storage().is_local) == ("key-dev", True)
    desk.environment.setenv("ARCRUN_URL", "")
    proj2.lock.close()  # as it is killed
    assert resolve_target(None, None).url == "http://hello"  # the only one
    assert f"Using the `acr dev` of {desk.folder}/hello: http://hello" in capsys.readouterr().err
    assert not proj2.path.exists()
    save_user_config(user_config_path(), USER)
    assert resolve_target(None, None).url == "https://user"
    assert resolve_target(None, None, local=True).url == "http://hello"


def test_a_folder_whose_acr_dev_has_stopped_uses_no_other(desk: Desk) -> None:
    for folder in ("hello", "proj2/.arcrun", "proj2/inner"):
        (desk.folder / folder).mkdir(parents=True)
    (desk.folder / "proj2/.arcrun/api-key").write_text("k")
    desk.start_dev("http://hello", "hello")
    for folder in ("proj2", "proj2/inner"):
        desk.environment.chdir(desk.folder / folder)
        for local in (None, True):
            with pytest.raises(NoPlatformError, match=r"The `acr dev` of .*/proj2 is not running") as told:
                resolve_target(None, None, local=local)
            assert "http://hello in " in told.value.hint
            with pytest.raises(NoPlatformError):
                resolve_storage(local=local)


def test_a_project_with_targets_uses_no_acr_dev_of_another_folder(desk: Desk) -> None:
    (desk.folder / "hello").mkdir()
    desk.start_dev("http://hello", "hello")
    desk.write_project("targets: {staging: {}}")
    with pytest.raises(NotLoggedInError) as told:
        resolve_target(None, None)
    assert "Choose one of staging" in told.value.hint
    assert resolve_target(None, None, local=True).url == "http://hello"


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:8787", "ftp://x", "https://"])
def test_what_is_no_address_is_refused_before_a_key_is_asked_for(desk: Desk, url: str) -> None:
    for given in (True, False):
        desk.environment.setenv("ARCRUN_URL", "" if given else url)
        with pytest.raises(CliError) as refused:
            resolve_target(url if given else None, None)
        assert refused.value.code == "ADDRESS_INVALID"


@pytest.mark.parametrize("key", ["secret\nkey", "secret key \u00e9", "secret\x00key"])
def test_a_key_that_is_none_is_refused_and_not_shown(desk: Desk, key: str) -> None:
    with pytest.raises(CliError) as refused:
        resolve_target("https://x", key)
    assert (refused.value.code, "secret" in refused.value.message + refused.value.hint) == ("KEY_INVALID", False)
    assert resolve_target("https://x", "from-a-file\n").api_key == "from-a-file"


def test_the_nearest_folder_s_acr_dev_counts(desk: Desk) -> None:
    (desk.folder / "outer/inner").mkdir(parents=True)
    desk.start_dev("http://outer", "outer", started=1)
    desk.start_dev("http://inner", "outer/inner", OTHER_PID, started=2)
    desk.environment.chdir(desk.folder / "outer/inner")
    assert resolve_target(None, None).url == "http://inner"
    desk.environment.chdir(desk.folder / "outer")
    assert resolve_target(None, None).url == "http://outer"


def test_of_two_in_one_folder_commands_use_the_first(desk: Desk) -> None:
    desk.start_dev("http://first", pid=OTHER_PID)
    second = desk.start_dev("http://second", started=2)
    assert resolve_target(None, None).url == "http://first"
    assert second.first is not None
    assert second.first.url == "http://first"
    second.forget()
    (desk.folder / "another").mkdir()
    assert desk.start_dev("http://second", "another").first is None


@pytest.mark.parametrize("text", ["", "[]", "5", "{}", '{"url": "x"}'])
def test_an_invalid_record_is_replaced(desk: Desk, text: str) -> None:
    dev = desk.start_dev()
    dev.path.write_text(text)
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


STARTED = """
import sys
from pathlib import Path
from acr.targets.local_record import LocalRecord, save_local_record
saved = save_local_record(Path(sys.argv[1]), LocalRecord("http://killed", "", "", {}, "", "", "", "", "", sys.argv[2]))
print("saved", flush=True)
sys.stdin.read()
"""


def test_a_record_of_an_acr_dev_that_was_killed_is_deleted(desk: Desk) -> None:
    """At once: while its parent has not waited for it, it still has its number, as has a process that gets it later."""
    command = [sys.executable, "-c", STARTED, str(local_records()), str(desk.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"saved\n"
            assert [record.url for record in list_local_records(local_records())] == ["http://killed"]
        finally:
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is not waited for
        os.kill(process.pid, 0)
        assert list_local_records(local_records()) == []
    assert list(local_records().iterdir()) == []


def test_a_record_that_a_reader_deletes_before_it_is_locked_is_written_again(desk: Desk) -> None:
    """Readers and the writer take turns, many times; the record is there in the end."""
    reader = threading.Thread(target=lambda: [list_local_records(local_records()) for _ in range(500)])
    reader.start()
    for _ in range(20):
        assert desk.start_dev().path.exists()
    reader.join()
    assert [record.url for record in list_local_records(local_records())] == ["http://dev"]


TARGETS = """account_id: acc-project
url: https://project
targets:
  staging: {}
  production: {account_id: acc-production, url: https://production, suffix: ''}
"""
STAGING = UserConfig(
    account_id="acc-project", api_token="tok", url="https://staging", api_key="key-staging", encryption_key=KEY
)


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ARCRUN_TARGET", raising=False)
    yield
    forget_target()


@pytest.mark.usefixtures("chosen")
def test_a_target_is_a_platform_of_its_own(desk: Desk) -> None:
    desk.write_project(TARGETS)
    save_user_config(user_config_path(), USER)
    desk.start_dev()
    choose_target("staging")
    assert user_config_path().name == "staging.json"
    with pytest.raises(NotLoggedInError, match="The target staging has no platform yet"):
        resolve_target(None, None)
    save_user_config(user_config_path(), STAGING)
    desk.environment.setenv("ARCRUN_URL", "https://environment")  # --target stands before it
    target, storage = resolve_target(None, None), resolve_storage()
    assert (target.url, target.api_key) == ("https://staging", "key-staging")
    assert (storage.access.account_id, storage.bucket, storage.suffix) == (
        "acc-project",
        "arcrun-components-staging",
        "-staging",
    )
    settings = resolve_deploy_settings()
    assert (settings.suffix, settings.bucket) == ("-staging", "arcrun-components-staging")
    assert is_private(user_config_path())
    choose_target("production")
    save_user_config(user_config_path(), replace(STAGING, account_id="acc-production", url=None, api_key="key-p"))
    desk.environment.setenv("ARCRUN_API_KEY", "key-ci")
    assert resolve_target(None, None).url == "https://production"
    assert (resolve_target(None, None).api_key, resolve_storage().suffix) == ("key-ci", "")


@pytest.mark.usefixtures("chosen")
def test_arcrun_target_chooses_too_and_arcrun_url_stands_before_it(desk: Desk) -> None:
    desk.write_project(TARGETS)
    desk.environment.setenv("ARCRUN_TARGET", "production")
    desk.environment.setenv("ARCRUN_API_KEY", "key-ci")
    assert resolve_target(None, None).url == "https://production"
    desk.environment.setenv("ARCRUN_URL", "https://environment")
    assert resolve_target(None, None).url == "https://environment"


@pytest.mark.usefixtures("chosen")
@pytest.mark.parametrize(
    ("project", "name", "told"),
    [
        pytest.param("", "staging", "has no target `staging`; it has none", id="no file"),
        pytest.param(TARGETS, "stagin", "it has staging, production", id="misspelt"),
        pytest.param(TARGETS, "../x", "not a target's name", id="no name"),
        pytest.param("targets: [staging]", "staging", "must map names", id="a list"),
        pytest.param("targets: {a_b: {}}", "staging", "`a_b` is not a target's name", id="a name that Workers lack"),
        pytest.param("targets: {staging: {api_key: x}}", "staging", "it has api_key", id="a secret"),
        pytest.param("targets: {staging: {suffix: _x}}", "staging", "suffix of `staging`", id="a suffix"),
        pytest.param("targets: {staging: x}", "staging", "not a mapping", id="no mapping"),
        pytest.param("targets: {a: {suffix: ''}, b: {suffix: ''}}", "a", "would be the same Workers", id="the same"),
    ],
)
def test_a_target_that_is_none_is_explained(desk: Desk, project: str, name: str, told: str) -> None:
    if project:
        desk.write_project(project)
    choose_target(name)
    with pytest.raises(CliError) as refused:
        resolve_target(None, None)
    assert told in refused.value.message


@pytest.mark.usefixtures("chosen")
def test_a_target_of_another_project_s_account_is_refused(desk: Desk) -> None:
    desk.write_project("targets: {staging: {account_id: acc-ours}}")
    choose_target("staging")
    save_user_config(user_config_path(), STAGING)
    with pytest.raises(CliError) as refused:
        resolve_storage()
    assert refused.value.code == "TARGET_OF_OTHER_ACCOUNT"


@pytest.mark.usefixtures("chosen")
def test_where_there_are_targets_none_is_chosen_by_accident(desk: Desk) -> None:
    desk.write_project("targets: {staging: {}, production: {}}")
    with pytest.raises(NotLoggedInError) as refused:
        resolve_target(None, None)
    assert "Choose one of staging, production" in refused.value.hint
    save_user_config(user_config_path(), USER)
    with pytest.raises(NotLoggedInError) as refused:
        resolve_target(None, None)
    assert "Choose one of staging, production" in refused.value.hint


@pytest.mark.parametrize(
    ("local", "told", "hint"),
    [
        pytest.param(None, "No platform to talk to.", "Start one with `acr dev`", id="either"),
        pytest.param(False, "No platform is deployed", "acr deploy", id="--deployed"),
        pytest.param(True, "No `acr dev` is running.", "acr dev", id="--local"),
    ],
)
def test_without_a_platform_the_message_is_about_what_was_asked(
    desk: Desk, local: bool | None, told: str, hint: str
) -> None:
    with pytest.raises(CliError) as refused:
        resolve_target(None, None, local=local)
    assert (told in refused.value.message, hint in refused.value.hint) == (True, True)
