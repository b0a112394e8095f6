"""acr replay and acr retry: one run, and many by a filter."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from acr.commands import retry as retrying
from arcrun.wasm.abi import Execution
from fakes.command_line import CommandBench
from fakes.components import echo, exited
from fakes.executor import build_bench

WORKFLOW = {
    "name": "orders",
    "flow": ["input >> PIPE >> a", "a >> PIPE >> b"],
    "config": {
        "a": {"component": "tell", "text": "{{input.text}}"},
        "b": {"component": "shaky", "text": "{{a.data.text}}"},
    },
}
DOWN = exited({"success": False, "error": {"code": "DOWN", "message": "It is down."}})


class Shaky:
    def __init__(self) -> None:
        self.is_down, self.count = True, 0

    def __call__(self, stdin: str) -> Execution:
        self.count += 1
        return DOWN if self.is_down else echo(stdin)


@pytest.fixture
def shaky() -> Shaky:
    return Shaky()


@pytest.fixture
def commands(shaky: Shaky, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandBench:
    bench = CommandBench(build_bench({"tell": echo, "shaky": shaky}), monkeypatch, capsys)
    assert bench.send("POST", "/webhooks", {"workflow": WORKFLOW}).status_code == 201
    return bench


@pytest.fixture
def run(commands: CommandBench) -> Callable[..., str]:
    def start(text: str = "hi") -> str:
        run_id: str = commands.send("POST", "/webhooks/named/orders/trigger", {"text": text}).json()["run_id"]
        commands.bench.clock.advance(1_000)
        return run_id

    return start


def test_a_run_is_retried_and_the_trace_says_what_was_taken_over(
    commands: CommandBench, shaky: Shaky, run: Callable[..., str]
) -> None:
    origin = run()
    shaky.is_down = False
    result = commands.run("retry", origin[:20])
    assert (result.code, json.loads(result.out)) == (0, {"text": "hi"})
    assert "taken over" in result.err
    assert f"a replay of {origin}" in result.err
    shown = commands.run("logs", origin)
    assert "It was retried by 0" in shown.out
    again = commands.run("retry", origin)
    assert (again.code, "RUN_RETRIED" in again.err or "was retried already" in again.err) == (1, True)
    forced = commands.run("retry", origin, "--force", "--json")
    assert (forced.code, forced.answer["replay_of"]) == (0, origin)
    assert f"It replays {origin}" in commands.run("logs", forced.answer["run_id"]).out
    replays = commands.run("logs", "--trigger", "replay").out
    assert ("replay of" in replays.splitlines()[0], replays.count(origin)) == (True, 2)
    assert "replay of" not in commands.run("logs", "--trigger", "name").out


def test_a_run_is_replayed_with_another_input_from_a_node(
    commands: CommandBench, shaky: Shaky, run: Callable[..., str]
) -> None:
    shaky.is_down = False
    origin = run()
    whole = commands.run("replay", origin, "--input", '{"text": "ho"}', "--version", "current", "--json")
    assert (whole.code, whole.answer["data"]) == (0, {"text": "ho"})
    part = commands.run("replay", origin, "--from", "b", "--version", "1", "--json")
    assert [entry.get("taken_over") for entry in part.answer["trace"]] == [True, None]
    told = commands.run("replay", origin, "--from", "b", "--dry-run")
    assert told.out.splitlines() == ["orders, version 1", "taken over: a", "would run: b"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["replay", "{run}", "--version", "newest"], 2, "neither original nor current", id="version"),
        pytest.param(["replay", "{run}", "--from", "z"], 1, "There is no node `z`", id="node"),
        pytest.param(["replay", "{run}", "--input", "{{"], 2, "not JSON", id="input"),
        pytest.param(["replay", "orders"], 1, "is no run's id", id="a workflow's name"),
        pytest.param(["retry"], 2, "Say which runs", id="no run"),
        pytest.param(["retry", "{run}", "--workflow", "orders"], 2, "Either RUN", id="a run and a filter"),
        pytest.param(["retry", "--workflow", "orders", "--status", "success"], 2, "is not one of", id="a status"),
    ],
)
def test_what_is_refused(
    commands: CommandBench, run: Callable[..., str], arguments: list[str], code: int, said: str
) -> None:
    origin = run()
    result = commands.run(*(each.replace("{run}", origin) for each in arguments))
    assert (result.code, said in result.err) == (code, True), result


def test_many_are_retried_once_each_the_oldest_first(
    commands: CommandBench, shaky: Shaky, run: Callable[..., str]
) -> None:
    origins = [run(), run(), run()]
    planned = commands.run("retry", "--workflow", "orders", "--dry-run", "--json").answer["data"]
    assert [(each["run_id"], each["runs"]) for each in planned["runs"]] == [(origin, ["b"]) for origin in origins]
    assert shaky.count == 3
    shaky.is_down = False
    told = commands.run("retry", "--workflow", "orders", "--json")
    runs = told.answer["data"]["runs"]
    assert (told.code, [each["run_id"] for each in runs]) == (0, origins)
    assert {each["status"] for each in runs} == {"success"}
    assert len({each["retry"] for each in runs}) == 3
    nothing = commands.run("retry", "--workflow", "orders")
    assert (nothing.code, "no run to retry" in nothing.err, shaky.count) == (0, True, 6)


def test_a_retry_that_fails_is_retried_in_its_place(
    commands: CommandBench, shaky: Shaky, run: Callable[..., str]
) -> None:
    run()
    first = commands.run("retry", "--workflow", "orders", "--json")
    shaky.is_down = False
    second = commands.run("retry", "--workflow", "orders", "--json")
    assert (first.code, second.code, shaky.count) == (1, 0, 3)
    [failed], [retried] = first.answer["data"]["runs"], second.answer["data"]["runs"]
    assert (failed["status"], retried["run_id"]) == ("failed", failed["retry"])


def test_a_table_says_what_is_left(
    commands: CommandBench, run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "MAX_RETRIED_RUNS", 2)
    origins = [run(), run(), run()]
    result = commands.run("retry", "--since", "2020-01-01", "--dry-run")
    assert [origin in result.out for origin in origins] == [True, True, False]
    assert "1 more are left" in result.err


def test_a_refusal_of_one_does_not_stop_the_others(
    commands: CommandBench, shaky: Shaky, run: Callable[..., str]
) -> None:
    commands.send("POST", "/execute", {"workflow": WORKFLOW, "input": {"text": "hi"}})
    commands.bench.clock.advance(1_000)
    origin = run()
    shaky.is_down = False
    result = commands.run("retry", "--workflow", "orders", "--json")
    told: list[dict[str, Any]] = result.answer["data"]["runs"]
    assert (result.code, [each["status"] for each in told], told[1]["run_id"]) == (1, ["refused", "success"], origin)
    assert told[0]["error"]["code"] == "REPLAY_NOT_POSSIBLE"
