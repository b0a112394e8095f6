"""Proves that a webhook with `verify` runs for its service only: refusals are 401 without a run, are counted where the
owner sees them, and tell the caller nothing of the owner's secrets.
"""

import json
from typing import Any

import httpx
import pytest

from arcrun.limits import MAX_GATHERED_REFUSALS, MAX_REFUSED_DAYS
from arcrun.workspace.protocol import Refused
from executor.signatures.refusals import RefusalLog
from executor.workspace import WorkspaceTables
from fakes.components import echo
from fakes.executor import PUBLIC_URL, Bench, build_bench, build_client
from fakes.ports.objects import FakeWorkspace
from fakes.ports.sql import SqliteSql
from fakes.ports.system import FixedClock
from fakes.tenants import build_hosted
from fixtures.signed_requests import DISCORD_KEY, DISCORD_PUBLIC, FORM, in_base64, sign

pytestmark = pytest.mark.anyio

SECRET = "It's a Secret to Everybody"
GITHUB = {"scheme": "github", "credential": "hook_secret"}


def workflow_of(verify: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "hook",
        "triggers": {"webhook": {"verify": verify, **more.pop("webhook", {})}},
        "flow": ["input >> PIPE >> echo", "echo >> PIPE >> output"],
        "config": {"echo": {"text": "{{input.text?}}"}},
        **more,
    }


async def push(client: httpx.AsyncClient, workflow: Any) -> tuple[str, dict[str, Any]]:
    answer = (await client.post("/webhooks", json={"workflow": workflow})).json()
    assert answer["success"], answer
    return f"/webhooks/{answer['data']['token']}/trigger", answer["data"]


def sign_github(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"content-type": "application/json", "x-hub-signature-256": f"sha256={sign(secret, body).hex()}"}


def caller_of(bench: Bench) -> httpx.AsyncClient:
    """A client without the API key."""
    return build_client(bench.service, headers={})


async def find_refused(bench: Bench) -> Any:
    await bench.background.finish()
    async with build_client(bench.service) as client:
        return (await client.get("/webhooks/named/hook")).json()["data"]["refused"]


def build() -> Bench:
    bench = build_bench({"echo": echo})
    bench.store_credential("hook_secret", SECRET)
    return bench


async def test_a_genuine_request_runs_and_a_tampered_one_leaves_no_run() -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, pushed = await push(owner, workflow_of(GITHUB))
        assert pushed["diagnostics"] == []
        body = b'{"text": "hello"}'
        ran = await caller.post(url, content=body, headers=sign_github(body))
        assert (ran.status_code, ran.json()["data"]["text"]) == (200, "hello")
        refused = await caller.post(url, content=body + b" ", headers=sign_github(body))
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "SIGNATURE_INVALID")
        unsigned = await caller.post(url, content=body)
        assert (unsigned.status_code, unsigned.json()["error"]["code"]) == (401, "SIGNATURE_MISSING")
        for error in (refused.json()["error"], unsigned.json()["error"]):
            assert error["next_actions"][0] == "Sign it as its service does (docs/signatures.md)."
        await bench.background.finish()
        assert len((await owner.get("/runs")).json()["data"]["runs"]) == 1
    found = await find_refused(bench)
    assert (found["count"], found["codes"]) == (2, {"SIGNATURE_INVALID": 1, "SIGNATURE_MISSING": 1})
    assert found["last_at"].startswith(found["since"])


async def test_a_body_is_verified_before_it_is_parsed() -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of(GITHUB))
        body = b'{"text": '
        refused = await caller.post(url, content=body, headers=sign_github(b"{}"))
        assert refused.json()["error"]["code"] == "SIGNATURE_INVALID"
        parsed = await caller.post(url, content=body, headers=sign_github(body))
        assert parsed.json()["error"]["code"] == "INVALID_JSON"


async def test_the_api_key_does_not_replace_a_signature_but_runs_by_name() -> None:
    bench = build()
    async with build_client(bench.service) as owner:
        url, _ = await push(owner, workflow_of(GITHUB))
        assert (await owner.post(url, json={"text": "x"})).status_code == 401
        assert (await owner.post(f"{url}?async=1", json={"text": "x"})).status_code == 401
        assert (await owner.post("/webhooks/named/hook/trigger", json={"text": "x"})).status_code == 200


