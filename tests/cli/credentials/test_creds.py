"""`acr creds` against the local platform: what reaches KV, exit codes, data on stdout, messages on stderr."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from arcrun.credentials.record import fingerprint_of
from fakes.terminal import Terminal
from workerd.local_platform import ACR, ROOT, LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

CANARY = "canary/+5ecret~9876"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A separate platform, as a rotation reloads it."""
    with running_platform(tmp_path_factory.mktemp("creds")) as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.yaml"
    path.write_text(f'telegram_bot_token: "{CANARY}"\nother: second-{CANARY}\n')
    path.chmod(0o600)
    return path


def creds(
    platform: LocalPlatform, folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [str(ACR), "creds", *arguments],
        cwd=folder,
        env={**platform.environment, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert CANARY not in result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    return result


def read_kv(platform: LocalPlatform) -> dict[str, str]:
    base = f"{platform.urls['cloudflare-api']}/storage/kv/namespaces/CREDENTIALS_KV"
    names = [item["name"] for item in httpx.get(f"{base}/keys", timeout=60).json()["result"]]
    return {name: httpx.get(f"{base}/values/{name.replace(':', '%3A')}", timeout=60).text for name in names}


def open_record(platform: LocalPlatform, kv_key: str, value: str) -> str:
    key = base64.b64decode((platform.folder / "keys/encryption-key").read_text())
    record = json.loads(value)
    assert record.keys() == {"encrypted", "iv"}
    iv, encrypted = base64.b64decode(record["iv"]), base64.b64decode(record["encrypted"])
    return AESGCM(key).decrypt(iv, encrypted, kv_key.encode()).decode()


def test_push_list_rm(own: LocalPlatform, file: Path) -> None:
    pushed = creds(own, file.parent, "push")
    assert (pushed.returncode, pushed.stdout) == (0, "telegram_bot_token\nother\n")
    stored = read_kv(own)
    assert {key: open_record(own, key, value) for key, value in stored.items()} == {
        "cred:telegram_bot_token": CANARY,
        "cred:other": f"second-{CANARY}",
    }
    assert CANARY not in str(stored)
    assert base64.b64encode(CANARY.encode()).decode() not in str(stored)
    listed = creds(own, file.parent, "list", "--json")
    assert json.loads(listed.stdout)["data"] == {
        "credentials": [{"name": "other", "readable": True}, {"name": "telegram_bot_token", "readable": True}]
    }
    assert "telegram_bot_token  yes" in creds(own, file.parent, "list").stdout
    removed = creds(own, file.parent, "rm", "other", "--json")
    assert (removed.returncode, json.loads(removed.stdout)["data"]) == (0, {"removed": ["other"]})
    assert list(read_kv(own)) == ["cred:telegram_bot_token"]
    noted = subprocess.run(
        [str(ACR), "audit"], env=own.environment, capture_output=True, text=True, check=True, timeout=60
    )
    lines = [line.split()[2:4] for line in noted.stdout.splitlines()]  # after the day and the time
    for line in (["credential.delete", "other"], ["credential.put", "other"], ["credential.put", "telegram_bot_token"]):
        assert line in lines
    assert CANARY not in noted.stdout


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param(b"piped-0123456789\n", "piped-0123456789", id="a line"),
        pytest.param(b"piped-0123456789\r\n", "piped-0123456789", id="a line of Windows"),
        pytest.param(b'{"a": 1,\n "b": "\xc3\xa4"}\n\n', '{"a": 1,\n "b": "\u00e4"}\n', id="several lines"),
        pytest.param(b"x" * 65536 + b"\n", "x" * 65536, id="as long as may be"),
    ],
)
def test_set_stores_what_stdin_gives(own: LocalPlatform, file: Path, given: bytes, kept: str) -> None:
    result = subprocess.run(
        [str(ACR), "creds", "set", "piped"],
        cwd=file.parent,
        env=own.environment,
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (0, b"piped\n"), result.stderr
    assert open_record(own, "cred:piped", read_kv(own)["cred:piped"]) == kept
    assert given.strip() not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        pytest.param("empty", b"\n", "SECRET_EMPTY", id="empty"),
        pytest.param("large", b"x" * 65537, "SECRET_TOO_LARGE", id="too large"),
        pytest.param("large", "\u00e4".encode() * 40000, "SECRET_TOO_LARGE", id="too large, and cut in a character"),
        pytest.param("binary", b"\xff\xfe-secret", "not UTF-8", id="not text"),
        pytest.param("no/name", b"secret-0123", "no/name", id="a name that is none"),
    ],
)
def test_set_refuses_what_cannot_be_a_secret(
    own: LocalPlatform, file: Path, name: str, given: bytes, told: str
) -> None:
    command = [str(ACR), "creds", "set", name]
    result = subprocess.run(
        command, cwd=file.parent, env=own.environment, input=given, capture_output=True, check=False, timeout=60
    )
    assert (result.returncode, result.stdout, told in result.stderr.decode()) == (1, b"", True), result.stderr
    assert f"cred:{name}" not in read_kv(own)


def test_set_asks_on_a_terminal_and_shows_nothing(own: LocalPlatform, file: Path) -> None:
    with Terminal([str(ACR), "creds", "set", "typed"], own.environment, file.parent) as terminal:
        terminal.read_until("not shown")
        terminal.type("typed-0123456789")
        assert terminal.end() == 0
        assert ("typed-0123" in terminal.shown, "pushed 1" in terminal.shown) == (False, True)
    assert open_record(own, "cred:typed", read_kv(own)["cred:typed"]) == "typed-0123456789"


