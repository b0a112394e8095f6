"""Proves that `acr doctor` finds each possible fault and names the next step."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from acr.cloudflare.api import CloudflareApi
from acr.deployment.diagnosis import Check, CheckedPlatform, examine
from acr.deployment.health import DEADLINE_S, read_health, wait_for_health
from acr.deployment.manifest import MARK
from acr.errors import CliError
from acr.parts.attestation_check import public_key_of
from acr.targets.executor_client import ExecutorClient
from acr.targets.registry_client import RegistryClient
from acr.targets.settings import RegistryTarget, Storage, Target
from arcrun.cloudflare.api_access import ApiAccess
from arcrun.registry.attestation import signing_key_id_of
from fakes.cloudflare_rest.account import ACCOUNT, BASE, TOKEN, CloudflareStandIn, refuse
from fakes.ports.cipher import seal

KEY = b"k" * 32
REVIEWER_KEY, SIGNING_KEY = "reviewer-key", base64.b64encode(b"s" * 32).decode()
OTHER_KEY = base64.b64encode(b"o" * 32).decode()
EXECUTOR = "arcrun-cypher-executor"
HEALTHY = {"ok": True, "version": "0.1.0"}


def build_cloudflare(*bindings: dict[str, str]) -> CloudflareStandIn:
    """`bindings` are more of the executor."""
    secrets = [
        {"name": name, "type": "secret_text", "text": "s"} for name in ("ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY")
    ]
    cloudflare = CloudflareStandIn(
        namespaces={"arcrun-CREDENTIALS_KV": "n1"},
        values={("n1", "cred:a"): seal(KEY, "a", "s")},
        buckets=["arcrun-components"],
        objects={"x.wasm": b"1", "x.contract.yaml": b"2", "metered/1/ab.wasm": b"3", "modules/ab.wasm": b"4"},
    )
    cloudflare.workers.add(EXECUTOR, [{"name": MARK, "type": "plain_text", "text": "m"}, *secrets, *bindings])
    cloudflare.workers.workflows["arcrun-run"] = {"script_name": EXECUTOR, "class_name": "RunWorkflow"}
    return cloudflare


def answer_key(request: httpx.Request) -> httpx.Response:
    """The registry's answer to GET /submit/key, for the owner's key and the reviewer's."""
    if request.headers["x-arcrun-api-key"] not in ("k", REVIEWER_KEY):
        return httpx.Response(401, json={"success": False, "error": {"code": "UNAUTHORIZED", "message": "No."}})
    key = public_key_of(SIGNING_KEY)
    data = {"algorithm": "Ed25519", "key_id": signing_key_id_of(key), "public_key": base64.b64encode(key).decode()}
    return httpx.Response(200, json={"success": True, "data": data})


def listed(**data: Any) -> httpx.MockTransport:
    answer = httpx.Response(200, json={"success": True, "data": {"runs": [], "schedules": [], **data, "cursor": None}})
    return httpx.MockTransport(lambda _: answer)


def diagnose(
    cloudflare: CloudflareStandIn,
    health: Any = HEALTHY,
    registry_keys: tuple[str | None, str | None] = (REVIEWER_KEY, SIGNING_KEY),
    listed: httpx.MockTransport | None = None,
    **changes: Any,
) -> dict[str, Check]:
    access = ApiAccess(f"https://api.test{BASE}", ACCOUNT, TOKEN)
    key = base64.b64encode(KEY).decode()
    storage = Storage(access, {"CREDENTIALS_KV": "n1"}, "arcrun-components", key, None, False)
    answer = httpx.Response(200, json=health)
    http = httpx.Client(transport=httpx.MockTransport(lambda _: answer))
    api = CloudflareApi(access, cloudflare, lambda _: None)
    target, own_registry = Target("http://127.0.0.1:1", "k"), RegistryTarget("http://r", "k", *registry_keys)
    client = RegistryClient(own_registry, httpx.MockTransport(answer_key))
    executor = ExecutorClient(target, listed)
    platform = CheckedPlatform(replace(storage, **changes), executor, client, api, http, "0.1.0")
    return {check.name: check for check in examine(platform)}


