"""Proves that the client of Cloudflare's API uses its documented shapes, pages, retries what is safe, and reports the
API's own error codes. test_explorer_api.py tests it against the local runtime's API.
"""

import json
from email.utils import formatdate

import httpx
import pytest

from acr.cloudflare import account, kv, r2, workers
from acr.cloudflare.api import MAX_ATTEMPTS, MAX_WAIT_S, CloudflareApi, CloudflareError
from arcrun.cloudflare.api_access import ApiAccess
from fakes.cloudflare_rest.account import ACCOUNT, BASE, TOKEN, CloudflareStandIn, refuse

KEYS = "/storage/kv/namespaces/n1/keys"
VALUE = "/storage/kv/namespaces/n1/values/cred%3Aa"


class Bench:
    def __init__(self, **state: object) -> None:
        self.cloudflare = CloudflareStandIn(**state)  # type: ignore[arg-type]
        self.waits_s: list[float] = []
        access = ApiAccess(f"https://api.test{BASE}", ACCOUNT, TOKEN)
        self.api = CloudflareApi(access, self.cloudflare, self.waits_s.append)
        self.namespace = kv.KvNamespace(self.api, "n1")


def test_namespaces_are_listed_over_pages_and_created() -> None:
    bench = Bench(namespaces={f"t{i:03}": f"id{i}" for i in range(250)})
    assert len(kv.list_namespaces(bench.api)) == 250
    assert kv.list_namespaces(bench.api)["t249"] == "id249"
    new_id = kv.create_namespace(bench.api, "arcrun-WEBHOOKS")
    assert bench.cloudflare.namespaces["arcrun-WEBHOOKS"] == new_id


def test_keys_are_listed_over_pages_by_prefix() -> None:
    bench = Bench(values={("n1", f"cred:{i}"): "v" for i in range(25)} | {("n1", "other"): "v"}, keys_a_page=10)
    assert list(bench.namespace.list_keys("cred:")) == sorted(f"cred:{i}" for i in range(25))
    assert bench.cloudflare.requests == [f"GET {KEYS}"] * 3


def test_a_value_is_put_got_and_deleted() -> None:
    bench = Bench()
    bench.namespace.put("a/b c:é", "välue\n")
    assert bench.namespace.get("a/b c:é") == "välue\n"
    bench.namespace.delete("a/b c:é")
    bench.namespace.delete("a/b c:é")
    assert bench.namespace.get("a/b c:é") is None
    assert bench.cloudflare.requests[0] == "PUT /storage/kv/namespaces/n1/values/a%2Fb%20c%3A%C3%A9"


def test_many_values_are_put_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kv, "MAX_BULK_PAIRS", 2)
    bench = Bench()
    bench.namespace.put_all({f"k{i}": str(i) for i in range(5)})
    assert len(bench.cloudflare.requests) == 3
    assert [bench.namespace.get(f"k{i}") for i in range(5)] == ["0", "1", "2", "3", "4"]


def test_an_object_is_put_got_listed_and_deleted() -> None:
    bench = Bench()
    bucket = r2.R2Bucket(bench.api, "b")
    bucket.put("folder/a b.wasm", b"\0asm")
    assert bench.cloudflare.requests == ["PUT /r2/buckets/b/objects/folder/a%20b.wasm"]
    assert bucket.get("folder/a b.wasm") == b"\0asm"
    assert [(item.key, item.size) for item in bucket.list_objects()] == [("folder/a b.wasm", 4)]
    bucket.delete("folder/a b.wasm")
    assert bucket.get("folder/a b.wasm") is None


def test_a_bucket_is_created_and_listed() -> None:
    bench = Bench()
    r2.create_bucket(bench.api, "arcrun-components")
    assert r2.list_buckets(bench.api) == ["arcrun-components"]


def test_an_account_without_r2_gets_the_next_step() -> None:
    bench = Bench()
    bench.cloudflare.failures["GET /r2/buckets"] = [refuse(403, 10042, "Please enable R2 through the Dashboard.")]
    with pytest.raises(CloudflareError) as raised:
        r2.list_buckets(bench.api)
    assert "Enable R2 once" in raised.value.hint


def test_accounts_tokens_subdomain_and_workers() -> None:
    bindings = [
        {"name": "MARK", "type": "plain_text", "text": "m"},
        {"name": "ARCRUN_API_KEY", "type": "secret_text", "text": "s"},
        {"name": "KV", "type": "kv_namespace", "namespace_id": "n1"},
    ]
    bench = Bench()
    bench.cloudflare.workers.add("arcrun-auth", bindings)
    assert account.list_accounts(bench.api) == [account.Account(ACCOUNT, "Ada's account")]
    assert account.verify_token(bench.api) == account.TokenStatus("t1", "active")
    assert account.find_subdomain(bench.api) == "ada"
    found = workers.find_worker(bench.api, "arcrun-auth")
    assert found is not None
    assert (found.variables, found.secret_names) == ({"MARK": "m"}, frozenset({"ARCRUN_API_KEY"}))
    assert (found.number, found.classes, found.migration_tag) == (1, frozenset(), None)
    assert workers.find_worker(bench.api, "other") is None
    bench.cloudflare.subdomain = None
    assert account.find_subdomain(bench.api) is None


