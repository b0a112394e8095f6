"""A webhook whose workflow has a `response`, over the executor's fakes."""

import json
from typing import Any

import httpx

from fakes.components import echo, exited
from fakes.executor import Bench, build_bench, build_client
from fakes.workflows import ADA


def flow_with(response: Any, **webhook: Any) -> dict[str, Any]:
    """A workflow whose node answers the input's `text`, and fails if that is `fail`."""
    return {
        "name": "w",
        "flow": ["input >> PIPE >> node"],
        "config": {"node": {"component": "echo", "text": '{{input.text | default("")}}'}},
        **({} if response is None else {"response": response}),
        **({"triggers": {"webhook": webhook}} if webhook else {}),
    }


def build() -> Bench:
    def run(stdin: str) -> Any:
        if json.loads(stdin).get("text") == "fail":
            error = {"code": "CARD_DECLINED", "message": "inner detail"}
            return exited({"success": False, "error": error})
        return echo(stdin)

    return build_bench({"echo": run})


class Hook:
    """A webhook, and what is recorded of its runs."""

    def __init__(self, response: Any, **webhook: Any) -> None:
        self.bench, self.flow = build(), flow_with(response, **webhook)
        self.token = ""

    async def send(self, body: Any = None, method: str = "POST", rest: str = "", **request: Any) -> httpx.Response:
        self.token = (await self.bench.service.push(self.flow, ADA)).stored.token
        request.setdefault("headers", {})
        content: dict[str, Any] = {} if method == "GET" else {"json": {} if body is None else body}
        async with build_client(self.bench.service, headers={}) as client:
            url = f"/webhooks/{self.token}/trigger{rest}"
            response = await client.request(method, url, **content, **request)
        await self.bench.background.finish()
        return response

    async def find_record(self) -> dict[str, Any]:
        async with build_client(self.bench.service) as client:
            [run] = (await client.get("/runs")).json()["data"]["runs"]
            record: dict[str, Any] = (await client.get(f"/runs/{run['run_id']}")).json()["data"]
        return record
