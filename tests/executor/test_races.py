"""Concurrent pushes, rotations, rollbacks and deletions of a name, through isolates whose calls interleave in any
order: at the end there is at most one valid token, no version number was used twice, and KV agrees with the head."""

import asyncio
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from arcrun.errors import ConflictError, NotFoundError
from arcrun.workflows.compile import require_plan
from executor.heads import FRESH_MS
from executor.workflows import WorkflowStore
from fakes.flows import compile_source
from fakes.ports.objects import FakeWorkspace
from fakes.ports.searches import examples
from fakes.ports.storage import ShuffledKV
from fakes.ports.system import FixedClock, SeededRandom
from fakes.workflows import ADA, build_workflows

pytestmark = pytest.mark.anyio

OPERATIONS = st.lists(
    st.sampled_from(["push", "push", "push", "reword", "rotate", "roll_back", "delete"]), min_size=2, max_size=12
)


@dataclass
class Race:
    seed: int
    clock: FixedClock = field(default_factory=FixedClock)
    workspace: FakeWorkspace = field(default_factory=FakeWorkspace)
    random: SeededRandom = field(default_factory=SeededRandom)
    tokens: set[str] = field(default_factory=set)
    numbers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kv = ShuffledKV(self.clock, self.seed)

    def start_isolate(self) -> WorkflowStore:
        return build_workflows(self.kv, self.workspace, self.clock, self.random)

    async def run(self, operation: str, number: int) -> None:
        store = self.start_isolate()
        try:
            if operation == "push":
                source = {"name": "w", "flow": [f"input >> PIPE >> c{number}"]}
                saved = (await store.save(source, require_plan(compile_source(source)), ADA)).stored
                self.tokens.add(saved.token)
                self.numbers.append(saved.version)
            elif operation == "reword":
                await self._reword(store, number)
            elif operation == "roll_back":
                self.tokens.add((await store.roll_back("w", 1, ADA)).token)
            else:
                token = (await store.require_head("w")).token
                self.tokens.add(token)
                if operation == "rotate":
                    self.tokens.add((await store.rotate_token(token, ADA)).token)
                else:
                    await store.delete(token, ADA)
        except (NotFoundError, ConflictError):
            pass  # the others were faster

    async def _reword(self, store: WorkflowStore, number: int) -> None:
        """Push the current source again, with a comment."""
        source = await store.find_source(await store.require_head("w"))
        if source is None:
            return
        text = source if isinstance(source, str) else json.dumps(source)
        saved = await store.save(f"# {number}\n{text}", require_plan(compile_source(source)), ADA)
        self.tokens.add(saved.stored.token)
        self.numbers += [saved.stored.version] if saved.changed else []

    async def check(self) -> None:
        self.clock.advance(FRESH_MS)
        store = self.start_isolate()
        head = await store.find_head("w")
        live = [token for token in self.tokens if await self._is_live(store, token)]
        assert live == ([] if head is None else [head.token])
        assert len(set(self.numbers)) == len(self.numbers)
        hooks = {key: json.loads(await self.kv.get(key) or "") for key in self.kv.keys if key.startswith("hook:")}
        if head is None:
            assert hooks == {}
        else:
            assert {key: hook["version"] for key, hook in hooks.items()} == {f"hook:{head.token}": head.version}
            assert (await store.find(head.token)).version == head.version
            assert head.version in [entry["version"] for entry in await store.list_versions("w")]

    async def _is_live(self, store: WorkflowStore, token: str) -> bool:
        try:
            await store.find(token)
        except NotFoundError:
            return False
        return True


@settings(max_examples=examples(40), deadline=None)
@given(OPERATIONS, st.integers(0, 10**6), st.booleans())
def test_any_race_ends_with_one_live_token_or_none(operations: list[str], seed: int, is_new: bool) -> None:
    async def run() -> None:
        race = Race(seed)
        if not is_new:
            await race.run("push", 0)
        await asyncio.gather(*(race.run(operation, i + 1) for i, operation in enumerate(operations)))
        await race.check()

    asyncio.run(run())
