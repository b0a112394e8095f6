"""Proves the registry on workerd: it accepts the built-ins and nothing bad, hides an author's component from others
until it is approved, and never changes a version.
"""

import base64
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from arcrun.registry.attestation import Attested, check_statement, encode_for_signature, read_envelope
from arcrun.wasm.binary import encode_u32
from fixtures import modules
from fixtures.bad_components import BAD_COMPONENTS, GOOD, constrained
from workerd.local_platform import ALICE_KEY, API_KEY, REVIEWER_KEY, ROOT, LocalPlatform

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

BUILT_INS = sorted(path.parent for path in (ROOT / "components").glob("*/contract.yaml"))
# Counts to 60 million, some 100 ms, before it answers.
SLOW = modules.printing("{}").replace(
    '(func (export "_start")',
    """(func (export "_start") (local $i i32)
      (loop $l (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8000000))))""",
)


def submit(client: httpx.Client, module: bytes | str, contract: dict[str, Any] | str) -> httpx.Response:
    binary = modules.build_module(module) if isinstance(module, str) else module
    text = contract if isinstance(contract, str) else json.dumps(contract)
    return client.post("/submit", files={"contract": text.encode(), "wasm": binary})


def accepted(client: httpx.Client, component_id: str, text: str = '{"n":1}', **changes: Any) -> dict[str, Any]:
    answer = submit(client, modules.printing(text), modules.build_contract(component_id, **changes))
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("folder", BUILT_INS, ids=lambda folder: folder.name)
def test_every_built_in_is_accepted(platform: LocalPlatform, folder: Path) -> None:
    module, contract = (folder / f"{folder.name}.wasm").read_bytes(), (folder / "contract.yaml").read_text()
    with platform.registry() as client:
        first = submit(client, module, contract)
        again = submit(client, module, json.dumps(yaml.safe_load(contract)))
    assert (first.status_code in (200, 201), again.status_code) == (True, 200), first.text
    assert again.json()["data"]["submission_id"] == first.json()["data"]["submission_id"]
    steps = first.json()["data"]["steps"]
    assert [(step["name"], step["status"]) for step in steps] == [
        (name, "passed")
        for name in ("contract_check", "size_check", "module_scan", "cold_start", "gherkin_tests", "determinism")
    ]
    assert all(step["figure"] and step["limit"] for step in steps)


def wrong_fields() -> list[Any]:
    """Contracts in which one field in turn is missing or has another type."""
    whole = modules.build_contract("tried")
    left_out = {f"no {name}": {key: whole[key] for key in whole if key != name} for name in whole}
    mistyped = {f"{name} is 7.5": {**whole, name: 7.5} for name in whole}
    return [pytest.param(contract, id=what) for what, contract in (left_out | mistyped).items()]


@pytest.mark.parametrize("contract", wrong_fields())
def test_a_wrong_field_is_refused_by_the_contract_check(platform: LocalPlatform, contract: dict[str, Any]) -> None:
    with platform.registry() as client:
        answer = submit(client, GOOD, contract)
    assert code_of(answer) == (422, "INVALID_CONTRACT")
    assert answer.json()["error"]["details"]["step"] == "contract_check"


@pytest.mark.parametrize(
    ("module", "contract", "step", "code"),
    [
        *BAD_COMPONENTS,
        pytest.param(SLOW, constrained(max_cold_start_ms=1), "cold_start", "COLD_START_TOO_SLOW", id="a slow start"),
        pytest.param(modules.RECURSING, None, "gherkin_tests", "COMPONENT_TRAPPED", id="endless recursion"),
    ],
)
def test_a_bad_component_is_refused_at_its_step_and_cannot_be_run(
    platform: LocalPlatform, module: bytes | str, contract: dict[str, Any] | str | None, step: str, code: str
) -> None:
    with platform.registry() as client:
        answer = submit(client, module, contract or modules.build_contract("tried"))
        shown = client.get("/components/tried")
    error = answer.json()["error"]
    assert (answer.status_code, error["details"]["step"], error["code"]) == (422, step, code), error
    assert error["next_actions"]
    failed = [found for found in error["details"]["steps"] if found["status"] == "failed"]
    assert (failed[0]["name"], failed[0]["code"]) == (step, code)
    assert failed[0]["findings"]
    assert code_of(shown) == (404, "COMPONENT_NOT_FOUND")
    assert code_of(platform.execute("tried", {})) == (404, "COMPONENT_NOT_FOUND")


