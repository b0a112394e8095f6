"""Proves the real executor on workerd with MULTI_TENANT=true. Two tenants, registered by the real auth Worker, have a
namespace each behind a stand-in for Cloudflare's API: they are isolated, and no secret is stored or shown.
"""

import base64
import json
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import pytest

from arcrun.accounts.webhook_tokens import TOKEN_BYTES
from fakes.auth import BODY
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from fakes.ports.cipher import seal
from fakes.ports.storage import InMemoryKV
from fakes.wire import UNAUTHORIZED, read_error
from fixtures import modules
from workerd.hosted_platform import Hosted
from workerd.local_platform import LOG, REVIEWER_KEY, running_platform

pytestmark = pytest.mark.workerd

UNKNOWN_TOKEN, UNKNOWN_RUN = "0" * (2 * TOKEN_BYTES), "0" * 26
SECRET_NAME = "shared_name"
SAMPLES = 30
BURST = 400


@dataclass
class TenantDesk:
    """A tenant's view: its registration, and the keys that it got."""

    account: str
    namespace: str
    token: str
    data_key: bytes
    secret: str
    kv: InMemoryKV
    api_key: str = ""
    webhook: str = ""

    def flow(self, name: str = "tell") -> dict[str, Any]:
        """A workflow that answers the secret's length, which is not redacted."""
        text = f"{{{{credential.{SECRET_NAME}}}}}"
        config = {"measure": {"component": "string_ops", "operation": "length", "input": text}}
        return {"name": name, "flow": ["input >> PIPE >> measure"], "config": config}


@dataclass
class TwoTenants:
    hosted: Hosted
    a: TenantDesk
    b: TenantDesk

    def ask(self, method: str, path: str, tenant: TenantDesk | None, body: Any = None) -> httpx.Response:
        return self.hosted.ask_executor(method, path, tenant.api_key if tenant else None, body)

    def push(self, tenant: TenantDesk, flow: dict[str, Any]) -> str:
        answer = self.ask("POST", "/webhooks", tenant, {"workflow": flow})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["token"])

    def trigger(self, token: str, body: Any = None) -> httpx.Response:
        return self.ask("POST", f"/webhooks/{token}/trigger", None, body)

    def register(self, tenant: TenantDesk) -> str:
        """Register; returns the API key, which revokes earlier ones."""
        data_key = base64.b64encode(tenant.data_key).decode()
        headers = {"CF-Api-Token": tenant.token, "X-Arcrun-Data-Key": data_key, "CF-Connecting-IP": "192.0.2.20"}
        ids = {"account_id": tenant.account, "kv_namespace_id": tenant.namespace}
        answer = self.hosted._send("POST", "/register", headers, {**BODY, **ids})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["api_key"])


def build_desk(cloudflare: CloudflareApiStandIn, letter: str, secret: str) -> TenantDesk:
    account, namespace, token = letter * 32, f"{letter}0" * 16, f"canary-cf-token-of-{letter}"
    cloudflare.add_token(token, account)
    data_key = f"canary-data-key-{letter}-".encode().ljust(32, b"k")
    return TenantDesk(account, namespace, token, data_key, secret, cloudflare.add_namespace(account, namespace))


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoTenants]:
    """A platform of its own, because everything it stores is searched."""
    cloudflare = CloudflareApiStandIn()
    with served(cloudflare) as base_url:
        folder = tmp_path_factory.mktemp("tenants")
        limits = {"TENANT_BURST_REQUESTS": str(BURST)}  # the tests ask more often than a tenant should
        with running_platform(folder, CLOUDFLARE_API_BASE_URL=base_url, MULTI_TENANT="true", **limits) as platform:
            a = build_desk(cloudflare, "a", "canary-secret-of-a")
            b = build_desk(cloudflare, "b", "canary-secret-of-b-is-longer")
            two = TwoTenants(Hosted(platform, cloudflare, base_url), a, b)
            for tenant in (a, b):
                tenant.api_key = two.register(tenant)
                tenant.kv.upload(f"cred:{SECRET_NAME}", seal(tenant.data_key, SECRET_NAME, tenant.secret))
                tenant.webhook = two.push(tenant, tenant.flow())
            yield two
            two.hosted.executor.close()


