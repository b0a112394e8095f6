"""Proves that tenants of the hosted mode are isolated: no route shows another tenant's workflow, credential, run or
webhook, nor whether it exists; and that a plan written into a namespace by hand is not run.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from arcrun.accounts.webhook_tokens import TOKEN_BYTES
from executor import access, tenants
from executor.access import RefusedAccess, build_unbound_error
from executor.app import build_app
from executor.keys import recent
from fakes.auth import MASTER_KEY
from fakes.components import echo, exited
from fakes.executor import Script, upload_component
from fakes.modules import build_module
from fakes.ports.storage import InMemoryKV
from fakes.tenants import HostedBench, build_hosted, registration_of
from fakes.wire import UNAUTHORIZED, read_error

pytestmark = pytest.mark.anyio

NEEDED = [{"key": "shared_name", "inject_as": "token", "description": "A token", "help_url": "https://e.test"}]
FLOW = {
    "name": "tell",
    "flow": ["input >> PIPE >> say"],
    "config": {"say": {"component": "echo", "text": "{{credential.shared_name}}"}},
}
OTHER_FLOW = {**FLOW, "config": {"say": {"component": "echo", "text": "other {{credential.shared_name}}"}}}
SCRIPT: Script = {"echo": echo, "fail": exited({"success": False, "error": {"code": "BAD", "message": "bad"}})}
UNKNOWN_TOKEN, UNKNOWN_RUN = "0" * (2 * TOKEN_BYTES), "0" * 26


async def push(bench: HostedBench, letter: str, flow: Any = FLOW) -> str:
    """Push a workflow; returns its webhook's token."""
    answer = await bench.ask("POST", "/webhooks", bench.keys[letter], {"workflow": flow})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["data"]["token"])


async def trigger(bench: HostedBench, token: str) -> httpx.Response:
    return await bench.ask("POST", f"/webhooks/{token}/trigger", None)


async def build_pair(**options: object) -> HostedBench:
    """Two tenants with a workflow and a credential of the same name."""
    bench = await build_hosted(SCRIPT, **options)
    for letter, flow in (("a", FLOW), ("b", OTHER_FLOW)):
        bench.store_credential(letter, "shared_name", f"secret-of-{letter}")
        await push(bench, letter, flow)
    return bench


async def test_each_run_has_its_own_workflow_and_credential() -> None:
    bench = await build_hosted(SCRIPT)
    tokens = {}
    for letter, flow in (("a", FLOW), ("b", OTHER_FLOW)):
        bench.store_credential(letter, "shared_name", f"secret-of-{letter}")
        tokens[letter] = await push(bench, letter, flow)
    for letter in ("a", "b", "a"):
        assert (await trigger(bench, tokens[letter])).status_code == 200
        named = await bench.ask("POST", "/webhooks/named/tell/trigger", bench.keys[letter])
        assert named.status_code == 200
    inputs = [json.loads(stdin)["text"] for _, stdin in bench.runner.calls]
    a, b = "secret-of-a", "other secret-of-b"
    assert inputs == [a, a, b, b, a, a]
    await bench.background.finish()
    listed = [(await bench.ask("GET", "/runs", bench.keys[x])).json()["data"]["runs"] for x in ("a", "b")]
    assert [len(runs) for runs in listed] == [4, 2]
    assert not {run["run_id"] for run in listed[0]} & {run["run_id"] for run in listed[1]}


