"""Proves on real workerd that a stored secret reaches only the component: no answer, record, log or stored byte."""

import base64
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import pytest
import yaml

from fixtures.modules import build_contract, build_module, handing_on
from workerd.local_platform import ACR, LOG, LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

SECRET = 'canary "9f8e7d6c" /+ÿ 5b4a'
NEEDED = [{"key": "canary", "inject_as": "token", "description": "A secret.", "help_url": "https://example.com"}]
MODULES = {
    "says_its_input": handing_on(),
    "fails_with_its_input": handing_on(
        before='{"success":false,"error":{"code":"BAD","message":"m","given":', after="}}"
    ),
    "logs_its_input_and_traps": handing_on(fd=2, end="unreachable"),
    "says_no_json": handing_on(before="not json: "),
}


@pytest.fixture(scope="module")
def own_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform of its own, because everything it stores is searched."""
    with running_platform(tmp_path_factory.mktemp("canary")) as platform:
        for name, source in MODULES.items():
            platform.put_component(build_module(source), build_contract(name, credentials_required=NEEDED))
        (platform.folder / "credentials.yaml").write_text(yaml.safe_dump({"my_canary": SECRET, "canary": SECRET}))
        (platform.folder / "credentials.yaml").chmod(0o600)
        pushed = acr(platform, "creds", "push")
        assert pushed.returncode == 0, pushed.stderr
        assert finds_no_secret(pushed.stdout + pushed.stderr)
        yield platform


def acr(platform: LocalPlatform, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ACR), *arguments]
    return subprocess.run(
        command, cwd=platform.folder, env=platform.environment, capture_output=True, text=True, check=False
    )


def encodings() -> Iterator[bytes]:
    """The secret verbatim, URL-encoded, JSON-escaped, and in base64 at each alignment without its variable ends."""
    for text in (SECRET, quote(SECRET), quote(SECRET, safe=""), quote_plus(SECRET)):
        yield text.encode()
    for escaped in (json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1]):
        yield escaped.encode()
        yield json.dumps(escaped)[1:-1].encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + SECRET.encode()).rstrip(b"=")[before + 1 : -1]
        yield encoded
        yield encoded.translate(bytes.maketrans(b"+/", b"-_"))
    yield b"9f8e7d6c"


def finds_no_secret(content: str | bytes) -> bool:
    searched = content.encode() if isinstance(content, str) else content
    return not any(form in searched for form in encodings())


def workflow_of(component: str) -> dict[str, Any]:
    config = {"n": {"component": component, "also": "Bearer {{credential.my_canary}}"}}
    return {"name": component, "flow": ["input >> PIPE >> n"], "config": config}


@pytest.mark.parametrize(
    ("component", "code"),
    [
        ("says_its_input", None),
        ("fails_with_its_input", "BAD"),
        ("logs_its_input_and_traps", "COMPONENT_TRAPPED"),
        ("says_no_json", "INVALID_OUTPUT"),
    ],
)
def test_a_secret_is_in_no_answer_and_in_no_record(
    own_platform: LocalPlatform, component: str, code: str | None
) -> None:
    platform, workflow = own_platform, workflow_of(component)
    with platform.executor as client:
        hook = client.post("/webhooks", json={"workflow": workflow}).json()["data"]
        answers = [
            client.post("/execute", json={"component": component, "input": {}}),
            client.post("/execute", json={"workflow": workflow}),
            httpx.post(hook["webhook_url"], json={}, timeout=30),
            client.post(f"/webhooks/{hook['token']}/trigger?trace=1", json={}),
        ]
        run = answers[-1].json()
        assert run.get("error", {}).get("code") == code
        assert run["trace"][0]["input"] == {"also": "Bearer {{credential.my_canary}}"}
        assert ("[REDACTED]" in answers[0].text) == (component != "says_no_json")  # its output is never shown
        deadline = time.monotonic() + 10
        while (record := client.get(f"/runs/{run['run_id']}")).status_code != 200 and time.monotonic() < deadline:
            pass
        answers += [record, client.get("/runs"), client.get(f"/webhooks/{hook['token']}")]
    assert record.json()["data"]["status"] == ("success" if code is None else "failed")
    shown = acr(platform, "run", component, "--json")
    assert shown.returncode == (0 if code is None else 1)
    assert all(finds_no_secret(answer.content) for answer in answers)
    assert finds_no_secret(shown.stdout + shown.stderr)


def test_the_component_got_it(own_platform: LocalPlatform) -> None:
    """Proved by its length, which is not secret: another component measures it."""
    workflow = {
        "name": "measured",
        "flow": ["input >> PIPE >> n"],
        "config": {"n": {"component": "string_ops", "operation": "length", "input": "{{credential.my_canary}}"}},
    }
    with own_platform.executor as client:
        answer = client.post("/execute?trace=1", json={"workflow": workflow}).json()
    assert answer["data"] == {"result": len(SECRET)}
    assert answer["trace"][0]["input"]["input"] == "{{credential.my_canary}}"


def test_what_is_stored_of_a_workflow_is_what_was_pushed(own_platform: LocalPlatform) -> None:
    text = (
        "name: same\nflow: ['input >> PIPE >> n']\nconfig: {n: {component: says_its_input, x: '{{creds.my_canary}}'}}\n"
    )
    with own_platform.executor as client:
        token = client.post("/webhooks", json={"workflow": text}).json()["data"]["token"]
        before = read_stored(own_platform, token)
        ran = client.post(f"/webhooks/{token}/trigger", json={})
        shown = client.get(f"/webhooks/{token}").json()["data"]["workflow"]
    assert (ran.status_code, shown) == (200, text)
    assert read_stored(own_platform, token) == before
    assert json.loads(before["version:same:000001"])["source"] == text


def read_stored(platform: LocalPlatform, token: str) -> dict[str, bytes]:
    """The values of the workflow `same` in KV, as bytes, over Cloudflare's API."""
    values = f"{platform.urls['cloudflare-api']}/storage/kv/namespaces/WEBHOOKS/values"
    keys = (f"hook:{token}", "version:same:000001")
    return {key: httpx.get(f"{values}/{quote(key, safe='')}", timeout=60).raise_for_status().content for key in keys}


def test_a_missing_credential_says_how_to_store_it(own_platform: LocalPlatform) -> None:
    config = {"n": {"component": "says_its_input", "credentials": {"canary": "nobody"}}}
    with own_platform.executor as client:
        workflow = {"name": "w", "flow": ["input >> PIPE >> n"], "config": config}
        answer = client.post("/execute", json={"workflow": workflow}).json()
        validated = client.post("/validate", json={"workflow": workflow}).json()["data"]
    error = answer["error"]
    assert (error["code"], error["details"]) == ("CREDENTIAL_MISSING", {"key": "nobody", "node": "n"})
    assert any("acr creds push" in action for action in error["next_actions"])
    assert [finding["code"] for finding in validated["diagnostics"]] == ["MISSING_CREDENTIAL"]


def test_nothing_that_is_stored_has_it(own_platform: LocalPlatform) -> None:
    """Runs last, after all other tests: searches every byte of KV and R2, and the platform's log."""
    time.sleep(0.5)  # the last batch of records is written a moment after its answers
    files = [path for path in (own_platform.folder / "state").rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path.name for path in files if not finds_no_secret(path.read_bytes())] == []
    assert finds_no_secret((own_platform.folder / "plan.json").read_bytes())
    assert finds_no_secret((own_platform.folder / LOG).read_bytes())
