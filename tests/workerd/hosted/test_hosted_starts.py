"""Proves on the real Workers that workflows of tenants start by themselves: by schedules, failures, successes and
messages, each its own; exactly once, whatever is killed; not delayed by the flood of another; sealed, and gone with the
tenant.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from acr.targets.local_mail import LocalMail
from fakes.cloudflare_rest.api import CloudflareApiStandIn, served
from workerd.durable.soak import kill
from workerd.durable.test_at_rest import find
from workerd.durable.test_mail import build_message
from workerd.hosted.test_hosted_runs import Tenants, list_blobs, read_objects
from workerd.hosted.test_tenants import TenantDesk, TwoTenants
from workerd.local_platform import LocalPlatform

pytestmark = pytest.mark.workerd

FLOOD, EACH = 15, 20
LARGE = bytes(range(256)) * 2_000
CANARY = "st4rt-canary"
TELL = {"told": {"component": "set", "values": {"input": "{{input}}", "trigger": "{{request.trigger}}"}}}
FAIL = {"fail": {"component": "number_ops", "operation": "divide", "input": 1, "value": "{{input.by}}"}}


def telling(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "flow": ["input >> PIPE >> told"], "config": TELL, **more}


def scheduled(name: str, *schedules: dict[str, Any]) -> dict[str, Any]:
    return telling(name, triggers={"schedule": [*schedules]})


@pytest.fixture
def tenants(tmp_path: Path) -> Iterator[Tenants]:
    cloudflare = CloudflareApiStandIn()
    with served(cloudflare) as base_url:
        yield Tenants(cloudflare, base_url, tmp_path)


@contextmanager
def running(tenants: Tenants) -> Iterator[tuple[TwoTenants, LocalPlatform]]:
    with tenants.running(TENANT_SCHEDULES="400", TENANT_STARTS_A_MINUTE="1000") as platform:
        two = tenants.view(platform)
        yield two, platform
        two.hosted.executor.close()


def register(two: TwoTenants) -> None:
    for desk in (two.a, two.b):
        desk.api_key = two.register(desk)


def push(two: TwoTenants, desk: TenantDesk, source: dict[str, Any]) -> dict[str, Any]:
    answer = two.ask("POST", "/webhooks", desk, {"workflow": source})
    assert answer.status_code == 201, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def list_runs(two: TwoTenants, desk: TenantDesk, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = two.ask("GET", f"/runs?limit=100{query}{cursor}", desk)
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        found += data["runs"]
        if data["cursor"] is None:
            return found
        cursor = f"&cursor={quote(data['cursor'])}"


def until_ended(
    two: TwoTenants, desk: TenantDesk, query: str, count: int, within_s: float = 60
) -> list[dict[str, Any]]:
    """The records of runs that have succeeded."""
    deadline_s = time.monotonic() + within_s
    while True:
        runs = list_runs(two, desk, query)
        if sum(run["status"] == "success" for run in runs) >= count:
            break
        assert time.monotonic() < deadline_s, runs
        time.sleep(0.5)
    return [two.ask("GET", f"/runs/{run['run_id']}", desk).json()["data"] for run in runs]


def soon(seconds: float) -> datetime:
    """The first whole minute that is so far away."""
    return (datetime.now(UTC) + timedelta(seconds=seconds + 60)).replace(second=0, microsecond=0)


def sleep_until(moment: datetime, two: TwoTenants) -> None:
    """The connection is kept in use, for the server closes one that is idle."""
    while (left_s := moment.timestamp() - time.time()) > 0:
        time.sleep(min(left_s, 5))
        two.ask("GET", "/health", None)


def test_what_starts_by_itself_is_each_tenants_own_and_goes_with_it(tenants: Tenants) -> None:
    canaries = (CANARY, "canary_flow", "canary_alarm", "Europe/Berlin", "DIVISION_BY_ZERO")
    with running(tenants) as (two, platform):
        register(two)
        for letter, desk in tenants.desks.items():
            schedule = {"cron": "* * * * *", "zone": "Europe/Berlin", "input": {"of": f"{CANARY} {letter}"}}
            push(two, desk, scheduled("canary_flow", schedule))
            push(two, desk, telling("canary_after", triggers={"after": ["canary_flow", "orders"]}))
            push(two, desk, telling("canary_alarm", triggers={"failure_of": "*"}))
        orders = push(two, two.a, telling("orders"))
        broken = push(two, two.a, {"name": "broken", "flow": ["input >> PIPE >> fail"], "config": FAIL})
        mails = {
            letter: push(two, desk, telling("mails", triggers={"email": {}})) for letter, desk in tenants.desks.items()
        }
        answered = two.trigger(orders["token"], {"n": 1}).json()
        failed = two.trigger(broken["token"], {"by": 0}).json()
        assert (answered["success"], failed["success"]) == (True, False)
        mail = LocalMail(platform.urls["cloudflare-api"])
        for _ in range(2):
            assert mail.deliver("ada@example.org", mails["b"]["email_address"], build_message(CANARY, LARGE)) is None
        wrong = mails["a"]["email_address"].replace("mails+", "orders+")
        assert "no such address" in (mail.deliver("ada@example.org", wrong, build_message("x")) or "")
        [followed] = [
            each
            for each in until_ended(two, two.a, "&trigger=after", 1)
            if each["data"]["trigger"]["workflow"] == "orders"
        ]
        [alarm] = until_ended(two, two.a, "&trigger=failure", 1)
        [message] = until_ended(two, two.b, "&trigger=email", 1)
        ticks = {letter: until_ended(two, desk, "&trigger=schedule", 1, 90) for letter, desk in tenants.desks.items()}
        chained = until_ended(two, two.b, "&trigger=after", 1)
        attached = two.ask("GET", f"/runs/{message['run_id']}/attachments/1", two.b)
        others = two.ask("GET", f"/runs/{message['run_id']}/attachments/1", two.a)
        _use_the_commands(platform, two)
        kept = {text: find(platform, text) for text in canaries}
        assert [key for key in list_blobs(platform) if message["run_id"] in key]
        sealed = [value for rows in read_workspaces(platform).values() for row in rows for value in map(str, row)]
        sealed = [value[40:110] for value in sealed if "encrypted" in value or "sealed" in value]
        assert all(find(platform, text) for text in sealed)
        for desk in tenants.desks.values():
            assert two.hosted.ask("DELETE", "/me", desk.api_key).status_code == 200
        time.sleep(5)
        left = read_workspaces(platform)
        gone = mail.deliver("ada@example.org", mails["b"]["email_address"], build_message("later"))
        deadline_s = time.monotonic() + 20
        while list_blobs(platform) or any(find(platform, text) for text in sealed):
            assert time.monotonic() < deadline_s, list_blobs(platform)
            time.sleep(0.5)
    assert followed["data"]["input"] == answered["data"]
    assert followed["data"]["trigger"]["run_id"] == answered["run_id"]
    told = alarm["data"]["input"]
    assert (told["workflow"], told["run_id"], told["node"], told["error"]["code"]) == (
        *("broken", failed["run_id"], "fail"),
        "DIVISION_BY_ZERO",
    )
    assert told["error"]["message"]
    assert message["data"]["input"]["subject"] == CANARY
    assert (attached.content, others.status_code) == (LARGE, 404)
    for letter, runs in ticks.items():
        assert {run["data"]["input"]["of"] for run in runs} == {f"{CANARY} {letter}"}
    assert chained[0]["data"]["input"]["input"] == {"of": f"{CANARY} b"}
    assert not any(kept.values()), kept
    assert len(sealed) > 10
    assert {table for table, rows in left.items() if rows} == {"schema", "workspace"}
    assert "no such address" in (gone or "")


def _use_the_commands(platform: LocalPlatform, two: TwoTenants) -> None:
    environment = {"ARCRUN_API_KEY": two.a.api_key}
    assert "canary_flow" in platform.acr("schedule", "list", **environment).stdout
    assert platform.acr("schedule", "next", "canary_flow", **environment).returncode == 0
    assert "paused" in platform.acr("schedule", "pause", "canary_flow", **environment).stdout
    resumed = platform.acr("schedule", "resume", "canary_flow", **environment)
    assert resumed.returncode == 0, resumed.stderr
    ran = platform.acr("schedule", "run", "canary_flow", **environment)
    assert ran.returncode == 0, ran.stderr
    shown = platform.acr("show", "mails", **environment)
    assert "mails+" in shown.stderr, shown.stderr
    assert "canary_flow" in platform.acr("list", **environment).stdout
    file = platform.folder / "message.eml"
    file.write_bytes(build_message("by command"))
    delivered = platform.acr("trigger", "email", str(file), "--workflow", "mails", **environment)
    assert (delivered.returncode, len(delivered.stdout.strip())) == (0, 26), delivered.stderr


def read_workspaces(platform: LocalPlatform) -> dict[str, list[Any]]:
    """The rows of all Workspaces, by table."""
    return read_objects(platform, "Workspace")


def test_a_flood_of_one_does_not_delay_another_and_all_start_once_whatever_is_killed(tenants: Tenants) -> None:
    with running(tenants) as (two, platform):
        register(two)
        due = soon(30)
        moment = {"at": f"{due:%Y-%m-%dT%H:%M}", "overlap": "allow", "jitter": "0s"}
        for number in range(FLOOD):
            push(two, two.a, scheduled(f"flood-{number}", *[moment] * EACH))
        push(two, two.b, scheduled("lone", {"at": moment["at"]}))
        assert datetime.now(UTC) < due
        sleep_until(due, two)
        [lone] = until_ended(two, two.b, "", 1, 20)
        assert list_runs(two, two.b, "&workflow=lone")[0]["run_id"] == lone["run_id"]
        kill(platform)
    with running(tenants) as (two, platform):
        for desk in tenants.desks.values():
            assert two.ask("POST", "/runs/resume", desk).status_code == 200
        flooded = until_ended(two, two.a, "", FLOOD * EACH, 120)
        time.sleep(3)  # for what would begin twice
        assert (len(list_runs(two, two.a)), len(list_runs(two, two.b))) == (FLOOD * EACH, 1)
    assert lone["data"]["trigger"]["delay_ms"] < 5_000
    began = datetime.fromisoformat(lone["started_at"]).timestamp()
    assert began - due.timestamp() < 5
    assert {run["status"] for run in flooded} == {"success"}