def test_a_token_that_the_account_owns_is_verified_there() -> None:
    bench = Bench()
    bench.cloudflare.failures["GET /user/tokens/verify"] = [refuse(401, 1000, "Invalid API Token")]
    with pytest.raises(CloudflareError):  # the stand-in has no such route; the test checks the request
        account.verify_token(bench.api)
    assert bench.cloudflare.requests == ["GET /user/tokens/verify", "GET /tokens/verify"]


def test_a_minted_token_can_only_edit_kv_of_one_account() -> None:
    bench = Bench()
    sent: list[httpx.Request] = []
    answer_of = bench.cloudflare.handle_request
    bench.cloudflare.handle_request = lambda request: sent.append(request) or answer_of(request)  # type: ignore[method-assign, func-returns-value]
    assert account.mint_kv_token(bench.api, "arcrun") == account.MintedToken("t2", "minted-value")
    (policy,) = json.loads(sent[-1].content)["policies"]
    assert policy == {
        "effect": "allow",
        "resources": {f"com.cloudflare.api.account.{ACCOUNT}": "*"},
        "permission_groups": [{"id": "g1"}],
    }


@pytest.mark.parametrize(
    ("failures", "waits_s"),
    [
        pytest.param([429], [0.5], id="429"),
        pytest.param([refuse(429, retry_after="7")], [7.0], id="Retry-After in seconds"),
        pytest.param([refuse(429, retry_after="9999")], [MAX_WAIT_S], id="no longer than the limit"),
        pytest.param([refuse(503, retry_after=formatdate(0, usegmt=True))], [0.5], id="Retry-After in the past"),
        pytest.param([refuse(503, retry_after="soon")], [0.5], id="Retry-After that means nothing"),
        pytest.param([500, 502, 503, 504], [0.5, 1, 2, 4], id="5xx"),
        pytest.param([httpx.ConnectError("down"), httpx.ReadTimeout("slow")], [0.5, 1], id="no answer"),
    ],
)
def test_safe_requests_are_repeated(failures: list[int | Exception | httpx.Response], waits_s: list[float]) -> None:
    bench = Bench(values={("n1", "cred:a"): "v"})
    bench.cloudflare.failures[f"GET {VALUE}"] = list(failures)
    assert bench.namespace.get("cred:a") == "v"
    assert bench.waits_s == waits_s


@pytest.mark.parametrize(
    ("failure", "attempts"),
    [
        pytest.param(500, 1, id="500: it may have been carried out"),
        pytest.param(httpx.ReadTimeout("slow"), 1, id="no answer: it may have been carried out"),
        pytest.param(429, 2, id="429: it was not"),
        pytest.param(httpx.ConnectError("down"), 2, id="never sent"),
    ],
)
def test_creating_requests_are_repeated_only_if_nothing_was_done(failure: int | Exception, attempts: int) -> None:
    bench = Bench()
    bench.cloudflare.failures["POST /storage/kv/namespaces"] = [failure]
    if attempts == 1:
        with pytest.raises(CloudflareError):
            kv.create_namespace(bench.api, "t")
    else:
        kv.create_namespace(bench.api, "t")
    assert len(bench.cloudflare.requests) == attempts


def test_it_gives_up() -> None:
    bench = Bench()
    bench.cloudflare.failures[f"GET {VALUE}"] = [503] * 10
    with pytest.raises(CloudflareError, match="503"):
        bench.namespace.get("cred:a")
    assert (len(bench.cloudflare.requests), len(bench.waits_s)) == (MAX_ATTEMPTS, MAX_ATTEMPTS - 1)


@pytest.mark.parametrize(
    ("answer", "exit_code", "text"),
    [
        pytest.param(refuse(403, 10000, "Authentication error"), 4, "Authentication error (code 10000)", id="403"),
        pytest.param(refuse(400, 10014, "exists"), 1, "exists (code 10014)", id="400"),
        pytest.param(httpx.Response(404, text="<html>"), 1, "no reason given", id="no JSON"),
        pytest.param(httpx.Response(200, text="[]"), 1, "no reason given", id="no envelope"),
        pytest.param(httpx.Response(400, json={"errors": "x"}), 1, "no reason given", id="odd errors"),
    ],
)
def test_a_refusal_carries_the_code_and_message(answer: httpx.Response, exit_code: int, text: str) -> None:
    bench = Bench()
    bench.cloudflare.failures[f"GET {KEYS}"] = [answer]
    with pytest.raises(CloudflareError) as raised:
        list(bench.namespace.list_keys())
    assert (raised.value.exit_code, text in raised.value.message) == (exit_code, True)
    assert TOKEN not in raised.value.message + raised.value.hint + repr(raised.value)


def test_a_wrong_token_is_not_logged_in() -> None:
    cloudflare = CloudflareStandIn()
    api = CloudflareApi(ApiAccess(f"https://api.test{BASE}", ACCOUNT, "wrong"), cloudflare)
    with pytest.raises(CloudflareError) as raised:
        kv.list_namespaces(api)
    assert (raised.value.exit_code, raised.value.codes, "acr doctor" in raised.value.hint) == (4, (10000,), True)


def test_an_access_does_not_show_its_token() -> None:
    assert TOKEN not in repr(ApiAccess(account_id=ACCOUNT, token=TOKEN))