ROUTES = [
    ("POST", "/execute", {"component": "echo"}),
    ("POST", "/validate", {"workflow": FLOW}),
    ("POST", "/webhooks", {"workflow": FLOW}),
    ("GET", "/webhooks", None),
    ("GET", "/webhooks/{token}", None),
    ("PUT", "/webhooks/{token}", {"workflow": FLOW}),
    ("DELETE", "/webhooks/{token}", None),
    ("POST", "/webhooks/{token}/rotate", None),
    ("GET", "/webhooks/named/{name}", None),
    ("GET", "/webhooks/named/{name}/versions/1", None),
    ("POST", "/webhooks/named/{name}/trigger", {}),
    ("POST", "/credentials/slack/try", {}),
    ("GET", "/audit", None),
    ("POST", "/audit", {"action": "credential.put", "subjects": ["slack"]}),
    ("POST", "/webhooks/named/{name}/rollback", {"version": 1}),
    ("POST", "/webhooks/named/{name}/pause", {}),
    ("POST", "/webhooks/named/{name}/resume", {}),
    ("POST", "/webhooks/pause", {}),
    ("POST", "/webhooks/resume", {}),
    ("GET", "/schedules", None),
    ("GET", "/schedules/{name}", None),
    ("POST", "/schedules/{name}/pause", {}),
    ("POST", "/schedules/{name}/resume", {}),
    ("POST", "/schedules/{name}/run", {}),
    ("GET", "/schedules/{name}/seen", None),
    ("PUT", "/schedules/{name}/seen", {"watch": "w", "polled": True, "keys": []}),
    ("GET", "/plan", None),
    ("GET", "/checks", None),
    ("GET", "/usage", None),
    ("POST", "/data-keys/renew", None),
    ("GET", "/runs", None),
    ("GET", "/runs/{run_id}", None),
    ("GET", "/runs/{run_id}/input", None),
    ("GET", "/runs/{run_id}/attachments/7", None),
    ("POST", "/runs/{run_id}/cancel", None),
    ("GET", "/runs/{run_id}/follow", None),
    ("GET", "/runs/unsettled", None),
    ("POST", "/runs/{run_id}/dismiss", None),
    ("POST", "/runs/{run_id}/events/paid", None),
    ("POST", "/runs/{run_id}/decisions/pay", {"decision": "retry"}),
    ("GET", "/runs/{run_id}/approvals", None),
    ("POST", "/runs/{run_id}/approvals/pay", {"choice": "approve"}),
    ("POST", "/runs/{run_id}/replay", None),
    ("POST", "/runs/{run_id}/retry", None),
    ("POST", "/runs/resume", None),
    ("GET", "/runs/recent", None),
    ("GET", "/components", None),
    ("GET", "/components/html", None),
    ("GET", "/components/html/versions", None),
    ("GET", "/credentials", None),
    ("GET", "/credentials/uses", None),
    ("PUT", "/credentials/slack", {"value": "s"}),
    ("DELETE", "/credentials/slack", None),
    ("GET", "/keys", None),
    ("POST", "/keys", {"name": "k", "can": "read"}),
    ("DELETE", "/keys/k", None),
    ("POST", "/session/links", {}),
    ("GET", "/sessions", None),
    ("DELETE", "/sessions", None),
    ("DELETE", "/sessions/none", None),
    ("GET", "/stores", None),
    ("DELETE", "/stores", None),
    ("GET", "/stores/shared/s", None),
    ("DELETE", "/stores/shared/s", None),
    ("GET", "/stores/shared/s/entry", None),
    ("PUT", "/stores/shared/s/entry", {"value": 1}),
    ("DELETE", "/stores/shared/s/entry", None),
    ("PUT", "/stores/shared/s/entries", {"entries": []}),
]
APPROVAL = "/approvals/{run_id}/{ticket}"
LINKS = (APPROVAL, f"/accounts/{{account}}{APPROVAL}")
OPEN = {("GET", "/health"), ("GET", "/console"), ("POST", "/webhooks/{token}/trigger")}
OPEN |= {(method, "/session") for method in ("GET", "POST", "DELETE")}
OPEN |= {(method, link) for method in ("GET", "POST") for link in LINKS}


