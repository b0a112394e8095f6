"""What of a durable run lies on the disk: every file of the platform's state is searched for what must not be there."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workerd.durable.soak import until_ended
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

SECRET, INPUT, PAYLOAD = "s3cr3t-canary-of-the-store", "1nput-canary-of-the-caller", "ev3nt-canary-of-a-sender"
LARGE = 1_200_000  # characters, more than a step's result may have
WORKFLOW: dict[str, Any] = {
    "name": "canary",
    "durable": True,
    "flow": ["input >> PIPE >> signed", "signed >> PIPE >> large", "large >> PIPE >> paid", "paid >> PIPE >> last"],
    "config": {
        "signed": {"component": "string_ops", "operation": "trim", "input": "{{credential.canary}} {{input.text}}"},
        "large": {"component": "set", "values": {"text": "{{input.text}}", "filler": "{{input.filler}}"}},
        "paid": {"component": "wait_for", "event": "paid"},
        "last": {"component": "set", "values": {"payload": "{{paid.data.payload}}"}},
    },
}


def forms_of(text: str) -> Iterator[bytes]:
    """The text as it is, and in base64 at each of three places."""
    yield text.encode()
    yield from (base64.b64encode(b"x" * shift + text.encode())[4:-4] for shift in range(3))


def find(platform: LocalPlatform, text: str) -> set[str]:
    """The folders and files below the state that hold the text, by their names' beginnings."""
    state = platform.folder / "state"
    forms = list(forms_of(text))
    found = set()
    for path in state.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            found |= {"/".join(path.relative_to(state).parts[:2])} if any(form in content for form in forms) else set()
    return found


def test_nothing_of_it_lies_in_the_clear_but_the_redacted_record(tmp_path: Path) -> None:
    with running_platform(tmp_path) as platform, platform.executor as client:
        credentials = platform.folder / "credentials.yaml"
        credentials.write_text(json.dumps({"canary": SECRET}))
        credentials.chmod(0o600)
        assert platform.acr("creds", "push", "--file", str(credentials)).returncode == 0
        pushed = client.post("/webhooks", json={"workflow": WORKFLOW})
        assert pushed.status_code == 201, pushed.text
        body = {"text": INPUT, "filler": "x" * LARGE}
        run_id = client.post("/webhooks/named/canary/trigger", json=body).json()["run_id"]
        time.sleep(3)
        assert client.get(f"/runs/{run_id}").json()["data"]["status"] == "running"
        waiting = {text: find(platform, text) for text in (SECRET, INPUT)}
        client.post(f"/runs/{run_id}/events/paid", json={"text": PAYLOAD}).raise_for_status()
        kept = find(platform, PAYLOAD)
        [record] = until_ended(platform, [run_id], 20).values()
        time.sleep(1)
        ended = {text: find(platform, text) for text in (SECRET, INPUT, PAYLOAD)}
    assert record["status"] == "success", record
    assert INPUT in json.dumps(record["trace"])
    log = "do/arcrun-cypher-executor-RunLog"
    assert waiting[SECRET] == ended[SECRET] == set()
    assert waiting[INPUT] | ended[INPUT] | ended[PAYLOAD] | kept <= {log}
    assert ended[PAYLOAD] == {log}


@pytest.mark.parametrize("size", [pytest.param(1, id="small"), pytest.param(LARGE, id="large")])
def test_what_is_answered_early_lies_nowhere_in_the_clear(tmp_path: Path, size: int) -> None:
    flow = [*WORKFLOW["flow"][:2], "large >> PIPE >> respond", *WORKFLOW["flow"][2:]]
    signed = {"component": "string_ops", "operation": "trim", "input": "{{input.text}}"}
    workflow = {**WORKFLOW, "flow": flow, "config": {**WORKFLOW["config"], "signed": signed}, "record": "none"}
    with running_platform(tmp_path) as platform, platform.executor as client:
        pushed = client.post("/webhooks", json={"workflow": workflow})
        assert pushed.status_code == 201, pushed.text
        url = f"/webhooks/{pushed.json()['data']['token']}/trigger"
        answered = client.post(url, json={"text": INPUT, "filler": "x" * size}, timeout=30)
        assert (answered.status_code, answered.json()["data"]["text"]) == (200, INPUT)
        waiting = find(platform, INPUT)
        client.post(f"/runs/{answered.json()['run_id']}/events/paid", json={}).raise_for_status()
        time.sleep(3)
        ended = find(platform, INPUT)
    assert waiting == ended == set()