def test_all_checks_pass_except_the_executor_which_is_not_served_here() -> None:
    checks = diagnose(build_cloudflare())
    assert [name for name, check in checks.items() if not check.ok] == ["API key"]
    assert checks["encryption key"].detail == "decrypts all of the 1 stored credentials"
    assert checks["components"].detail == "1 in arcrun-components"


def test_the_workflow_of_durable_runs_must_be_the_executor_s() -> None:
    cloudflare = build_cloudflare()
    cloudflare.workers.workflows["arcrun-run"] = {"script_name": "my-own", "class_name": "Mine"}
    check = diagnose(cloudflare)["run workflow"]
    assert (check.ok, check.hint, "belongs to the Worker my-own" in check.detail) == (False, "acr deploy", True)
    cloudflare.workers.workflows.clear()
    check = diagnose(cloudflare)["run workflow"]
    assert (check.ok, check.hint, "is not there" in check.detail) == (False, "acr deploy", True)


def test_workflows_that_fail_are_told_first_and_are_no_fault() -> None:
    runs = [
        {"workflow": f"w{number:02}", "status": "failed", "error": "HTTP_STATUS", "trigger": "webhook"}
        for number in range(12)
    ]
    workflows = [{"name": f"w{number:02}", "format": 3} for number in range(20)]
    found = diagnose(build_cloudflare(), listed=listed(workflows=workflows, runs=runs, dead={"w19": 2}, queued={}))
    platform_checks = [
        name for name in found if name not in ("configuration", "token", "worker", "run workflow", "mail")
    ]
    check = found["runs"]
    assert (platform_checks[0], check.ok, check.warns) == ("runs", True, True)
    assert check.detail.startswith("13 of 20 workflows fail: w00 (HTTP_STATUS), w01 (HTTP_STATUS), ")
    assert check.detail.endswith(", w09 (HTTP_STATUS), and 3 more")
    assert check.hint == "acr logs --status failed; dead letters: acr logs --failed"
    fine = diagnose(build_cloudflare(), listed=listed(workflows=workflows, dead={}, queued={}))["runs"]
    assert fine.detail == "no workflow's last run has failed"


CHECK = {"name": "plan", "ok": True, "warns": False, "detail": "paid", "hint": ""}
OTHER = {"name": "of a later version", "ok": False, "warns": False, "detail": "It is not well.", "hint": "acr mend"}


def test_what_the_executor_finds_is_shown() -> None:
    found = diagnose(build_cloudflare(), listed=listed(workflows=[], checks=[CHECK, OTHER]))
    assert [found["plan"], found["of a later version"]] == [
        Check("plan", True, "paid"),
        Check("of a later version", False, "It is not well.", "acr mend"),
    ]
    assert [*found][-2:] == ["plan", "of a later version"]


@pytest.mark.parametrize(
    ("status", "code", "detail", "hint"),
    [
        pytest.param(404, "NOT_FOUND", "It does not report its checks.", "acr deploy", id="an earlier version"),
        pytest.param(503, "STORAGE_FAILED", "STORAGE_FAILED: Workers KV failed.", "df -h", id="a fault of its own"),
    ],
)
def test_an_executor_that_cannot_examine_itself_fails(status: int, code: str, detail: str, hint: str) -> None:
    error = {"code": code, "message": "Workers KV failed.", "next_actions": ["df -h"]}
    refusing = httpx.MockTransport(lambda _: httpx.Response(status, json={"success": False, "error": error}))
    check = diagnose(build_cloudflare(), listed=refusing)["the executor's own checks"]
    assert (check.ok, check.detail, check.hint) == (False, detail, hint)


def test_what_cannot_be_asked_is_no_second_fault() -> None:
    check = diagnose(build_cloudflare())["the executor's own checks"]
    assert (check.ok, check.detail) == (True, "unknown; see the checks of executor and API key")