def wait_for_record(two: TwoTenants, tenant: TenantDesk, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 5
    while (answer := two.ask("GET", f"/runs/{run_id}", tenant)).status_code != 200:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    record: dict[str, Any] = answer.json()["data"]
    return record


def test_each_run_uses_its_own_workflow_and_credential(two: TwoTenants) -> None:
    runs = {}
    for tenant in (two.a, two.b, two.a):
        for answer in (
            two.trigger(tenant.webhook),
            two.ask("POST", "/webhooks/named/tell/trigger", tenant),
            two.ask("POST", "/execute", tenant, {"workflow": tenant.flow("unstored")}),
        ):
            assert answer.status_code == 200, answer.text
            assert answer.json()["data"] == {"result": len(tenant.secret)}
            runs[answer.json()["run_id"]] = tenant
    for run_id, tenant in runs.items():
        assert wait_for_record(two, tenant, run_id)["data"] == {"result": len(tenant.secret)}
        other = two.b if tenant is two.a else two.a
        assert two.ask("GET", f"/runs/{run_id}", other).status_code == 404
    listed = [two.ask("GET", "/runs", tenant).json()["data"]["runs"] for tenant in (two.a, two.b)]
    assert [{run["run_id"] for run in page} for page in listed] == [
        {run_id for run_id, tenant in runs.items() if tenant is each} for each in (two.a, two.b)
    ]


def test_a_subflow_is_the_tenants_own(two: TwoTenants) -> None:
    calling = {
        "name": "calling",
        "flow": ["input >> CALLS_SUBFLOW >> inner"],
        "config": {"inner": {"workflow": "tell"}},
    }
    for tenant in (two.a, two.b):
        answer = two.ask("POST", "/execute", tenant, {"workflow": calling})
        assert (answer.status_code, answer.json().get("data")) == (200, {"result": len(tenant.secret)}), answer.text


def test_an_accepted_run_leaves_its_record(two: TwoTenants) -> None:
    answer = two.trigger(f"{two.a.webhook}", None)
    accepted = two.ask("POST", f"/webhooks/{two.a.webhook}/trigger?async=1", None)
    assert (answer.status_code, accepted.status_code) == (200, 202)
    deadline = time.monotonic() + 5
    while (record := wait_for_record(two, two.a, accepted.json()["run_id"]))["status"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert record["data"] == {"result": len(two.a.secret)}


ROUTES = [
    ("POST", "/execute", {"component": "string_ops"}),
    ("POST", "/validate", {"workflow": "x"}),
    ("POST", "/webhooks", {"workflow": "x"}),
    ("GET", "/webhooks", None),
    ("GET", "/webhooks/{token}", None),
    ("PUT", "/webhooks/{token}", {"workflow": "x"}),
    ("DELETE", "/webhooks/{token}", None),
    ("POST", "/webhooks/{token}/rotate", None),
    ("POST", "/webhooks/named/{name}/trigger", {}),
    ("POST", "/webhooks/named/{name}/rollback", {"version": 1}),
    ("GET", "/runs", None),
    ("GET", "/runs/{run_id}", None),
]


@pytest.fixture(scope="module")
def revoked(two: TwoTenants) -> str:
    """A third tenant's key, replaced before the executor saw it, since an isolate caches keys for a while."""
    third = build_desk(two.hosted.cloudflare, "c", "")
    old = two.register(third)
    two.register(third)
    return old


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_no_route_opens_without_a_valid_key(two: TwoTenants, revoked: str, method: str, path: str, body: Any) -> None:
    place = path.format(token=two.a.webhook, name="tell", run_id=UNKNOWN_RUN)
    for key in (None, "", "nonsense", "ak_" + "A" * 43, two.a.api_key + "A", two.a.api_key[:-1], revoked):
        answer = two.hosted.ask_executor(method, place, key, body, "192.0.2.21")
        assert (answer.status_code, read_error(answer)) == (401, UNAUTHORIZED)


@pytest.fixture(scope="module")
def only_a(two: TwoTenants) -> dict[str, str]:
    """Objects that tenant a has and tenant b does not."""
    token = two.push(two.a, two.a.flow("only_a"))
    run_id = two.trigger(token).json()["run_id"]
    wait_for_record(two, two.a, run_id)
    return {"token": token, "name": "only_a", "run_id": run_id}


NOWHERE = {"token": UNKNOWN_TOKEN, "name": "only_x", "run_id": UNKNOWN_RUN}
NAMING = [(method, path, body) for method, path, body in ROUTES if "{" in path]


@pytest.mark.parametrize(("method", "path", "body"), NAMING)
def test_what_is_anothers_answers_as_what_is_nowhere(
    two: TwoTenants, only_a: dict[str, str], method: str, path: str, body: Any
) -> None:
    sent = {"workflow": two.b.flow("only_a")} if method == "PUT" else body
    answers = [two.ask(method, path.format(**case), two.b, sent) for case in (only_a, NOWHERE)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert len({re.sub("only_[ax]|[0-9A-Z]{26}", "X", answer.text) for answer in answers}) == 1
    assert two.trigger(only_a["token"]).status_code == 200  # it is unchanged


def test_a_token_that_was_not_made_here(two: TwoTenants, only_a: dict[str, str]) -> None:
    token = only_a["token"]
    gone = two.push(two.a, two.a.flow("gone"))
    assert two.ask("DELETE", f"/webhooks/{gone}", two.a).status_code == 200
    wrong = [
        gone,
        UNKNOWN_TOKEN,
        token[:-1] + ("1" if token[-1] == "0" else "0"),
        token.upper(),
        "0" * 32,
        "x",
        token * 3,
    ]
    answers = [two.trigger(each) for each in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def time_each(asks: Mapping[str, Callable[[], httpx.Response]]) -> dict[str, list[float]]:
    """The durations of SAMPLES of each in milliseconds, interleaved so that other load affects all alike."""
    taken: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(SAMPLES):
        for name, ask in asks.items():
            started = time.perf_counter()
            ask()
            taken[name].append((time.perf_counter() - started) * 1000)
    return taken


def check_within_noise(taken: dict[str, list[float]]) -> None:
    """Check that the medians differ by at most the samples' interquartile range, or half a millisecond."""
    quartiles = statistics.quantiles([each for samples in taken.values() for each in samples], n=4)
    medians = {name: statistics.median(samples) for name, samples in taken.items()}
    assert max(medians.values()) - min(medians.values()) <= max(0.5, quartiles[2] - quartiles[0]), medians


def test_wrong_keys_take_the_same_time(two: TwoTenants, revoked: str) -> None:
    keys = {"none": None, "malformed": "nonsense", "unknown": "ak_" + "A" * 43, "revoked": revoked}
    asked = {
        name: partial(two.hosted.ask_executor, "GET", "/runs", key, None, "192.0.2.22") for name, key in keys.items()
    }
    check_within_noise(time_each(asked))


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/webhooks/{token}"), ("POST", "/webhooks/named/{name}/trigger"), ("GET", "/runs/{run_id}")],
)
def test_what_is_anothers_takes_the_time_of_what_is_nowhere(
    two: TwoTenants, only_a: dict[str, str], method: str, path: str
) -> None:
    cases = {"another's": only_a, "nowhere": NOWHERE}
    asked = {name: partial(two.ask, method, path.format(**case), two.b) for name, case in cases.items()}
    check_within_noise(time_each(asked))


def test_tenants_run_what_is_public_and_nothing_of_the_operator(two: TwoTenants) -> None:
    platform, module = two.hosted.platform, modules.build_module(modules.printing('{"by":"operator"}'))
    platform.put_component(module, modules.build_contract("by_name"))
    contract = json.dumps(modules.build_contract("published")).encode()
    files: dict[str, Any] = {"contract": contract, "wasm": modules.build_module(modules.printing('{"by":"author"}'))}
    with platform.registry() as owner:  # with the executor's own key
        submission = owner.post("/submit", files=files).json()["data"]["submission_id"]
        assert owner.get("/components/published").status_code == 200
    for component in ("by_name", "published", "published@v1"):
        answer = two.ask("POST", "/execute", two.a, {"component": component})
        assert (answer.status_code, read_error(answer)["code"]) == (404, "COMPONENT_NOT_FOUND")
    with platform.registry(REVIEWER_KEY) as reviewer:
        assert reviewer.patch(f"/submit/{submission}/approve").status_code == 200
    answer = two.ask("POST", "/execute", two.a, {"component": "published"})
    assert (answer.status_code, answer.json().get("data")) == (200, {"by": "author"}), answer.text


@dataclass
class Callers:
    """Callers of a workflow that two tenants have under one name."""

    urls: Mapping[str, str]

    def send(self, letter: str, key: str, body: Any = None) -> httpx.Response:
        headers = {"x-delivery": f"canary-delivery-{key}"}
        return httpx.post(self.urls[letter], json=body or {}, headers=headers, timeout=60, trust_env=False)

    def send_all(self, sent: Sequence[tuple[str, str]]) -> list[tuple[str, httpx.Response]]:
        """All at once: the answers by the tenant."""
        with ThreadPoolExecutor(len(sent)) as pool:
            return [*zip([letter for letter, _ in sent], pool.map(lambda each: self.send(*each), sent), strict=True)]


@pytest.fixture(scope="module")
def pair(two: TwoTenants) -> Mapping[str, TenantDesk]:
    """Two tenants that have called nothing yet."""
    desks = {letter: build_desk(two.hosted.cloudflare, letter, "") for letter in "ef"}
    for desk in desks.values():
        desk.api_key = two.register(desk)
    return desks


def build_callers(two: TwoTenants, pair: Mapping[str, TenantDesk], name: str, **workflow: Any) -> Callers:
    flow = {
        "name": name,
        "timeout_ms": 10_000,
        "flow": ["input >> PIPE >> pause"],
        "config": {"pause": {"component": "wait", "ms": 1_000}},
        **workflow,
    }
    executor = two.hosted.platform.urls["executor"]
    urls = {letter: f"{executor}/webhooks/{two.push(desk, flow)}/trigger" for letter, desk in pair.items()}
    return Callers(urls)


def test_each_tenants_keys_run_once(two: TwoTenants, pair: Mapping[str, TenantDesk]) -> None:
    """The keys of two tenants are apart, though their workflows and their requests are the same."""
    idempotency = {"key": '{{request.headers["x-delivery"]}}', "on_running": "wait"}
    callers = build_callers(two, pair, "once", triggers={"webhook": {"idempotency": idempotency}})
    answers = callers.send_all([(letter, str(number)) for _ in range(8) for letter in "ef" for number in range(5)])
    assert {answer.status_code for _, answer in answers} == {200}
    runs = {letter: {answer.json()["run_id"] for of, answer in answers if of == letter} for letter in "ef"}
    assert (len(runs["e"]), len(runs["f"]), runs["e"] & runs["f"]) == (5, 5, set())
    assert sum("idempotent-replayed" not in answer.headers for _, answer in answers) == 10
    again, other = callers.send("e", "0"), callers.send("e", "0", {"another": "body"})
    assert (again.json()["run_id"] in runs["e"], again.headers["idempotent-replayed"]) == (True, "true")
    assert (other.status_code, read_error(other)["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


def test_each_tenants_runs_are_counted_exactly(two: TwoTenants, pair: Mapping[str, TenantDesk]) -> None:
    callers = build_callers(two, pair, "counted", limits=[{"per_minute": 4}])
    answers = callers.send_all([(letter, "") for _ in range(10) for letter in pair])
    for letter in pair:
        assert Counter(answer.status_code for of, answer in answers if of == letter) == {200: 4, 429: 6}
    refused = callers.send("e", "")
    assert (read_error(refused)["code"], 0 < int(refused.headers["retry-after"]) <= 60) == ("RUN_LIMIT_REACHED", True)


def test_no_more_of_a_tenants_runs_go_on_at_once(two: TwoTenants, pair: Mapping[str, TenantDesk]) -> None:
    """On a slow machine a run may end before all requests have come, and another take its place."""
    callers = build_callers(two, pair, "at_once", limits=[{"concurrent": 3}])
    answers = callers.send_all([(letter, "") for _ in range(10) for letter in pair])
    assert {answer.status_code for _, answer in answers} == {200, 429}
    for letter in pair:
        ran = [answer.json()["run_id"] for of, answer in answers if of == letter and answer.status_code == 200]
        records = [wait_for_record(two, pair[letter], run_id) for run_id in ran]
        begun = [(datetime.fromisoformat(each["started_at"]).timestamp() * 1_000, each) for each in records]
        at_once = [sum(other <= at < other + its["duration_ms"] for other, its in begun) for at, _ in begun]
        assert (len(ran) >= 3, max(at_once)) == (True, 3)


def test_one_tenant_at_its_limit_and_another(two: TwoTenants) -> None:
    flooding = build_desk(two.hosted.cloudflare, "d", "")
    flooding.api_key = two.register(flooding)
    answers = [two.ask("POST", "/execute", flooding, {}) for _ in range(2 * BURST)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.status_code for answer in answers} == {400, 429}
    assert (read_error(refused[0])["code"], refused[0].headers["retry-after"]) == ("RATE_LIMITED", "1")
    assert two.ask("POST", "/execute", two.b, {}).status_code == 400


def test_a_namespace_that_refuses_is_named(two: TwoTenants) -> None:
    token = two.hosted.cloudflare.tokens.pop(two.b.token)
    refused = two.ask("GET", "/runs", two.b)
    two.hosted.cloudflare.tokens[two.b.token] = token
    assert (refused.status_code, read_error(refused)["code"]) == (424, "TENANT_TOKEN_REFUSED")
    assert two.ask("GET", "/runs", two.b).status_code == 200


def test_nothing_that_is_stored_or_said_holds_a_secret(two: TwoTenants) -> None:
    """Runs last, after all other tests."""
    folder = two.hosted.platform.folder
    refused = {**two.a.flow()["config"]["measure"], "operation": f"{{{{credential.{SECRET_NAME}}}}}"}
    failing = {"name": "failing", "flow": ["input >> PIPE >> n"], "config": {"n": refused}}
    assert two.ask("POST", "/execute", two.a, {"workflow": failing}).status_code == 422
    time.sleep(2.5)  # records are written once in two seconds
    namespaces = [entry.value for kv in (two.a.kv, two.b.kv) for entry in kv._entries.values()]
    metadata = [json.dumps(entry.metadata) for kv in (two.a.kv, two.b.kv) for entry in kv._entries.values()]
    stored = [path.read_bytes() for path in (folder / "state").rglob("*") if path.is_file()]
    searched = [*stored, (folder / LOG).read_bytes(), *(text.encode() for text in [*namespaces, *metadata])]
    said = [answer.content for answer in two.hosted.answers]
    assert (len(stored) > 3, len(namespaces) > 10, len(said) > 500) == (True, True, True)
    secrets = [(folder / "keys/master-key").read_text(), "canary-delivery"]
    for tenant in (two.a, two.b):
        secrets += [
            "canary-delivery",
            tenant.token,
            tenant.secret,
            tenant.data_key.decode(),
            base64.b64encode(tenant.data_key).decode(),
        ]
    for secret in secrets:
        assert not any(secret.encode() in content for content in [*searched, *said])
    for key in two.hosted.api_keys:
        assert not any(key.encode() in content for content in searched)
        assert sum(key.encode() in content for content in said) == 1  # when it was registered


def test_the_executor_gets_the_master_key_in_this_mode_alone(two: TwoTenants) -> None:
    plan = json.loads((two.hosted.platform.folder / "plan.json").read_text())
    assert [worker["service"] for worker in plan["workers"] if "MASTER_KEY" in worker["vars"]] == ["executor", "auth"]