async def test_a_missing_secret_is_told_to_the_owner_only() -> None:
    bench = build_bench({"echo": echo})
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, pushed = await push(owner, workflow_of({**GITHUB, "credential": ["new_secret", "hook_secret"]}))
        assert [(each["code"], each["severity"]) for each in pushed["diagnostics"]] == [
            ("MISSING_CREDENTIAL", "warning")
        ] * 2
        refused = await caller.post(url, content=b"{}", headers=sign_github(b"{}"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "VERIFICATION_UNAVAILABLE")
        assert "hook_secret" not in refused.text
        bench.store_credential("hook_secret", SECRET)
        assert (await caller.post(url, content=b"{}", headers=sign_github(b"{}"))).status_code == 200
    assert (await find_refused(bench))["codes"] == {"CREDENTIAL_MISSING": 1}


async def test_http_basic_asks_for_user_and_password() -> None:
    bench = build()
    bench.store_credential("hook_secret", "ada:s3cret")
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of({"scheme": "basic", "credential": "hook_secret"}))
        refused = await caller.post(url, json={})
        assert (refused.status_code, refused.headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
        assert (await caller.post(url, json={}, auth=("ada", "s3cret"))).status_code == 200
        assert (await caller.post(url, json={}, auth=("ada", "other"))).status_code == 401


async def test_a_handshake_is_answered_without_a_run() -> None:
    bench = build()
    bench.store_credential("hook_secret", DISCORD_PUBLIC.hex())
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of({"scheme": "discord", "credential": "hook_secret"}))
        time = str(int(bench.clock.now_ms() / 1000))
        for body, expected in ((b'{"type":1}', (200, '{"type": 1}')), (b'{"type":0}', (204, ""))):
            signature = DISCORD_KEY.sign(time.encode() + body).hex()
            headers = {"x-signature-ed25519": signature, "x-signature-timestamp": time}
            answer = await caller.post(url, content=body, headers=headers)
            assert (answer.status_code, answer.text) == expected
        assert answer.headers.get("content-length", "0") == "0"
        bench.clock.advance(301_000)
        late = await caller.post(url, content=body, headers=headers)
        assert late.json()["error"]["code"] == "SIGNATURE_EXPIRED"
        await bench.background.finish()
        assert (await owner.get("/runs")).json()["data"]["runs"] == []


@pytest.mark.parametrize("configured", ["origin", "whole"])
async def test_twilio_signs_the_public_url_with_query_and_path(configured: str) -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        verify = {"scheme": "twilio", "credential": "hook_secret", "url": PUBLIC_URL}
        url, _ = await push(owner, workflow_of(verify))
        called = f"{url}/sms%20in?from=a%2Bb" if configured == "origin" else f"{url}?from=a"
        if configured == "whole":
            await push(owner, workflow_of({**verify, "url": f"{PUBLIC_URL}{called}"}))
        signed = f"{PUBLIC_URL}{called}BodyhiFrom+1".encode()
        headers = {"content-type": FORM, "x-twilio-signature": in_base64(sign(SECRET, signed, "sha1"))}
        assert (await caller.post(called, content=b"From=%2B1&Body=hi", headers=headers)).status_code == 200
        for other in (f"{url}/other?from=a%2Bb", url, f"{called}&x=1"):
            assert (await caller.post(other, content=b"From=%2B1&Body=hi", headers=headers)).status_code == 401


async def test_meta_s_get_is_its_handshake() -> None:
    bench = build()
    bench.store_credential("token", "verify-me")
    verify = {"scheme": "meta", "credential": "hook_secret", "verify_token": "token"}
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of(verify, webhook={"methods": ["GET", "POST"]}))
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "verify-me"}
        answer = await caller.get(url, params=query)
        assert (answer.status_code, answer.text, answer.headers["x-content-type-options"]) == (
            200,
            "1158201444",
            "nosniff",
        )
        assert (await caller.get(url, params={**query, "hub.verify_token": "x"})).status_code == 401
        assert (await caller.get(url, params={"text": "a"})).status_code == 401
        assert (await caller.post(url, content=b"{}", headers=sign_github(b"{}"))).status_code == 200


@pytest.mark.parametrize("prefix", ["", "Key ", "v1="])
@pytest.mark.parametrize("reads", ["{{request.headers | json}}", '{{request.headers["x-hook"] | split("=") | last}}'])
async def test_the_secret_of_a_header_is_in_no_trace(prefix: str, reads: str) -> None:
    bench = build()
    bench.store_credential("hook_secret", "very-secret-value")
    verify = {"scheme": "header", "credential": "hook_secret", "header": "X-Hook", "prefix": prefix or None}
    workflow = workflow_of(
        {key: value for key, value in verify.items() if value},
        webhook={"methods": ["POST"], "record_headers": ["x-hook"]},
        config={"echo": {"text": reads}},
    )
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow)
        answer = await caller.post(url, json={}, headers={"X-Hook": f"{prefix}very-secret-value"})
        assert answer.status_code == 200, answer.text
        await bench.background.finish()
        run = await owner.get(f"/runs/{answer.json()['run_id']}")
        assert "echo" in run.text
        assert "very-secret-value" not in run.text + answer.text + bench.logs.stored