def refuse_token(cloudflare: CloudflareStandIn) -> None:
    cloudflare.failures["GET /user/tokens/verify"] = [refuse(401, 1000, "Invalid API Token")]


@pytest.mark.parametrize(
    ("harm", "name", "message"),
    [
        pytest.param(lambda it: it.workers.scripts.clear(), "worker", "was not deployed", id="no Worker"),
        pytest.param(
            lambda it: it.workers.remove_binding(EXECUTOR, "ARCRUN_API_KEY"),
            "worker",
            "lacks the secrets",
            id="no secret",
        ),
        pytest.param(lambda it: it.namespaces.clear(), "namespaces", "CREDENTIALS_KV", id="no namespace"),
        pytest.param(lambda it: it.buckets.clear(), "components", "no bucket", id="no bucket"),
        pytest.param(lambda it: it.objects.pop("x.wasm"), "components", "x.contract.yaml", id="half a component"),
        pytest.param(
            lambda it: it.values.update({("n1", "cred:b"): "plain"}),
            "encryption key",
            "does not decrypt b",
            id="plain text",
        ),
        pytest.param(refuse_token, "token", "404", id="refused token"),
    ],
)
def test_each_fault_is_found_by_its_check(harm: Callable[[CloudflareStandIn], Any], name: str, message: str) -> None:
    cloudflare = build_cloudflare()
    harm(cloudflare)
    failed = {it.name: it for it in diagnose(cloudflare).values() if not it.ok and it.name != "API key"}
    assert list(failed) == [name]
    assert message in failed[name].detail


@pytest.mark.parametrize(
    ("health", "changes", "name", "message"),
    [
        pytest.param({"ok": True, "version": "0.0.9"}, {}, "executor", "version 0.0.9", id="another version"),
        pytest.param({"ok": False}, {}, "executor", "does not answer", id="not well"),
        pytest.param([], {}, "executor", "does not answer", id="something else"),
        pytest.param({"ok": True, "version": "0.0.9"}, {}, "registry", "version 0.0.9", id="another version of it"),
        pytest.param({"ok": False}, {}, "registry", "does not answer", id="the registry is not well"),
        pytest.param(
            HEALTHY,
            {"registry_keys": (None, SIGNING_KEY)},
            "registry keys",
            "needs the reviewer's key",
            id="no reviewer's key",
        ),
        pytest.param(
            HEALTHY, {"registry_keys": ("x", SIGNING_KEY)}, "registry keys", "refused the reviewer's", id="a wrong one"
        ),
        pytest.param(
            HEALTHY, {"registry_keys": (REVIEWER_KEY, OTHER_KEY)}, "registry keys", "another key", id="signs otherwise"
        ),
        pytest.param(HEALTHY, {"encryption_key": None}, "encryption key", "not set", id="no key"),
        pytest.param(HEALTHY, {"namespaces": {}}, "namespaces", "any binding", id="no namespaces known"),
    ],
)
def test_other_findings(health: Any, changes: dict[str, Any], name: str, message: str) -> None:
    check = diagnose(build_cloudflare(), health, **changes)[name]
    assert (check.ok, message in check.detail, check.hint != "") == (False, True, True)


def test_waiting_for_health_ends_with_an_answer_or_at_the_deadline() -> None:
    answers: list[httpx.Response | Exception] = [
        httpx.Response(404),
        httpx.ConnectError("no"),
        httpx.Response(200, text="<"),
    ]
    clock = [0.0]

    def serve(_: httpx.Request) -> httpx.Response:
        answer = answers.pop(0) if answers else httpx.Response(200, json=HEALTHY)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(duration_s: float) -> None:
        clock[0] += duration_s

    with httpx.Client(transport=httpx.MockTransport(serve)) as http:
        wait_for_health(http, "https://x", sleep, lambda: clock[0])
        assert read_health(http, "https://x") == "0.1.0"
    assert clock[0] == 3.0
    with (
        httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as http,
        pytest.raises(CliError, match="does not answer"),
    ):
        wait_for_health(http, "https://x", sleep, lambda: clock[0])
    assert clock[0] > DEADLINE_S