def _name_places(path: str) -> str:
    places = {"versions/1": "{version}", "events/paid": "{event}", "attachments/7": "{number}"}
    places |= dict.fromkeys(("decisions/pay", "approvals/pay"), "{node:path}")
    for shown, name in places.items():
        path = path.replace(shown, f"{shown.partition('/')[0]}/{name}")
    path = path.replace("/shared/s", "/{kind}/{name}").replace("/slack", "/{name}")
    return (
        path.replace("/keys/k", "/keys/{name}")
        .replace("/sessions/none", "/sessions/{id}")
        .replace("/components/html", "/components/{id}")
    )


def test_these_are_all_routes() -> None:
    routes = [route for route in build_app(RefusedAccess(build_unbound_error())).routes if isinstance(route, Route)]
    known = {(method, route.path) for route in routes for method in route.methods or () if method != "HEAD"}
    assert known == {(method, _name_places(path)) for method, path, _ in ROUTES} | OPEN


TENANT_KEYS = (None, "", "nonsense", "ak_" + "A" * 43, "revoked", "ak_" + "B" * 4_000)
ACCESS_KEYS = ("acrk_", "acrk_nonsense", "acrk_" + "a" * 96)


@pytest.mark.parametrize(("keys", "reads"), [(TENANT_KEYS, 2), (ACCESS_KEYS, 1)], ids=["of tenants", "access keys"])
async def test_every_wrong_key_gets_the_same_answer_for_the_same_work(keys: Sequence[str | None], reads: int) -> None:
    bench = await build_pair()
    revoked = bench.keys["a"]
    await bench.register("a")  # again, which revokes the key
    bench.clock.advance(recent.FRESH_MS)
    token = await push(bench, "a")
    costs = []
    for wrong in (revoked if key == "revoked" else key for key in keys):
        for method, path, body in ROUTES:
            bench.clock.advance(recent.UNKNOWN_FRESH_MS)  # so that each is looked up
            bench.accounts.reads.clear()
            bench.cloudflare.requests.clear()
            answer = await bench.ask(method, path.format(token=token, name="tell", run_id=UNKNOWN_RUN), wrong, body)
            assert (answer.status_code, read_error(answer)) == (401, UNAUTHORIZED)
            costs.append((len(bench.accounts.reads), bench.cloudflare.requests[:]))
    assert {str(cost) for cost in costs} == {str((reads, []))}
    assert bench.runner.calls == []


async def test_what_is_anothers_answers_as_what_is_nowhere() -> None:
    bench = await build_hosted(SCRIPT)
    bench.store_credential("a", "shared_name", "s")
    token = await push(bench, "a", {**FLOW, "name": "only_a"})
    run = (await trigger(bench, token)).json()["run_id"]
    await bench.background.finish()
    assert (await bench.ask("GET", f"/runs/{run}", bench.keys["a"])).status_code == 200
    unkept = await bench.ask("GET", f"/runs/{run}/input", bench.keys["a"])
    assert (unkept.status_code, unkept.json()["error"]["code"]) == (404, "INPUT_NOT_STORED")
    anothers = {"token": token, "name": "only_a", "run_id": run}
    nowhere = {"token": UNKNOWN_TOKEN, "name": "only_x", "run_id": UNKNOWN_RUN}
    for method, path, body in ROUTES:
        if "{" not in path:
            continue
        sent = {"workflow": {**FLOW, "name": "only_a"}} if (method, path) == ("PUT", "/webhooks/{token}") else body
        answers = [await bench.ask(method, path.format(**case), bench.keys["b"], sent) for case in (anothers, nowhere)]
        texts = [re.sub(f"{run}|{UNKNOWN_RUN}|only_[ax]", "X", answer.text) for answer in answers]
        assert ([answer.status_code for answer in answers], texts[0]) == ([404, 404], texts[1]), path
    assert (await trigger(bench, token)).status_code == 200  # it is unchanged


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda token: "0" * 32, id="that of one's own platform"),
        pytest.param(lambda token: "", id="short"),
        pytest.param(lambda token: UNKNOWN_TOKEN, id="made up"),
        pytest.param(lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"), id="another end"),
        pytest.param(lambda token: ("0" if token[0] != "0" else "1") + token[1:], id="another beginning"),
        pytest.param(lambda token: token.upper(), id="in capitals"),
        pytest.param(lambda token: token + "0", id="longer"),
        pytest.param(lambda token: "é" * len(token), id="beyond ASCII"),
    ],
)
async def test_a_token_that_was_not_made_here(damage: Any) -> None:
    bench = await build_pair()
    token = await push(bench, "a")
    gone = await push(bench, "a", {**FLOW, "name": "gone"})
    await bench.ask("DELETE", f"/webhooks/{gone}", bench.keys["a"])
    expected = await trigger(bench, gone)
    bench.accounts.reads.clear()
    answer = await trigger(bench, damage(token) or "0")
    assert (answer.status_code, answer.content) == (404, expected.content)
    assert len(bench.accounts.reads) == 1  # as for an unknown tenant