async def test_a_flood_costs_the_workspace_one_call() -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of(GITHUB))
        for _ in range(200):
            assert (await caller.post(url, content=b"{}")).status_code == 401
    assert (await find_refused(bench))["count"] == 200
    assert bench.workspace.channel.asked.count("add_refused") == 1


async def test_counts_that_cannot_be_written_affect_no_request() -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        url, _ = await push(owner, workflow_of(GITHUB))
        assert (await caller.post(url, content=b"{}")).status_code == 401
        bench.workspace.channel.is_down = True
        await bench.background.finish()
        bench.workspace.channel.is_down = False
        bench.clock.advance(11_000)
        assert (await caller.post(url, content=b"{}")).status_code == 401
    assert (await find_refused(bench))["count"] == 1


async def test_what_an_isolate_gathers_has_a_limit() -> None:
    bench = build()
    log = RefusalLog(FakeWorkspace(), bench.service.refusals._sealing, bench.clock, bench.background)
    for number in range(MAX_GATHERED_REFUSALS + 10):
        log.add(f"w{number}", "SIGNATURE_INVALID")
    assert len(log._gathered) == MAX_GATHERED_REFUSALS
    await bench.background.finish()
    assert log._gathered == {}


def test_the_workspace_keeps_the_counts_of_existing_workflows_and_of_the_last_days() -> None:
    workspace = WorkspaceTables(SqliteSql(), FixedClock())
    note: Any = {"at": "2026-01-01T00:00:00.000Z", "line": "{}"}

    def refuse(name: str, day: str, count: int = 1) -> Refused:
        return {"name_id": name, "day": day, "code": "SIGNATURE_INVALID", "count": count, "last_at": f"{day}T12:00:00Z"}

    workspace.reserve("w", 0)
    workspace.commit(
        {"name_id": "w", "number": 1, "identity": "i", "token_id": "t", "traits": "", "format": 5, "updated_at": ""},
        note,
    )
    workspace.add_refused([refuse("w", "2026-01-01", 2), refuse("w", "2026-01-01"), refuse("unknown", "2026-01-01")])
    assert workspace.list_refused("w") == [refuse("w", "2026-01-01", 3)]
    assert workspace.list_refused("unknown") == []
    for day in range(MAX_REFUSED_DAYS + 5):
        workspace.add_refused([refuse("w", f"2026-{2 + day // 28:02}-{1 + day % 28:02}")])
    days = [each["day"] for each in workspace.list_refused("w")]
    assert (len(days), days[0], days[-1]) == (MAX_REFUSED_DAYS, "2026-02-06", "2026-03-07")
    workspace.delete("w", "t", note)
    assert workspace.list_refused("w") == []


async def test_a_tenant_s_refusals_are_counted_in_its_own_workspace_without_its_names() -> None:
    hosted = await build_hosted({"echo": echo})
    hosted.store_credential("a", "hook_secret", SECRET)
    answer = await hosted.ask("POST", "/webhooks", hosted.keys["a"], {"workflow": workflow_of(GITHUB)})
    url = f"/webhooks/{answer.json()['data']['token']}/trigger"
    async with hosted.client() as caller:
        assert (await caller.post(url, content=b"{}", headers=sign_github(b"{}"))).status_code == 200
        assert (await caller.post(url, content=b"{} ", headers=sign_github(b"{}"))).status_code == 401
    await hosted.background.finish()
    shown = await hosted.ask("GET", "/webhooks/named/hook", hosted.keys["a"])
    assert shown.json()["data"]["refused"]["codes"] == {"SIGNATURE_INVALID": 1}
    stored = json.dumps([hosted.workspace_of(each).stored for each in hosted.workspaces])
    assert '"hook"' not in stored


async def test_a_workflow_without_verify_asks_nothing_more() -> None:
    bench = build()
    async with build_client(bench.service) as owner, caller_of(bench) as caller:
        plain = workflow_of(GITHUB)
        del plain["triggers"]
        url, _ = await push(owner, plain)
        bench.service.__dict__["crypto"] = bench.service.__dict__["refusals"] = None  # they would fail if asked
        assert (await caller.post(url, json={"text": "x"})).status_code == 200
