"""Proves that the reminders which docs/language.md shows remind until somebody has decided, and no longer."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from fakes.accepted import Calls, trigger
from fakes.components import exited
from fakes.executor import Bench, build_bench, build_client
from fakes.instances import FakeInstances

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
WAITS = ("wait", "approve")
NAMES = (*WAITS, "set", "http_request")
CONTRACTS = {name: yaml.safe_load((ROOT / f"components/{name}/contract.yaml").read_text()) for name in NAMES}
DAY_S = 24 * 3_600
LANGUAGE = (ROOT / "docs/language.md").read_text(encoding="utf-8")
[TEXT] = [text for text in re.findall(r"```yaml\n(.*?)```", LANGUAGE, re.DOTALL) if text.startswith("name: expense\n")]


class Values:
    """As the component `set`."""

    def __call__(self, stdin: str) -> Any:
        return exited({"success": True, "data": json.loads(stdin)["values"]})


@pytest.fixture
def mails() -> Calls:
    return Calls()


@pytest.fixture
def instances() -> FakeInstances:
    return FakeInstances()


@pytest.fixture
def bench(mails: Calls, instances: FakeInstances) -> Bench:
    behaviours: dict[str, Any] = {"http_request": mails, "set": Values(), **dict.fromkeys(WAITS, exited({}))}
    return build_bench(behaviours, instances, CONTRACTS)


async def begin(bench: Bench, instances: FakeInstances) -> tuple[str, "asyncio.Future[Any]"]:
    accepted = await trigger(bench, yaml.safe_load(TEXT), {"amount": 120, "name": "Ada"})
    assert accepted["status"] == 202, accepted
    run_id = accepted["run_id"]
    return run_id, asyncio.ensure_future(instances.run(bench.service, run_id))


def links_in(mails: Calls) -> list[str]:
    return [re.findall(r"https://\S+", given["body_json"]["text"])[0] for given in mails.inputs]


async def test_reminders_have_the_same_link_and_end_with_the_decision(
    bench: Bench, instances: FakeInstances, mails: Calls
) -> None:
    run_id, work = await begin(bench, instances)
    await asyncio.sleep(2.5 * DAY_S)
    links = links_in(mails)
    assert (len(links), len({*links})) == (3, 1)
    async with build_client(bench.service) as client:
        answer = await client.post(links[0].removeprefix("https://arcrun.example"), data={"choice": "approve"})
    assert answer.status_code == 200, answer.text
    await asyncio.wait_for(work, 60)  # at once, though the third pause lasts
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["data"], len(mails.inputs)) == (
        "success",
        {"choice": "approve", "by": "boss"},
        3,
    )
    assert links[0].rpartition(".")[2] not in json.dumps(record) + bench.logs.stored


async def test_after_the_last_one_the_question_stays_open_until_its_timeout(
    bench: Bench, instances: FakeInstances, mails: Calls
) -> None:
    run_id, work = await begin(bench, instances)
    await asyncio.sleep(6.9 * DAY_S)
    assert (len(mails.inputs), work.done()) == (4, False)
    await asyncio.wait_for(work, DAY_S)
    record = await bench.service.runs.find(run_id)
    assert (record["status"], record["data"], len(mails.inputs)) == ("success", {"choice": "none"}, 4)
