"""Runs a node that asks a language model with tools: round after round, until the model calls none.

In each round the model is asked, and the tools that it calls are run, one after another: calls like those of any node,
with attempts and records of their own, and steps of a durable run. What comes of them is told to the model in the next
round. A tool that fails is told so, too, and so is a call that cannot be made.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from arcrun.engine.calls import Call
from arcrun.engine.context import RunContext
from arcrun.engine.record import NodeRecord
from arcrun.engine.rounds import NodeInRounds
from arcrun.errors import RunError
from arcrun.json_size import size_of
from arcrun.limits import MAX_TOOL_CALLS, MAX_TOOL_RESULT_CHARACTERS, MAX_TOOL_ROUNDS
from arcrun.templates.template import Scope
from arcrun.wasm.abi import Outcome
from arcrun.workflows.asking.tools import says_what_it_takes
from arcrun.workflows.model import TOOL_INPUT, TOOLS
from arcrun.workflows.plan import PlannedNode, PlannedTool

TURNS, SAID, RESULTS, TOOL_CALLS = "turns", "said", "results", "tool_calls"
USAGE, COST = "usage", "cost"
# Asks the model with these further fields, or calls a tool: the node, its scope, them, and what tells its calls apart.
MakeCall = Callable[[PlannedNode, Scope, Mapping[str, Any], str], Call]


class ToolRounds(NodeInRounds):
    """The run of one node with tools. `make_call` makes a call of a node from
    the scope that its templates see, the fields that are added to its input, and a word that tells its calls apart.
    """

    def __init__(
        self, node: PlannedNode, make_call: MakeCall, scope: Scope, context: RunContext, *, step: str = ""
    ) -> None:
        super().__init__(node, context, step)
        self._make_call, self._scope = make_call, scope
        self._tools = {tool.name: tool for tool in node.tools}
        self._schemas: dict[str, Mapping[str, Any]] = {}
        self._turns: list[dict[str, Any]] = []
        self._calls = 0
        self._usage: dict[str, int] = {}
        self._cost: Decimal | None = None

    async def _go_round(self) -> Outcome:
        """Raises ArcrunError if a tool has no schema, too much is called, or a failure ends the run."""
        described = [await self._describe(tool) for tool in self._planned.tools]
        for number in range(1, MAX_TOOL_ROUNDS + 1):
            await self._context.pace.step()
            word = f" round {number}"
            added = {TOOLS: described, **({TURNS: self._turns} if self._turns else {})}
            result = await self._settle(self._planned, self._scope, added, word)
            self._add_account(result)
            if result.error is not None:
                return result
            data = result.envelope.get("data")
            if not isinstance(data, Mapping) or not data.get(TOOL_CALLS):
                return self._finish(result)
            if number < MAX_TOOL_ROUNDS:
                await self._answer_calls(data, word)
        raise self._build_exhausted(f"has asked the model {MAX_TOOL_ROUNDS} times, and it calls tools again")

    async def _describe(self, tool: PlannedTool) -> dict[str, Any]:
        schema = tool.input_schema
        if schema is None:
            workflow = tool.call.workflow or ""
            self._context.budget.subrequests.take(2)  # its name, and its plan
            schema = (await self._context.ports.workflows.find_plan(workflow)).input_schema
            if schema is None or not says_what_it_takes(schema):
                raise RunError(
                    f"The tool `{tool.name}` calls `{workflow}`, which does not say what it takes.",
                    code="TOOL_WITHOUT_SCHEMA",
                    next_actions=[
                        f"Give `{workflow}` an input_schema of `type: object`, and push it.",
                        f"Or give the tool one: config.{self.node}.tools.{tool.name}.input_schema.",
                    ],
                )
        self._schemas[tool.name] = schema
        return {"name": tool.name, "description": tool.description, "input_schema": schema}

    async def _answer_calls(self, data: Mapping[str, Any], word: str) -> None:
        """Run what the model calls, and note the turn."""
        results = []
        for number, call in enumerate(data[TOOL_CALLS], 1):
            self._calls += 1
            if self._calls > MAX_TOOL_CALLS:
                raise self._build_exhausted(f"has called tools {MAX_TOOL_CALLS} times, and the model calls more")
            results.append(await self._answer_call(call, f"{word} call {number}"))
        turn = {SAID: data[SAID], RESULTS: results}
        self._hold(size_of(turn).weight)
        self._turns = [*self._turns, turn]  # a new list: a round's input has the one before

    async def _answer_call(self, call: Mapping[str, Any], word: str) -> dict[str, Any]:
        """What the model is told of a call. Raises the ArcrunError of one that ends the run."""
        told = {"id": call["id"], "name": call["name"]}
        tool = self._tools.get(call["name"])
        if problem := call.get("problem"):
            return {**told, "content": problem, "is_error": True}
        if tool is None or not isinstance(call["input"], Mapping):
            return {**told, "content": "There is no such tool, or its input is no object.", "is_error": True}
        given = call["input"]
        if tool.call.workflow is None:  # it gets no other fields than those that the author has named
            named = self._schemas[tool.name].get("properties", given)
            given = {name: value for name, value in given.items() if name in named}
        result = await self._settle(tool.call, {**self._scope, TOOL_INPUT: given}, {}, word)
        if result.error is None:
            return {**told, "content": _shorten(json.dumps(result.envelope.get("data"), ensure_ascii=False))}
        if result.error.ends_run:
            raise result.error
        said = {"error": {"code": result.error.code, "message": result.error.message}}
        return {**told, "content": _shorten(json.dumps(said, ensure_ascii=False)), "is_error": True}

    async def _settle(self, node: PlannedNode, scope: Scope, added: Mapping[str, Any], word: str) -> Outcome:
        """Make one call, with its retries, and add it to the record."""
        _, result = await self._settle_call(node, self._make_call(node, scope, added, word), word)
        return result

    def _add_account(self, result: Outcome) -> None:
        """Add the tokens of a round, and what they cost."""
        data = result.envelope.get("data")
        if not isinstance(data, Mapping):
            return
        for name, count in (data.get(USAGE) or {}).items():
            self._usage[name] = self._usage.get(name, 0) + count
        if COST in data:
            self._cost = Decimal(str(data[COST])) + (self._cost or 0)

    def _finish(self, result: Outcome) -> Outcome:
        data = {**result.envelope["data"], USAGE: self._usage, "tool_calls_made": self._calls}
        if self._cost is not None:
            data[COST] = float(self._cost)
        return replace(result, envelope={**result.envelope, "data": data}, excerpt=None)

    def _build_exhausted(self, what: str) -> RunError:
        return RunError(
            f"`{self.node}` {what}.",
            code="TOOLS_EXHAUSTED",
            next_actions=[
                "Look at its rounds in the record: a tool that answers too little is called again and again.",
                "Say in `system` when the model is to answer, or give it less to do.",
            ],
            details={"rounds": MAX_TOOL_ROUNDS, "calls": MAX_TOOL_CALLS},
        )

    def record(self, room_bytes: int) -> NodeRecord:
        """The last record of the model, with the sums of all rounds, and the rounds."""
        kept = (*self._rounds.first, *self._rounds.latest)
        asked = [record for record in kept if record.node == self.node]
        return self._sum_up(asked[-1] if asked else None, room_bytes, shows_answer=True)


def _shorten(text: str) -> str:
    if len(text) <= MAX_TOOL_RESULT_CHARACTERS:
        return text
    return f"{text[:MAX_TOOL_RESULT_CHARACTERS]} ... (cut: it has {len(text)} characters)"
