"""What the engine gives to nodes of `code`: the source as it stands, and what makes a call exact when it is made again.

Proves: templates fill the input and leave the source; the seed is the node's and iteration's in the run; the record has
all but the source.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from fakes.builtins import read_contract_sources
from fakes.engine import RUN_ID, EngineBench, echo

pytestmark = pytest.mark.anyio

CONTRACTS = {"code": read_contract_sources()["code"]}
SOURCE = "return `{{${input.n}}}`"
NODE = {"component": "code", "source": SOURCE, "input": {"n": "{{input.n}}"}, "hosts": ["a.example.com"]}


def build_bench() -> EngineBench:
    return EngineBench({"code": echo}, contracts=CONTRACTS)


async def run_loop() -> list[Mapping[str, Any]]:
    bench = build_bench()
    node = {**NODE, "input": {"n": "{{item}}"}}
    await bench.run(["input >> FOREACH item IN input.items >> n"], {"items": [1, 2]}, config={"n": node})
    return [given["run"] for given in bench.inputs_of("code")]


async def test_templates_fill_the_input_and_leave_the_source() -> None:
    bench = build_bench()
    record = await bench.run(["input >> PIPE >> n"], {"n": 4}, config={"n": NODE})
    assert record.error is None
    [given] = bench.inputs_of("code")
    assert (given["source"], given["input"], given["hosts"]) == (SOURCE, {"n": 4}, ["a.example.com"])


async def test_each_call_of_a_run_has_its_seed_and_has_it_again() -> None:
    first, again = await run_loop(), await run_loop()
    assert first == again
    assert len({given["seed"] for given in first}) == 2
    assert all(RUN_ID not in given["seed"] for given in first)


async def test_an_author_may_give_a_seed() -> None:
    bench = build_bench()
    run = {"seed": "mine", "now_ms": 0}
    await bench.run(["input >> PIPE >> n"], {"n": 4}, config={"n": {**NODE, "run": run}})
    assert [given["run"] for given in bench.inputs_of("code")] == [run]


async def test_the_record_has_all_but_the_source() -> None:
    bench = build_bench()
    record = await bench.run(["input >> PIPE >> n"], {"n": 4}, config={"n": NODE})
    [entry] = record.trace
    assert isinstance(entry.input, Mapping)
    assert sorted(entry.input) == ["hosts", "input", "run"]