async def test_a_token_does_not_show_its_tenant() -> None:
    bench = await build_hosted(SCRIPT)
    tenant_id = registration_of("a").tenant_id.removeprefix("tn_")
    tokens = [await push(bench, "a", {**FLOW, "name": f"w{i}"}) for i in range(8)]
    assert all(tenant_id not in token for token in tokens)
    for position in range(0, 2 * TOKEN_BYTES, 8):  # they share no eight digits in a row
        assert len({token[position : position + 8] for token in tokens}) == len(tokens)


async def test_of_a_tenant_that_was_removed_nothing_is_left_to_trigger() -> None:
    bench = await build_pair()
    token = await push(bench, "a")
    tenant = await bench.store.find_by_key(bench.keys["a"])
    assert tenant is not None
    await bench.store.delete(tenant)
    bench.clock.advance(recent.FRESH_MS)
    gone, made_up = await trigger(bench, token), await trigger(bench, UNKNOWN_TOKEN)
    assert (gone.status_code, gone.content) == (404, made_up.content)


async def test_a_revoked_key_opens_nothing_after_a_moment() -> None:
    bench = await build_pair()
    key, tenant = bench.keys["a"], await bench.store.find_by_key(bench.keys["a"])
    assert (await bench.ask("GET", "/webhooks", key)).status_code == 200
    assert tenant is not None
    await bench.store.rotate_key(tenant, 0)
    bench.clock.advance(recent.FRESH_MS)
    assert (await bench.ask("GET", "/webhooks", key)).status_code == 401
    assert recent.FRESH_MS + access.KV_CACHE_S * 1_000 < 60_000


async def test_a_key_in_its_grace_time_ends_to_the_second() -> None:
    bench = await build_pair()
    tenant = await bench.store.find_by_key(bench.keys["a"])
    assert tenant is not None
    await bench.store.rotate_key(tenant, 10)
    bench.access = bench.start_isolate()
    assert (await bench.ask("GET", "/webhooks", bench.keys["a"])).status_code == 200
    bench.clock.advance(10_000)
    assert (await bench.ask("GET", "/webhooks", bench.keys["a"])).status_code == 401


async def test_a_known_key_costs_no_read() -> None:
    bench = await build_pair()
    bench.accounts.reads.clear()
    for letter in "abab":
        assert (await bench.ask("GET", "/webhooks", bench.keys[letter])).status_code == 200
    assert bench.accounts.reads == []


async def test_guessing_does_not_push_the_tenants_out() -> None:
    bench = await build_pair()
    for i in range(recent.MAX_UNKNOWN + 5):
        await bench.access._tenants.find_by_key(f"guess {i}")
    bench.accounts.reads.clear()
    assert (await bench.ask("GET", "/webhooks", bench.keys["a"])).status_code == 200
    assert (bench.accounts.reads, len(bench.access._tenants._recent._unknown)) == ([], recent.MAX_UNKNOWN)


