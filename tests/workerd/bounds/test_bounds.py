"""Proves that no request blocks the isolate for long or exhausts its memory: with this machine's clock, and with
production's, which stands still while code computes.
"""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from arcrun.limits import MIB
from fakes.contracts import contract_source
from fixtures import modules
from workerd.heavy_requests import PIPE, SECRETS, HeavyRequest, heavy_requests
from workerd.held import Held, Watch
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = [pytest.mark.workerd, pytest.mark.quiet]

MOST_HELD_MS, MOST_GROWN_MIB, MOST_GROWN_BY_BODIES_MIB = 250, 50, 150
SET_ONE = {"component": "set", "values": {"x": 1}}
RECORDS = [{"id": i, "name": f"n{i}", "tags": ["a", "b"]} for i in range(20_000)]
ROUNDS = 3  # at least one is not disturbed by other work on the machine or the garbage collector


@pytest.fixture(scope="module", params=["own clock", "production clock"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    options = ["--production-clock"] if request.param == "production clock" else []
    with running_platform(tmp_path_factory.mktemp("bounds"), *options) as running:
        credentials = running.folder / "credentials.yaml"
        credentials.write_text(json.dumps(SECRETS))
        credentials.chmod(0o600)
        pushed = running.acr("creds", "push", "--file", str(credentials))
        assert pushed.returncode == 0, pushed.stderr
        yield running


@pytest.fixture(scope="module")
def watch(platform: LocalPlatform) -> Watch:
    return Watch(platform.urls["executor"], platform.process.pid)


@pytest.mark.parametrize("heavy", [pytest.param(heavy, id=heavy.name) for heavy in heavy_requests()])
def test_nobody_waits_long_for_it(platform: LocalPlatform, watch: Watch, heavy: HeavyRequest) -> None:
    codes = []

    def work() -> None:
        with platform.executor as client:
            answer = client.post(
                "/execute", params=heavy.query, json={"workflow": heavy.workflow, "input": heavy.input}
            )
            codes.append(answer.json().get("error", {}).get("code"))

    rounds = list[Held]()
    while len(rounds) < ROUNDS and not any(map(_is_bounded, rounds)):
        rounds.append(watch.during(work))
    for held in rounds:
        print(f"held {held.longest_ms:.0f} ms, grown {held.grown_mib:.0f} MiB")
    assert set(codes) == {heavy.code}
    assert _is_bounded(rounds[-1]), rounds


def test_nobody_waits_for_the_turns_of_many(platform: LocalPlatform, watch: Watch) -> None:
    """Eight requests repeatedly do 50 ms of work each: one of them runs at a time, then requests that have arrived."""
    conditions = [f"input >> IF(length(input.list[?@ == `{i}`]) > `0`) >> n{i}" for i in range(4)]
    config = {f"n{i}": {"component": "set", "values": {"x": 1}} for i in range(4)}
    body = {"workflow": {"name": "w", "flow": conditions, "config": config}, "input": {"list": list(range(5_000))}}

    def ask(_: int) -> bool:
        with platform.executor as client:
            return bool(client.post("/execute", json=body).json()["success"])

    def work() -> None:
        with ThreadPoolExecutor(8) as callers:
            assert all(callers.map(ask, range(8)))

    rounds = list[Held]()
    while len(rounds) < ROUNDS and not any(map(_is_bounded, rounds)):
        rounds.append(watch.during(work))
    assert _is_bounded(rounds[-1]), rounds


def test_the_first_calls_of_a_component_have_stretches_of_their_own(tmp_path: Path) -> None:
    """Without them eight calls of 70 ms that wait for one import would continue together, and block it for 560 ms."""
    slow = {"allOf": [{"pattern": "(a?){90}b"}, {"pattern": "(a?){89}b"}]}
    check = {"component": "validate_json", "value": "{{input.text}}", "schema": slow}
    config = {"a": check, "input": {"foreach": {"concurrency": 8, "on_error": "continue"}}}
    workflow = {"name": "w", "flow": ["input >> FOREACH x IN input.items >> a"], "config": config}
    found: list[float] = []
    while not found or (min(found) > MOST_HELD_MS and len(found) < 4):  # what else the machine does only adds to it
        with running_platform(tmp_path / str(len(found))) as platform, platform.executor as client:

            def work(client: httpx.Client = client) -> None:
                body = {"workflow": workflow, "input": {"items": list(range(8)), "text": "a" * 15_000}}
                assert client.post("/execute", json=body).json()["data"] == [None] * 8

            found.append(Watch(platform.urls["executor"], platform.process.pid).during(work).longest_ms)
    assert min(found) <= MOST_HELD_MS, found


AT_ONCE = 12


@pytest.mark.parametrize(
    "value", [pytest.param("x" * (4 * MIB - 500), id="a text"), pytest.param(RECORDS, id="records")]
)
def test_large_bodies_at_once_are_worked_on_in_turn(platform: LocalPlatform, watch: Watch, value: Any) -> None:
    body = json.dumps({"workflow": {"name": "w", "flow": PIPE, "config": {"a": SET_ONE}}, "input": {"value": value}})
    codes = []

    def send() -> None:
        with platform.executor as client:
            codes.append(client.post("/execute", content=body).json().get("error", {}).get("code"))

    def work() -> None:
        threads = [threading.Thread(target=send) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    rounds = list[Held]()
    while len(rounds) < ROUNDS and not any(held.longest_ms <= MOST_HELD_MS for held in rounds):
        rounds.append(watch.during(work))
    for held in rounds:
        print(f"held {held.longest_ms:.0f} ms, grown {held.grown_mib:.0f} MiB")
    assert set(codes) == {None}
    assert rounds[-1].longest_ms <= MOST_HELD_MS, rounds
    assert rounds[-1].grown_mib <= MOST_GROWN_BY_BODIES_MIB, rounds


def _is_bounded(held: Held) -> bool:
    return held.longest_ms <= MOST_HELD_MS and held.grown_mib <= MOST_GROWN_MIB


HOSTILE_RULES = [
    pytest.param("strange_alternatives", {"pattern": "^(x|x)*$"}, "x" * 300 + "y", id="doubled alternatives"),
    pytest.param("strange_repetitions", {"pattern": "x*x*x*x*x*$"}, "x" * 300 + "y", id="five repetitions"),
    pytest.param(
        "strange_unique", {"uniqueItems": True}, [k * (2**31 - 1) for k in range(12_000)], id="numbers of one hash"
    ),
    pytest.param(
        "strange_items", {"items": {"anyOf": [{"type": "string"}] * 400}}, [1] * 30_000, id="many alternatives"
    ),
]


@pytest.mark.parametrize(("name", "rule", "value"), HOSTILE_RULES)
def test_nobody_waits_for_the_rules_of_a_strange_contract(
    platform: LocalPlatform, watch: Watch, name: str, rule: dict[str, Any], value: Any
) -> None:
    schema = {"type": "object", "properties": {"p": rule}}
    module = modules.build_module(modules.printing('{"success":true,"data":1}'))
    platform.put_component(module, contract_source(canonical_id=name, input_schema=schema))
    workflow = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {"component": name, "p": "{{input.p}}"}}}

    def work() -> None:
        with platform.executor as client:
            answer = client.post("/execute", json={"workflow": workflow, "input": {"p": value}})
            assert answer.json().get("error", {}).get("code") in (None, "INVALID_INPUT", "INVALID_CONTRACT"), (
                answer.text
            )

    rounds = list[Held]()
    while len(rounds) < ROUNDS and not any(map(_is_bounded, rounds)):
        rounds.append(watch.during(work))
    assert _is_bounded(rounds[-1]), rounds
