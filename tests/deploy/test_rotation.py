"""Proves that the rotation of a deployed platform's key never leaves a record without its key."""

import json

import pytest
from cryptography.exceptions import InvalidTag
from deploy.desk import Desk

from acr.credentials.encryption import open_credential
from arcrun.credentials.record import parse_encryption_key
from arcrun.errors import CredentialError

pytestmark = pytest.mark.workerd

SECRET = "canary-5ecret-value"


@pytest.fixture
def deployed(deployed_desk: Desk) -> Desk:
    """A deployed platform, with its keys in the user's file and one stored credential."""
    (deployed_desk.folder / "credentials.yaml").write_text(f"token: {SECRET}\n")
    assert deployed_desk.run("creds", "push").returncode == 0
    return deployed_desk


def open_with(desk: Desk, key: str) -> str | None:
    (record,) = (value for (_, name), value in desk.cloudflare.values.items() if name == "cred:token")
    try:
        return open_credential(parse_encryption_key(key), "token", record)
    except (CredentialError, InvalidTag):
        return None


def test_the_worker_gets_both_keys_before_a_record_changes(deployed: Desk) -> None:
    old = deployed.config["encryption_key"]
    requests = len(deployed.cloudflare.requests)
    result = deployed.run("creds", "rotate", "--json")
    assert (result.returncode, json.loads(result.stdout)["data"]) == (0, {"renewed": ["token"], "unchanged": []})
    config, call = deployed.config, deployed.calls()[-1]
    assert config["previous_encryption_key"] == old != config["encryption_key"]
    assert json.loads(call["stdin"]) == {
        "ARCRUN_ENCRYPTION_KEY": config["encryption_key"],
        "ARCRUN_PREVIOUS_ENCRYPTION_KEY": old,
    }
    made = [line for line in deployed.cloudflare.requests[requests:] if line.startswith(("PUT", "PATCH"))]
    assert [made[0].endswith("/secrets-bulk"), "values/cred%3Atoken" in made[1], len(made)] == [True, True, 2]
    assert (open_with(deployed, config["encryption_key"]), open_with(deployed, old)) == (SECRET, None)
    talk = "".join(it.stdout + it.stderr for it in deployed.results)
    assert [secret for secret in (SECRET, old, config["encryption_key"]) if secret in talk] == []


def test_if_the_worker_cannot_get_the_keys_no_record_changes_and_the_next_run_continues(deployed: Desk) -> None:
    old = deployed.config["encryption_key"]
    result = deployed.run("creds", "rotate", FAKE_WRANGLER_FAILS="secret")
    assert (result.returncode, "wrangler secret bulk failed" in result.stderr) == (1, True)
    new = deployed.config["encryption_key"]
    assert (deployed.config["previous_encryption_key"], open_with(deployed, old)) == (old, SECRET)
    assert json.loads(deployed.run("creds", "list", "--json").stdout)["data"]["credentials"][0]["readable"] is True
    assert deployed.run("creds", "rotate").returncode == 0
    assert (deployed.config["encryption_key"], deployed.config["previous_encryption_key"]) == (new, old)
    assert open_with(deployed, new) == SECRET


def test_a_second_rotation_makes_a_third_key(deployed: Desk) -> None:
    deployed.run("creds", "rotate")
    second = deployed.config["encryption_key"]
    deployed.run("creds", "rotate")
    assert (deployed.config["previous_encryption_key"], open_with(deployed, second)) == (second, None)
    assert open_with(deployed, deployed.config["encryption_key"]) == SECRET


def test_the_next_deploy_gives_the_worker_both_keys(deployed: Desk) -> None:
    deployed.run("creds", "rotate")
    deployed.deploy()
    sent = [json.loads(call["stdin"]) for call in deployed.calls() if call["stdin"]][-1]
    assert sent.keys() == {"ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY", "ARCRUN_PREVIOUS_ENCRYPTION_KEY"}
    assert json.loads(deployed.deploy().stdout)["data"]["workers"][1]["changed"] is False