async def test_a_new_registration_is_used_after_a_moment() -> None:
    """With a new token and data key the service is rebuilt."""
    bench = await build_pair()
    token = await push(bench, "a")
    registration = registration_of("a")
    renewed = type(registration)(
        registration.email, registration.account_id, registration.kv_namespace_id, "canary-token-new", b"n" * 32
    )
    bench.cloudflare.tokens.pop(registration.token)
    bench.cloudflare.add_token(renewed.token, renewed.account_id)
    refused = await bench.ask("GET", "/runs", bench.keys["a"])
    assert (refused.status_code, read_error(refused)["code"]) == (424, "TENANT_TOKEN_REFUSED")
    _, key = await bench.store.register(renewed)
    bench.clock.advance(recent.FRESH_MS)
    answer = await bench.ask("POST", f"/webhooks/{token}/trigger", key)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "CREDENTIAL_UNREADABLE")


async def test_a_webhook_tells_more_to_the_key_of_its_own_tenant_alone() -> None:
    bench = await build_pair()
    token = await push(bench, "a", {**FLOW, "config": {"say": {"component": "fail"}}})
    seen = {}
    for name, key in (("own", bench.keys["a"]), ("other", bench.keys["b"]), ("wrong", "wrong"), ("none", None)):
        answer = await bench.ask("POST", f"/webhooks/{token}/trigger?trace=1", key)
        seen[name] = (answer.status_code, answer.json()["error"]["code"], "trace" in answer.json())
    refused = (500, "WORKFLOW_FAILED", False)
    assert seen == {"own": (422, "BAD", True), "other": refused, "wrong": refused, "none": refused}


async def test_a_plan_from_another_hand_is_not_run() -> None:
    """A tenant can write into its namespace, as can anyone with a token of its account."""
    bench = await build_pair()
    token = await push(bench, "a")
    stored = await bench.kv_of("a").get(f"hook:{token}")
    assert stored is not None
    plan = stored[stored.index("{") :]
    for content in (plan, "0" * 64 + plan, stored.replace("echo", "fail"), stored[1:], "", "[" * 100_000):
        bench.access = bench.start_isolate()  # with empty caches
        bench.kv_of("a").upload(f"hook:{token}", content)
        answer = await trigger(bench, token)  # the head names the version, which carries its MAC
        assert (answer.status_code, answer.json()["data"]) == (200, {"text": "[REDACTED]"})
    bench.kv_of("a").upload("version:tell:000001", plan)
    bench.access = bench.start_isolate()
    answer = await trigger(bench, token)
    assert (answer.status_code, read_error(answer)["code"]) == (503, "VERSION_UNREADABLE")
    calls = len(bench.runner.calls)
    bench.kv_of("b").upload(f"hook:{token}", stored)
    theirs = await bench.ask("GET", f"/webhooks/{token}", bench.keys["b"])
    assert (theirs.status_code, len(bench.runner.calls)) == (404, calls)
    assert {component.id for component, _ in bench.runner.calls} == {"echo"}


async def test_two_isolates_serve_both_tenants() -> None:
    bench = await build_pair()
    token = await push(bench, "a")
    bench.access = bench.start_isolate()
    assert (await trigger(bench, token)).status_code == 200
    heads = [(await bench.ask("GET", "/webhooks", bench.keys[x])).json()["data"]["workflows"] for x in ("a", "b")]
    assert [len(head) for head in heads] == [1, 1]
    assert heads[0][0]["token"] != heads[1][0]["token"]


async def test_an_isolate_keeps_some_services_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenants, "MAX_SERVICES", 2)
    bench = await build_hosted(SCRIPT, "a", "b", "c")
    for letter in "abac":
        await bench.ask("GET", "/webhooks", bench.keys[letter])
    kept = bench.access._services._services
    assert [registration_of(letter).tenant_id in kept for letter in "abc"] == [True, False, True]
    assert (await bench.ask("GET", "/webhooks", bench.keys["b"])).status_code == 200