@pytest.mark.parametrize(
    ("request_parts", "status", "code"),
    [
        pytest.param({"json": {"contract": {}, "wasm_base64": "%"}}, 400, "INVALID_REQUEST", id="no base64"),
        pytest.param({"json": {"contract": 1, "wasm_base64": ""}}, 400, "INVALID_REQUEST", id="a contract of 1"),
        pytest.param({"json": {"wasm": ""}}, 400, "UNKNOWN_KEY", id="an unknown key"),
        pytest.param({"files": {"contract": b"a: 1"}}, 400, "INVALID_REQUEST", id="half a form"),
        pytest.param({"files": {"contract": b"\xff", "wasm": b""}}, 400, "INVALID_REQUEST", id="not UTF-8"),
        pytest.param(
            {"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}},
            *(400, "INVALID_REQUEST"),
            id="a broken form",
        ),
        pytest.param({"content": bytes(13 << 20)}, 413, "PAYLOAD_TOO_LARGE", id="13 MiB"),
    ],
)
def test_a_body_that_is_no_submission(
    platform: LocalPlatform, request_parts: dict[str, Any], status: int, code: str
) -> None:
    with platform.registry() as client:
        assert code_of(client.post("/submit", **request_parts)) == (status, code)


@pytest.mark.parametrize("form", ["multipart", "base64"])
def test_a_module_of_three_megabytes(platform: LocalPlatform, form: str) -> None:
    component_id, size = f"large_by_{form}", 3 << 20
    # A custom section (0) of that size, its name one character long.
    section = b"\0" + encode_u32(size) + b"\1p" + bytes(size - 2)
    module, contract = modules.build_module(modules.printing("{}")) + section, modules.build_contract(component_id)
    with platform.registry() as client:
        if form == "multipart":
            answer = submit(client, module, contract)
        else:
            encoded = base64.b64encode(module).decode()
            answer = client.post("/submit", json={"contract": contract, "wasm_base64": encoded})
        assert answer.status_code == 201, answer.text
        assert client.get(f"/components/{component_id}/module").content == module
    assert run(platform, component_id) == {}


def test_a_version_never_changes(platform: LocalPlatform) -> None:
    with platform.registry() as client:
        first = accepted(client, "immutable")
        other_bytes = submit(client, modules.printing('{"n":2}'), modules.build_contract("immutable"))
        other_contract = submit(
            client, modules.printing('{"n":1}'), modules.build_contract("immutable", description="Another.")
        )
        second = accepted(client, "immutable", '{"n":2}', version="v2")
        versions = client.get("/components/immutable/versions").json()["data"]["versions"]
    assert code_of(other_bytes) == code_of(other_contract) == (409, "VERSION_EXISTS")
    assert [version["sha256"] for version in versions] == [second["sha256"], first["sha256"]]


def test_an_authors_component_is_his_alone_until_it_is_approved(platform: LocalPlatform) -> None:
    with (
        platform.registry() as owner,
        platform.registry(ALICE_KEY) as alice,
        platform.registry(REVIEWER_KEY) as reviewer,
    ):
        submission = accepted(alice, "of_alice", '{"by":"alice"}')["submission_id"]
        paths = [f"/components/of_alice{part}" for part in ("", "/versions", "/module", "?version=v1")]
        hidden = [owner.get(path) for path in [*paths, f"/submit/{submission}"]]
        unknown = [owner.get(path.replace("of_alice", "of_nobody")) for path in paths]
        assert [answer.status_code for answer in hidden] == [404] * 5
        assert [answer.text.replace("of_alice", "of_nobody") for answer in hidden[:4]] == [
            answer.text for answer in unknown
        ]
        assert code_of(platform.execute("of_alice", {})) == (404, "COMPONENT_NOT_FOUND")
        installed = platform.acr("parts", "install", "of_alice")
        assert (installed.returncode, "COMPONENT_NOT_FOUND" in installed.stderr) == (1, True)
        assert names(owner, "of_alice") == []
        assert names(alice, "of_alice") == ["of_alice"]
        assert alice.get("/components/of_alice/module").content == modules.build_module(
            modules.printing('{"by":"alice"}')
        )

        assert code_of(owner.patch(f"/submit/{submission}/approve")) == (404, "SUBMISSION_NOT_FOUND")
        assert code_of(alice.patch(f"/submit/{submission}/approve")) == (403, "FORBIDDEN")
        answer = reviewer.patch(f"/submit/{submission}/approve", json={"reason": "fine"})
        assert answer.status_code == 200, answer.text
        approved = answer.json()["data"]
        assert approved["visibility"] == "public"
        assert names(owner, "of_alice") == ["of_alice"]
        assert run(platform, "of_alice@v1") == {"by": "alice"}
        assert code_of(submit(owner, modules.printing("{}"), modules.build_contract("of_alice"))) == (409, "ID_TAKEN")

        assert code_of(reviewer.patch(f"/submit/{submission}/reject")) == (400, "INVALID_REQUEST")
        rejected = reviewer.patch(f"/submit/{submission}/reject", json={"reason": "it lies"}).json()["data"]
        assert [(it["decision"], it["reason"]) for it in rejected["decisions"]] == [
            ("approved", "fine"),
            ("rejected", "it lies"),
        ]
        assert all(it["decided_at"] and len(it["key_id"]) == 12 for it in rejected["decisions"])
        assert owner.get("/components/of_alice").status_code == 404
        assert alice.get("/components/of_alice").status_code == 200


def names(client: httpx.Client, words: str) -> list[str]:
    found = client.get("/components", params={"q": words}).json()["data"]["components"]
    return [component["canonical_id"] for component in found]


def run(platform: LocalPlatform, reference: str) -> Any:
    answer = platform.execute(reference, {})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_the_author_runs_his_own_at_once_and_the_next_version_too(platform: LocalPlatform) -> None:
    with platform.registry() as owner:
        accepted(owner, "at_once", '{"n":1}')
        assert run(platform, "at_once") == {"n": 1}
        accepted(owner, "at_once", '{"n":2}', version="v2")
        deadline = time.monotonic() + 10
        while run(platform, "at_once") != {"n": 2}:  # a warm isolate asks again after 5 s
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert run(platform, "at_once@v1") == {"n": 1}


@pytest.mark.parametrize("key", ["", "wrong", API_KEY[:-1]])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/submit"),
        ("GET", "/submit/sub_0"),
        ("PATCH", "/submit/sub_0/approve"),
        ("PATCH", "/submit/sub_0/reject"),
        ("GET", "/components"),
        ("GET", "/components/set"),
        ("GET", "/components/set/versions"),
        ("GET", "/components/set/module"),
        ("POST", "/analytics/record"),
        ("GET", "/analytics"),
    ],
)
def test_nothing_without_a_key(platform: LocalPlatform, method: str, path: str, key: str) -> None:
    with platform.registry(key) as client:
        assert code_of(client.request(method, path)) == (401, "UNAUTHORIZED")


