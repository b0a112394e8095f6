"""Operations of runs: each once for its call, whatever is tried again, in loops, rounds, workflows that are called,
undos, replays and durable runs that a crash has cut off; and what they are refused.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from simulation.acceptance import until_end
from simulation.world import Isolate

from arcrun.errors import UpstreamError
from arcrun.limits import SUBREQUESTS_PAID
from arcrun.store.protocol import scope_of_shared, scope_of_workflow
from executor.durable.run_workflow import run_workflow
from fakes.accepted import trigger
from fakes.components import exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances
from fakes.ports.stores import STORE_CONTRACT, AskStore
from fakes.tenants import build_hosted
from fakes.workflows import ADA

pytestmark = pytest.mark.anyio

COUNT = {"component": "store", "op": "increment", "key": "n"}
RETRY = {"max_attempts": 4, "initial_ms": 10, "jitter": 0}
ONE = {"name": "w", "flow": ["input >> PIPE >> a"], "config": {"a": {**COUNT, "retry": RETRY}}}
OWN = scope_of_workflow("w")


class Shaky:
    """Fails as long as `is_down`."""

    is_down = True

    def __call__(self, stdin: str) -> Any:
        down = {"success": False, "error": {"code": "DOWN", "message": "It is down."}}
        return exited(down if self.is_down else {"success": True, "data": {}})


@pytest.fixture
def asking() -> AskStore:
    return AskStore()


@pytest.fixture
def shaky() -> Shaky:
    return Shaky()


@pytest.fixture
def bench(asking: AskStore, shaky: Shaky) -> Bench:
    return build_bench({"store": asking, "shaky": shaky}, FakeInstances(), {"store": STORE_CONTRACT})


async def run(bench: Bench, source: Mapping[str, Any], value: Any = None) -> Any:
    answer = await trigger(bench, source, value or {})
    return answer["data"] if answer["success"] else answer["error"]["code"]


def flow(*flow: str, name: str = "w", durable: bool = False, **config: Any) -> dict[str, Any]:
    return {"name": name, "flow": [*flow], "config": config, "durable": durable}


@pytest.mark.parametrize("failing", [1, 3])
async def test_attempts_share_an_operation(bench: Bench, asking: AskStore, failing: int) -> None:
    asking.failing = failing
    assert await run(bench, ONE) == {"value": 1}
    assert (asking.calls, await run(bench, ONE)) == (failing + 1, {"value": 2})


@pytest.mark.parametrize("lost", [1, 2, 3, 7])
async def test_an_answer_that_is_lost_is_asked_for_again(bench: Bench, asking: AskStore, lost: int) -> None:
    """Once by the same attempt, and by the next ones."""
    bench.store.wire.lost = lost
    assert await run(bench, ONE) == {"value": 1}
    assert asking.calls == 1 + lost // 2


async def test_a_store_that_does_not_answer_fails_the_node(bench: Bench) -> None:
    bench.store.wire.lost = 100
    assert await run(bench, ONE) == "STORE_FAILED"
    bench.store.wire.lost = 0
    assert await bench.store.read(OWN, "n") == 1


async def test_operations_of_one_call_are_told_apart(bench: Bench, asking: AskStore) -> None:
    asking.failing = 2
    ops = [{"op": "increment", "key": "n"}] * 3 + [{"op": "increment", "key": "n", "store": "s", "by": 5}]
    source = flow("input >> PIPE >> a", a={"component": "store", "ops": ops, "retry": RETRY})
    assert await run(bench, source) == [{"value": 1}, {"value": 2}, {"value": 3}, {"value": 5}]
    assert (await bench.store.read(OWN, "n"), await bench.store.read(scope_of_shared("s"), "n")) == (3, 5)


async def test_each_iteration_and_each_round_does_its_own(bench: Bench, asking: AskStore) -> None:
    asking.failing = 1
    source = flow(
        *("input >> FOREACH x IN input.list >> a", "input >> PIPE >> b"),
        a={**COUNT, "retry": RETRY},
        b={**COUNT, "key": "rounds", "retry": RETRY, "repeat": {"until": "b.data.value >= `4`", "max": 9}},
    )
    await run(bench, source, {"list": [1, 2, 3]})
    assert (await bench.store.read(OWN, "n"), await bench.store.read(OWN, "rounds")) == (3, 4)


async def test_a_workflow_that_is_called_has_its_own_store_and_calls(bench: Bench) -> None:
    await bench.service.push(flow("input >> PIPE >> a", name="inner", a=COUNT), ADA)
    call: Any = {"workflow": "inner", "input": {}}
    source = flow(
        *("input >> FOREACH x IN input.list >> a", "a >> CALLS_SUBFLOW >> one", "input >> CALLS_SUBFLOW >> two"),
        one=call,
        two=call,
        a=COUNT,
    )
    await run(bench, source, {"list": [1, 2]})
    assert await bench.store.read(scope_of_workflow("inner"), "n") == 3
    assert await bench.store.read(OWN, "n") == 2


async def test_an_undo_is_a_call_of_its_own(bench: Bench) -> None:
    source = flow(
        "input >> PIPE >> a", "a >> PIPE >> b", a={**COUNT, "undo": {**COUNT, "by": -1}}, b={"component": "shaky"}
    )
    assert await run(bench, source) == "DOWN"
    assert await bench.store.read(OWN, "n") == 0


async def test_once_only_across_runs(bench: Bench) -> None:
    source = flow("input >> PIPE >> a", a={"component": "store", "op": "add_once", "key": "{{input.id}}"})
    told = [await run(bench, source, {"id": each}) for each in ("x", "y", "x")]
    assert told == [{"is_new": True}, {"is_new": True}, {"is_new": False}]


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "accepted"])
@pytest.mark.parametrize("ends_at", range(1, 14))
async def test_a_crash_at_any_moment(bench: Bench, asking: AskStore, ends_at: int, durable: bool) -> None:
    source = flow("input >> PIPE >> a", "a >> PIPE >> b", durable=durable, a=COUNT, b={**COUNT, "store": "s"})
    run_id = (await trigger(bench, source, {}, "?async=1"))["run_id"]
    instances = bench.service.lasting.instances if bench.service.lasting else None
    assert isinstance(instances, FakeInstances)
    instance = instances.stored[run_id]
    isolate = Isolate(Random(1), ends_at, instance)
    going = run_workflow(bench.service, instances.params[run_id], isolate)
    await until_end(isolate, going)
    await instances.run(bench.service, run_id)
    assert (await bench.service.runs.find(run_id))["data"] == {"value": 1}
    assert (await bench.store.read(OWN, "n"), await bench.store.read(scope_of_shared("s"), "n")) == (1, 1)


@pytest.mark.parametrize("way", ["retry", "replay"])
async def test_a_replay_does_anew_what_it_does_not_take_over(bench: Bench, shaky: Shaky, way: str) -> None:
    source = flow("input >> PIPE >> a", "a >> PIPE >> b", a=COUNT, b={"component": "shaky"})
    origin = (await trigger(bench, source, {}))["run_id"]
    await bench.background.finish()
    shaky.is_down = False
    async with build_client(bench.service) as client:
        answer = await client.post(f"/runs/{origin}/{way}", json={})
    assert answer.json()["success"], answer.text
    assert await bench.store.read(OWN, "n") == (1 if way == "retry" else 2)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param({"op": "increase"}, "INVALID_REQUEST", id="an unknown operation"),
        pytest.param({"op": "get", "value": 1}, "INVALID_REQUEST", id="a field too many"),
        pytest.param({"op": "get", "store": ""}, "INVALID_REQUEST", id="no name"),
        pytest.param({"op": "get", "key": "k" * 513}, "STORE_KEY_TOO_LONG", id="a long key"),
        pytest.param({"op": "put", "value": "{{input.large}}"}, "STORE_VALUE_TOO_LARGE", id="a large value"),
    ],
)
async def test_refusals(bench: Bench, given: dict[str, Any], code: str) -> None:
    source = flow("input >> PIPE >> a", a={"component": "store", "key": "n", **given})
    assert await run(bench, source, {"large": "x" * 262_143}) == code


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"op": "put", "key": "k", "value": ["{{credential.canary}}"]}, id="a value"),
        pytest.param({"op": "add_once", "key": "of {{credential.canary}}"}, id="a key"),
        pytest.param({"op": "put", "key": "k", "value": "{{credential.canary | base64}}"}, id="encoded"),
    ],
)
async def test_no_secret_gets_into_a_store(bench: Bench, given: dict[str, Any]) -> None:
    bench.store_credential("canary", "c4n4ry-of-the-store")
    assert await run(bench, flow("input >> PIPE >> a", a={"component": "store", **given})) == "STORE_SECRET"
    assert (await bench.store.list_stores("", 10))[0] == []


async def test_a_run_that_has_read_a_secret_may_store_what_is_none(bench: Bench) -> None:
    bench.store_credential("canary", "c4n4ry-of-the-store")
    reader = {"component": "store", "op": "get", "key": "{{credential.canary}}"}
    source = flow(
        "input >> PIPE >> a",
        "a >> ON_FAIL >> b",
        a=reader,
        b={"component": "store", "op": "put", "key": "k", "value": "plain"},
    )
    assert await run(bench, source) == {"was_there": False}


async def test_outside_of_a_run_there_is_none(bench: Bench) -> None:
    outcome = await bench.service.execute_component("store", {"op": "get", "key": "n"})
    assert outcome.error is not None
    assert outcome.error.code == "STORE_UNAVAILABLE"


async def test_operations_are_subrequests(bench: Bench) -> None:
    source = flow("input >> PIPE >> a", a={"component": "store", "ops": "{{input.ops}}"})
    assert await run(bench, source, {"ops": [{"op": "increment", "key": "n"}] * SUBREQUESTS_PAID}) == "SUBREQUEST_LIMIT"


async def test_tenants_have_objects_of_their_own() -> None:
    bench = await build_hosted({"store": AskStore()}, "a", "b", contracts={"store": STORE_CONTRACT})
    counted = {**COUNT, "store": "shared"}
    source = flow("input >> PIPE >> a", a=counted)
    for letter in ("a", "a", "b"):
        answer = await bench.ask("POST", "/execute", bench.keys[letter], {"workflow": source, "input": {}})
        assert answer.json()["success"], answer.text
    values = [await store.read(scope_of_shared("shared"), "n") for store in bench.stores.values()]
    assert sorted(values) == [1, 2]
    assert {store.tenant for store in bench.stores.values()} == {*bench.stores}


async def test_an_error_of_the_store_s_own_is_not_the_platform_s(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> bytes:
        raise UpstreamError("The keys cannot be read.", code="OBJECT_UNAVAILABLE")

    monkeypatch.setattr(bench.store.tables._sealer, "open", fail)
    assert await run(bench, ONE) == "STORE_FAILED"