async def test_components_in_the_operators_bucket_are_not_for_tenants() -> None:
    bench = await build_hosted(SCRIPT)
    upload_component(bench.bucket, "internal", build_module())
    answer = await bench.ask("POST", "/execute", bench.keys["a"], {"component": "internal"})
    error = read_error(answer)
    assert (answer.status_code, error["code"]) == (404, "COMPONENT_NOT_FOUND")
    assert (bench.bucket.reads, "bucket" in json.dumps(error["details"])) == ([], False)


async def test_runs_are_reported_for_the_operator() -> None:
    bench = await build_hosted(SCRIPT)
    for letter in ("a", "b"):
        await bench.ask("POST", "/execute", bench.keys[letter], {"component": "echo"})
    await bench.background.finish()
    assert [(record.canonical_id, record.success) for report in bench.report.reports for record in report] == [
        ("echo", True),
        ("echo", True),
    ]


async def test_without_the_master_key_nobody_is_let_in() -> None:
    bench = await build_pair()
    key = bench.keys["a"]
    bench.master_key = None
    bench.access = bench.start_isolate()
    for method, path, body in [*ROUTES, ("POST", "/webhooks/{token}/trigger", None)]:
        answer = await bench.ask(method, path.format(token=UNKNOWN_TOKEN, name="tell", run_id=UNKNOWN_RUN), key, body)
        assert (answer.status_code, read_error(answer)["code"]) == (503, "MASTER_KEY_MISSING")


async def test_no_secret_is_in_a_namespace_or_an_answer() -> None:
    bench = await build_pair()
    answers = [await trigger(bench, await push(bench, "a", OTHER_FLOW))]
    answers += [await bench.ask("GET", path, bench.keys["a"]) for path in ("/runs", "/webhooks", "/runs/x")]
    await bench.background.finish()
    stored = [value for kv in (bench.accounts, bench.kv_of("a"), bench.kv_of("b")) for value in await values_of(kv)]
    secrets = [*bench.keys.values(), *(f"canary-token-{x}" for x in "ab"), *(f"canary-data-key-{x}" for x in "ab")]
    for secret in [*secrets, "secret-of-a", "secret-of-b", MASTER_KEY]:
        assert not any(secret in text for text in [*stored, *(answer.text for answer in answers)]), secret


async def values_of(kv: InMemoryKV) -> list[str]:
    return [await kv.get(key) or "" for key in kv.keys]


async def test_a_tenant_that_puts_back_earlier_values_revives_nothing() -> None:
    """A tenant may restore values in its namespace, but the Workspace decides which token is valid."""
    bench = await build_pair()
    tokens = [await push(bench, "a")]
    kv, ever = bench.kv_of("a"), dict[str, str | None]()
    for change in ("rotate", "rotate", "delete"):
        for key in kv.keys:
            ever[key] = await kv.get(key)
        method, path = ("DELETE", "") if change == "delete" else ("POST", "/rotate")
        answer = await bench.ask(method, f"/webhooks/{tokens[-1]}{path}", bench.keys["a"])
        assert answer.status_code == 200
        tokens += [answer.json()["data"]["token"]] if change == "rotate" else []
    for key, value in ever.items():
        kv.upload(key, value or "")
    for is_new_isolate in (False, True):
        bench.access = bench.start_isolate() if is_new_isolate else bench.access
        answers = [await trigger(bench, token) for token in tokens]
        named = await bench.ask("POST", "/webhooks/named/tell/trigger", bench.keys["a"], {})
        assert [answer.status_code for answer in (*answers, named)] == [404] * 4
    assert (await bench.ask("GET", "/webhooks", bench.keys["a"])).json()["data"]["workflows"] == []


async def test_a_removed_tenant_s_webhooks_end_with_its_workspace() -> None:
    bench = await build_pair()
    token = await push(bench, "a")
    tenant_id = registration_of("a").tenant_id
    await bench.workspace_of(tenant_id).close()
    bench.access = bench.start_isolate()
    assert (await trigger(bench, token)).status_code == 404
    answer = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": FLOW})
    assert (answer.status_code, read_error(answer)["code"]) == (409, "ACCOUNT_REMOVED")
    stored = json.loads(bench.workspace_of(tenant_id).stored)
    assert stored == [
        [],
        [],
        [{"id": 1, "state": "closed", "paused": None, **dict.fromkeys(("run_secret", "tenant_id", "gone_ms"))}],
        [],
        [],
    ]