def test_an_accepted_version_is_signed(platform: LocalPlatform) -> None:
    with platform.registry() as client:
        record = accepted(client, "signed", '{"s":1}')
        key = client.get("/submit/key").json()["data"]
        shown = client.get("/components/signed").json()["data"]
    public_key = base64.b64decode(key["public_key"])
    signed = read_envelope(shown["attestation"], key["key_id"])
    Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, encode_for_signature(signed.payload))
    attested = Attested("signed", "v1", record["sha256"], record["contract_sha256"])
    assert check_statement(signed.payload, attested)["steps"] == record["steps"]
    canonical = json.dumps(modules.build_contract("signed"), separators=(",", ":"))
    assert shown["contract"] == json.loads(canonical)


def test_the_sandbox_runs_the_metered_module_that_was_stored(platform: LocalPlatform) -> None:
    with platform.registry() as client:
        record = accepted(client, "stored_metered", '{"m":1}')
    objects = f"{platform.urls['cloudflare-api']}/r2/buckets/arcrun-components/objects"
    keys = {item["key"] for item in httpx.get(objects, params={"per_page": 1000}, timeout=60).json()["result"]}
    assert {f"modules/{record['sha256']}.wasm", f"contracts/{record['contract_sha256']}.json"} <= keys
    assert any(key.startswith("metered/") and record["sha256"] in key for key in keys)
