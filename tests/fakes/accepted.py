"""What tests of accepted runs start, and a component that counts its calls."""

import json
from collections.abc import Mapping
from typing import Any

from arcrun.wasm.abi import Execution
from fakes.components import echo
from fakes.executor import Bench, build_client
from fakes.workflows import ADA


class Calls:
    """A component that reaches outside, and how often it was called."""

    def __init__(self) -> None:
        self.inputs: list[Any] = []

    def __call__(self, stdin: str) -> Execution:
        self.inputs.append(json.loads(stdin))
        return echo(stdin)


async def trigger(bench: Bench, source: Mapping[str, Any], body: Any, query: str = "") -> dict[str, Any]:
    token = (await bench.service.push(source, ADA)).stored.token
    async with build_client(bench.service) as client:
        answer = await client.post(f"/webhooks/{token}/trigger{query}", json=body)
    return {"status": answer.status_code, **answer.json()}