HEAD = {"token": "0" * 32, "version": 1, "latest": 1, "updated_at": "2026-01-01T00:00:00Z"}
ODD_METADATA: list[Any] = [
    *(None, "text", ["list"], 5, {}, {"verdicts": None}, {"verdicts": "text"}, {"verdicts": [None, "text", 5, []]}),
    *({"verdicts": [{}, {"id": "x"}, {"id": 5, "workflow": []}]}, {"bytes": "many"}, {"bytes": None}, {"bytes": []}),
    *({"token": 5}, {**HEAD, "token": None}, {**HEAD, "version": "1"}, {**HEAD, "calls": 5}, {**HEAD, "format": None}),
]


@pytest.mark.parametrize("metadata", ODD_METADATA, ids=repr)
async def test_what_a_tenant_writes_as_metadata_hinders_no_list(metadata: Any) -> None:
    """Invalid metadata is omitted, and the platform's own runs are listed."""
    bench = await build_hosted(SCRIPT)
    bench.store_credential("a", "shared_name", "secret-of-a")
    token = await push(bench, "a")
    await trigger(bench, token)
    await bench.background.finish()
    for prefix in ("name:", "version:tell:", "version:other:", "verdict:", "log:"):
        for key in ("0", "zzz", "000009", "²"):
            await bench.kv_of("a").put(prefix + key, "x", metadata=metadata)
    key = bench.keys["a"]
    workflows, runs = await bench.ask("GET", "/webhooks", key), await bench.ask("GET", "/runs", key)
    assert [workflow["name"] for workflow in workflows.json()["data"]["workflows"]] == ["tell"]
    assert [run["workflow"] for run in runs.json()["data"]["runs"]] == ["tell"]
    assert (await bench.ask("GET", f"/webhooks/{token}", key)).status_code == 200
    await push(bench, "a", OTHER_FLOW)
    assert (await bench.ask("DELETE", f"/webhooks/{token}", key)).status_code == 200


async def test_no_cursor_of_a_request_is_a_fault() -> None:
    bench = await build_hosted(SCRIPT)
    for cursor in ("9" * 5_000, "9" * 5_000 + ".x", "%ff", "-1.", "x.y"):
        for path in ("/audit", "/runs", *(["/webhooks"] if len(cursor) > 256 else [])):
            answer = await bench.ask("GET", f"{path}?cursor={cursor}", bench.keys["a"])
            assert (answer.status_code, read_error(answer)["code"]) == (400, "INVALID_CURSOR")


WATCH = {"component": "echo", "every": "1h", "items": "{{data.items}}", "key": "{{item.id}}"}


async def test_a_tenant_s_workflow_watches_nothing() -> None:
    bench = await build_pair()
    answer = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": {**FLOW, "triggers": {"watch": WATCH}}})
    assert (answer.status_code, read_error(answer)["code"]) == (503, "TRIGGER_NOT_AVAILABLE")


@pytest.mark.parametrize("triggers", [{"schedule": [{"every": "1h"}]}, {"failure_of": "*"}, {"after": ["x"]}])
async def test_without_instances_a_tenant_s_workflow_does_not_start_by_itself(triggers: dict[str, Any]) -> None:
    bench = await build_pair(instances=None)
    answer = await bench.ask("POST", "/webhooks", bench.keys["a"], {"workflow": {**FLOW, "triggers": triggers}})
    assert (answer.status_code, read_error(answer)["code"]) == (503, "TRIGGER_NOT_AVAILABLE")
    for path in ("/schedules", "/schedules/tell"):
        await push(bench, "a")
        assert (await bench.ask("GET", path, bench.keys["a"])).json()["data"]["schedules"] == []