ZONE = "z" * 32
TAKING = [{"name": "invoices", "format": 9, "email_address": "invoices+x@example.com"}]


def rule(worker: str | None = EXECUTOR, address: str | None = None, *, enabled: bool = True) -> dict[str, Any]:
    """As Cloudflare lists it."""
    action = {"type": "drop"} if worker is None else {"type": "worker", "value": [worker]}
    matcher = {"type": "all"} if address is None else {"type": "literal", "field": "to", "value": address}
    return {"id": "r", "name": "", "enabled": enabled, "priority": 0, "actions": [action], "matchers": [matcher]}


def routed(
    catch_all: dict[str, Any], *rules: dict[str, Any], subaddress: bool = True, enabled: bool = True
) -> CloudflareStandIn:
    cloudflare = build_cloudflare({"name": "ARCRUN_MAIL_DOMAIN", "type": "plain_text", "text": "example.com"})
    cloudflare.zones["example.com"] = ZONE
    status = "ready" if enabled else "unconfigured"
    cloudflare.routing = {"enabled": enabled, "status": status, "support_subaddress": subaddress}
    cloudflare.mail_rules = [catch_all, *rules]
    return cloudflare


@pytest.mark.parametrize(
    ("cloudflare", "is_well", "said"),
    [
        pytest.param(routed(rule()), True, "example.com: 1 workflow with an address", id="the catch-all"),
        pytest.param(routed(rule(), subaddress=False), True, "1 workflow", id="the catch-all alone"),
        pytest.param(routed(rule(None), rule(EXECUTOR, "invoices@example.com")), True, "1 workflow", id="a rule"),
        pytest.param(
            routed(
                rule(None), *[rule("x", f"{i}@example.com") for i in range(60)], rule(EXECUTOR, "invoices@example.com")
            ),
            True,
            "1 workflow",
            id="a rule on the second page",
        ),
        pytest.param(
            routed(rule(None), rule(EXECUTOR, "invoices@example.com"), subaddress=False),
            False,
            "subaddressing is off",
            id="a rule without subaddressing",
        ),
        pytest.param(routed(rule(None)), False, "sends them elsewhere", id="elsewhere"),
        pytest.param(routed(rule("other")), False, "the rule for all sends them elsewhere", id="another Worker"),
        pytest.param(
            routed(rule(), rule("other", "invoices@example.com")),
            False,
            "the rule for invoices@example.com sends them elsewhere",
            id="a rule before the catch-all",
        ),
        pytest.param(routed(rule(enabled=False)), False, "no rule takes them", id="a rule that is off"),
        pytest.param(routed(rule(), enabled=False), False, "is not ready (unconfigured)", id="off"),
    ],
)
def test_messages_must_reach_the_executor(cloudflare: CloudflareStandIn, is_well: bool, said: str) -> None:
    check = diagnose(cloudflare, listed=listed(workflows=TAKING))["mail"]
    assert (check.ok, said in check.detail) == (is_well, True), check.detail
    assert is_well or "Email Routing of its zone" in check.hint


def test_without_an_address_nothing_of_mail_is_missing() -> None:
    assert "have no mail addresses" in diagnose(build_cloudflare())["mail"].detail
    check = diagnose(routed(rule(None)), listed=listed(workflows=[]))["mail"]
    assert (check.ok, "no workflow has an address yet" in check.detail) == (True, True)


def test_a_token_that_cannot_look_at_a_zone_is_no_fault() -> None:
    for harm in ("GET /zones", f"GET /zones/{ZONE}/email/routing"):
        cloudflare = routed(rule())
        cloudflare.failures[harm] = [403]
        check = diagnose(cloudflare, listed=listed(workflows=TAKING))["mail"]
        assert (check.ok, "cannot see its zone" in check.detail) == (True, True)
    cloudflare.zones.clear()
    assert "cannot see its zone" in diagnose(cloudflare, listed=listed(workflows=TAKING))["mail"].detail
