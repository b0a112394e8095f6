"""Proves that the executor finds each fault of its own, and names the next step."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from arcrun import __version__
from arcrun.engine.budget import RunLimits
from arcrun.errors import ComponentError, UpstreamError
from arcrun.limits import FREE_ROWS_WRITTEN, MAX_CHECKED_CREDENTIALS
from fakes.components import echo
from fakes.executor import Bench, build_bench, build_client

pytestmark = pytest.mark.anyio
NAMES = ["workflows", "records", "plan", "usage", "registry binding", "credentials"]


@pytest.fixture
def bench() -> Bench:
    return build_bench({"echo": echo})


async def examine(bench: Bench) -> dict[str, Any]:
    async with build_client(bench.service) as client:
        answer = await client.get("/checks")
    assert answer.status_code == 200, answer.text
    checks = answer.json()["data"]["checks"]
    assert [set(check) for check in checks] == [{"name", "ok", "warns", "detail", "hint"}] * len(checks)
    return {check["name"]: check for check in checks}


def limited(bench: Bench, limits: RunLimits, *, has_sandbox: bool = False) -> Bench:
    service = bench.service
    engine, components = replace(service.engine, limits=limits), replace(service.components, has_sandbox=has_sandbox)
    return replace(bench, service=replace(service, engine=engine, components=components))


async def push(bench: Bench, name: str) -> None:
    config = {"tell": {"component": "echo", "text": "hi"}}
    flow = ["input >> ON_SUCCESS >> tell", "tell >> ON_SUCCESS >> output"]
    async with build_client(bench.service) as client:
        answer = await client.post("/webhooks", json={"workflow": {"name": name, "flow": flow, "config": config}})
    assert answer.status_code == 201


async def test_a_new_platform_is_well(bench: Bench) -> None:
    checks = await examine(bench)
    assert ([*checks], [check["ok"] for check in checks.values()]) == (NAMES, [True] * len(NAMES))
    assert [check["detail"] for check in checks.values()] == [
        "0 stored",
        "all written",
        "paid: 10,000 subrequests per run, sandboxes for components of the bucket and cpu_ms above 200",
        "below four fifths of every quota: acr usage",
        "none: there are the built-in components, and those of the bucket",
        "0 stored, all readable",
    ]


async def test_paused_workflows_are_counted_and_a_pause_of_all_is_told(bench: Bench) -> None:
    await push(bench, "a")
    await push(bench, "b")
    async with build_client(bench.service) as client:
        await client.post("/webhooks/named/a/pause")
        assert (await examine(bench))["workflows"]["detail"] == "2 stored, 1 of them paused"
        await client.post("/webhooks/pause")
    check = (await examine(bench))["workflows"]
    assert (check["ok"], check["warns"], check["hint"]) == (True, True, "acr resume --all")
    assert check["detail"] == "2 stored; all are paused: nothing starts a run"


async def test_workflows_in_an_earlier_format_are_named(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await push(bench, "old")
    await push(bench, "older")
    monkeypatch.setattr("executor.account.checks.PLAN_FORMAT", 10**6)
    check = (await examine(bench))["workflows"]
    assert (check["ok"], check["hint"]) == (False, "acr upgrade FILE, then acr push FILE")
    assert check["detail"].startswith("Stored in an earlier format: old, older. They run")


@pytest.mark.parametrize(("count", "said"), [(1, "1 run record could"), (12, "12 run records could")])
async def test_unwritten_records_are_reported(bench: Bench, count: int, said: str) -> None:
    bench.service.runs.unwritten.add(count, "Workers KV failed: SQLITE_FULL.")
    check = (await examine(bench))["records"]
    assert (check["ok"], "df -h" in check["hint"]) == (False, True)
    assert check["detail"].startswith(f"{said} not be written, the last at ")
    assert check["detail"].endswith("Z: Workers KV failed: SQLITE_FULL.")


@pytest.mark.parametrize(
    ("limits", "has_sandbox", "said", "hint"),
    [
        pytest.param(
            RunLimits(50, is_free=True),
            False,
            "free: 10 ms of CPU time (else CPU_BUDGET) and 50 subrequests per run; no sandboxes: components of the "
            "bucket and cpu_ms above 200",
            "",
            id="free",
        ),
        pytest.param(
            RunLimits(),
            False,
            "The executor assumes the paid plan, but has no Worker Loader (SANDBOX_UNAVAILABLE).",
            "On the free plan: acr deploy --free-plan. On the paid plan: acr deploy",
            id="paid, without sandboxes",
        ),
    ],
)
async def test_the_plan_that_is_assumed(
    bench: Bench, limits: RunLimits, has_sandbox: bool, said: str, hint: str
) -> None:
    check = (await examine(limited(bench, limits, has_sandbox=has_sandbox)))["plan"]
    assert (check["ok"], check["detail"], check["hint"]) == (not hint, said, hint)


@pytest.mark.parametrize(("share", "is_well"), [(0.79, True), (0.8, False)])
async def test_a_nearly_used_up_quota_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, share: float, is_well: bool
) -> None:
    bench = limited(bench, RunLimits(50, is_free=True))
    measured = {"rows": int(share * FREE_ROWS_WRITTEN), "runs": 0, "indexed": 0, "pruned": 0, "requests": 0}

    async def measure() -> list[Mapping[str, int]]:
        return [{**measured, "exports": 0, "bytes": 0, "most_bytes": 1}]

    monkeypatch.setattr(bench.service.runs, "measure", measure)
    check = (await examine(bench))["usage"]
    assert (check["ok"], "of 100,000" in check["detail"], "record: errors" in check["hint"]) == (
        is_well,
        not is_well,
        not is_well,
    )


class Registry:
    def __init__(self, *answers: Any) -> None:
        self.answers = answers

    async def ask(self, path: str, _query: Mapping[str, str]) -> tuple[int, Any]:
        answer = self.answers[path == "/health"]
        if isinstance(answer, Exception):
            raise answer
        status, found = answer
        return status, found


WELL = (200, {"success": True, "data": {"components": []}})
DOWN = ComponentError(
    "The registry could not be reached: no.", code="REGISTRY_UNAVAILABLE", next_actions=["Try again."]
)


@pytest.mark.parametrize(
    ("registry", "detail", "hint"),
    [
        pytest.param(
            Registry(WELL, (200, {"ok": True, "version": __version__})),
            f"accepts the executor's key; version {__version__}",
            "",
            id="well",
        ),
        pytest.param(
            Registry(WELL, (200, {"ok": True, "version": "0.0.9"})),
            f"The registry is version 0.0.9, the executor {__version__}.",
            "acr deploy",
            id="another version",
        ),
        pytest.param(
            Registry((401, {"error": {"code": "UNAUTHORIZED"}}), None),
            "REGISTRY_UNAVAILABLE: The registry answered the executor 401, UNAUTHORIZED.",
            "acr deploy",
            id="another key",
        ),
        pytest.param(
            Registry((502, ["what"]), None),
            "REGISTRY_UNAVAILABLE: The registry answered the executor 502.",
            "acr deploy",
            id="something else",
        ),
        pytest.param(
            Registry(DOWN, None),
            "REGISTRY_UNAVAILABLE: The registry could not be reached: no.",
            "Try again.",
            id="not there",
        ),
    ],
)
async def test_the_registry_that_the_executor_uses(bench: Bench, registry: Registry, detail: str, hint: str) -> None:
    bench.service.components.resolver.registry = registry  # type: ignore[assignment]
    check = (await examine(bench))["registry binding"]
    assert (check["ok"], check["detail"], check["hint"]) == (not hint, detail, hint)


async def test_a_credential_that_the_key_does_not_decrypt(bench: Bench) -> None:
    bench.store_credential("crm", "s3cret")
    bench.store_credential("mail", "s3cret")
    assert (await examine(bench))["credentials"]["detail"] == "2 stored, all readable"
    bench.credentials.upload("cred:plain", "s3cret in the clear")
    check = (await examine(bench))["credentials"]
    assert not check["ok"]
    assert check["detail"].startswith("CREDENTIAL_UNREADABLE: The executor's encryption key does not decrypt 1 of 3")
    assert "s3cret" not in json.dumps(check)
    assert "plain" not in json.dumps(check)  # whoever may only read is told no names


async def test_only_so_many_credentials_are_looked_at(bench: Bench) -> None:
    for number in range(MAX_CHECKED_CREDENTIALS + 1):
        bench.store_credential(f"c{number:03}", "s")
    assert (await examine(bench))["credentials"]["detail"] == (
        f"{MAX_CHECKED_CREDENTIALS + 1} stored, all of the first {MAX_CHECKED_CREDENTIALS} readable"
    )


async def test_a_check_that_fails_hides_no_other(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail() -> Any:
        raise UpstreamError("Workers KV failed.", code="STORAGE_FAILED", next_actions=["df -h"])

    monkeypatch.setattr(bench.service.workflows, "list_all", fail)
    monkeypatch.setattr(bench.service.runs, "measure", fail)
    checks = await examine(bench)
    assert ([*checks], [name for name, check in checks.items() if not check["ok"]]) == (NAMES, ["workflows", "usage"])
    assert (checks["usage"]["detail"], checks["usage"]["hint"]) == ("STORAGE_FAILED: Workers KV failed.", "df -h")