def test_doctor_on_a_healthy_platform_and_a_broken_one(own: LocalPlatform) -> None:
    def doctor(**environment: str) -> tuple[int, dict[str, bool]]:
        command = [str(ACR), "doctor", "--json"]
        environment = {**own.environment, **environment}
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        return result.returncode, {item["name"]: item["ok"] for item in json.loads(result.stdout)["data"]["checks"]}

    machine = ("this machine", "node", "packages", "disk", "acr dev", "runs")
    platform = "namespaces,components,executor,API key,registry,registry keys,encryption key"
    itself = "workflows,records,plan,usage,registry binding,credentials"
    names = (*machine, *platform.split(","), *itself.split(","))
    assert doctor() == (0, dict.fromkeys(names, True))
    code, checks = doctor(ARCRUN_API_KEY="wrong", ARCRUN_ENCRYPTION_KEY=base64.b64encode(bytes(32)).decode())
    assert (code, [name for name, ok in checks.items() if not ok]) == (
        1,
        ["API key", "registry keys", "encryption key"],
    )


def test_rotate_changes_key_and_records_and_the_worker_gets_both(own: LocalPlatform, file: Path) -> None:
    creds(own, file.parent, "push")
    key, stored = (own.folder / "keys/encryption-key").read_text(), read_kv(own)
    rotated = creds(own, file.parent, "rotate", "--json")
    assert (rotated.returncode, json.loads(rotated.stdout)["data"]) == (
        0,
        {"renewed": sorted(key.removeprefix("cred:") for key in stored), "unchanged": []},
    )
    assert (own.folder / "keys/previous-encryption-key").read_text() == key
    assert (own.folder / "keys/encryption-key").stat().st_mode & 0o777 == 0o600
    renewed = read_kv(own)
    assert not set(renewed.values()) & set(stored.values())
    assert open_record(own, "cred:telegram_bot_token", renewed["cred:telegram_bot_token"]) == CANARY
    wanted = {"ARCRUN_ENCRYPTION_KEY": (own.folder / "keys/encryption-key").read_text()}
    wanted["ARCRUN_PREVIOUS_ENCRYPTION_KEY"] = key
    deadline = time.monotonic() + 30
    while not wanted.items() <= json.loads((own.folder / "plan.json").read_text())["workers"][0]["vars"].items():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_after_two_rotations_inputs_of_runs_are_readable(own: LocalPlatform, file: Path) -> None:
    headers = {"X-Arcrun-API-Key": own.environment["ARCRUN_API_KEY"]}
    body = {"workflow": (ROOT / "examples/workflows/greet.yaml").read_text(), "input": {"name": "Ada"}}
    assert httpx.post(f"{own.urls['executor']}/execute", json=body, headers=headers, timeout=60).status_code == 200
    for _ in range(2):
        assert creds(own, file.parent, "rotate").returncode == 0
    renewed = httpx.post(f"{own.urls['executor']}/data-keys/renew", headers=headers, timeout=60).json()["data"]
    key = base64.b64decode((own.folder / "keys/encryption-key").read_text())
    assert renewed == {"data_keys": 1, "lost": 0, "key": fingerprint_of(key)}


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "message"),
    [
        pytest.param(["push", "gone"], {}, 1, "has no gone", id="a name that the file lacks"),
        pytest.param(["push", "--file", "gone.yaml"], {}, 1, "does not exist", id="no file"),
        pytest.param(["rm", "gone"], {}, 1, "no credential gone", id="remove what is not there"),
        pytest.param(["rm"], {}, 2, "Missing argument", id="remove nothing"),
        pytest.param(["push", "--deployed"], {}, 4, "acr init", id="not deployed"),
        pytest.param(
            ["push"], {"ARCRUN_ENCRYPTION_KEY": "short"}, 1, "openssl rand -base64 32", id="a key that is none"
        ),
        pytest.param(
            ["rotate"],
            {"ARCRUN_ENCRYPTION_KEY": base64.b64encode(bytes(32)).decode()},
            1,
            "ARCRUN_PREVIOUS_ENCRYPTION_KEY",
            id="rotate a key of the environment",
        ),
    ],
)
def test_what_goes_wrong(
    own: LocalPlatform, file: Path, arguments: list[str], environment: dict[str, str], code: int, message: str
) -> None:
    result = creds(own, file.parent, *arguments, **environment)
    assert (result.returncode, message in result.stderr, result.stdout) == (code, True, "")


def test_without_a_key_nothing_is_stored(own: LocalPlatform, file: Path, tmp_path: Path) -> None:
    """For a deployed platform without a known key, the command that makes one is printed."""
    environment = {"ACR_CONFIG_DIR": str(tmp_path / "empty"), "CLOUDFLARE_API_BASE_URL": own.urls["cloudflare-api"]}
    account = {"CLOUDFLARE_ACCOUNT_ID": "0" * 32, "CLOUDFLARE_API_TOKEN": "t"}
    before = read_kv(own)
    result = creds(own, file.parent, "push", **environment, **account)
    assert (result.returncode, "openssl rand -base64 32" in result.stderr) == (1, True)
    assert read_kv(own) == before


def test_a_file_exposed_to_others_or_git_is_named(own: LocalPlatform, file: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=file.parent, check=True)
    assert "git does not ignore" in creds(own, file.parent, "push").stderr
    file.chmod(0o644)
    result = creds(own, file.parent, "push")
    assert (result.returncode, "chmod 600" in result.stderr) == (1, True)
