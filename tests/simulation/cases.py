"""Workflows out of a seed: every shape that decides something by what ends first."""

from collections.abc import Iterator
from random import Random
from typing import Any

COMPONENTS = ("pure", "fast", "slow", "shaky", "wrong", "pure_wrong", "wait", "wait_for")
EVENTS = ("one", "two")
REACHING = ("fast", "slow", "shaky", "wrong")


def build_case(random: Random, once: Random | None = None) -> dict[str, Any]:
    """{"main", "inner"}: two workflows; `main` may call `inner`. With `once` some nodes are done once."""
    inner = _Builder(random, "i", once).build("inner", depth=1, calls=False)
    return {"main": _Builder(random, "n", once).build("main", depth=2, calls=True), "inner": inner}


def add_responses(source: dict[str, Any], random: Random) -> dict[str, Any]:
    """The workflow with lines to `respond` out of some nodes that are in no loop, or as it was."""
    lines = [tuple(line.split(" >> ")) for line in source["flow"]]
    outside = {"input"}
    for start, relation, to in lines:  # parents come first
        outside |= {to} if start in outside and not relation.startswith("FOREACH") else set()
    nodes = sorted(outside & source["config"].keys())
    chosen = random.sample(nodes, min(len(nodes), random.choice((0, 1, 2))))
    if not chosen:
        return source
    respond = [f"{name} >> {random.choice(('ON_SUCCESS', 'ON_SUCCESS', 'ON_FAIL'))} >> respond" for name in chosen]
    response = {"json": {name: f"{{{{{name}.data.number?}}}}" for name in nodes}}
    return {**source, "flow": [*source["flow"], *respond], "response": response}


class _Builder:
    def __init__(self, random: Random, prefix: str, once: Random | None) -> None:
        self._random, self._prefix, self._count, self._once = random, prefix, 0, once
        self._flow: list[str] = []
        self._config: dict[str, dict[str, Any]] = {}

    def build(self, name: str, *, depth: int, calls: bool) -> dict[str, Any]:
        self._calls = calls
        self._graph("input", depth, in_loop=False)
        random = self._random
        source: dict[str, Any] = {"name": name, "durable": True, "flow": self._flow, "config": self._config}
        if random.random() < 0.1:
            source["timeout_ms"] = random.choice((50, 500, 5_000))
        source["concurrency"] = random.choice((1, 3, 16))
        return source

    def _name(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count}"

    def _graph(self, root: str, depth: int, *, in_loop: bool) -> None:
        """Nodes behind `root`: some side by side, some behind each other, some joined."""
        random = self._random
        nodes: list[str] = []
        for _ in range(random.randint(1, 5)):
            name = self._name()
            parents = random.sample(nodes, min(len(nodes), random.choice((0, 1, 1, 1, 2, 3)))) or [root]
            calls = self._calls and random.random() < 0.12
            for parent in parents[:1] if calls else parents:
                relation = "CALLS_SUBFLOW" if calls else self._relation(parent, root)
                self._flow.append(f"{parent} >> {relation} >> {name}")
            self._config[name] = dict(self._settings_of_call() if calls else self._settings(name, parents))
            nodes.append(name)
            if depth and random.random() < 0.3:
                self._loop(name, depth)
        if random.random() < 0.15:
            self._flow.append(f"{random.choice(nodes)} >> ON_SUCCESS >> {'break' if in_loop else 'stop'}")

    def _relation(self, parent: str, root: str) -> str:
        if parent == root:
            return "PIPE"
        return self._random.choice(("PIPE", "ON_SUCCESS", "ON_SUCCESS", "ON_FAIL"))

    def _loop(self, source: str, depth: int) -> None:
        random, item = self._random, f"{source}_item"
        first = self._name()
        self._flow.append(f"{source} >> FOREACH {item} IN input.items >> {first}")
        self._config[first] = dict(self._settings(first, []))
        foreach: dict[str, Any] = {"concurrency": random.choice((1, 2, 4))}
        kind = random.choice(("", "", "continue", "tolerate", "until"))
        if kind == "continue":
            foreach["on_error"] = "continue"
        elif kind == "tolerate":
            foreach["tolerate"] = 1
        elif kind == "until":
            foreach["until"] = f"{item} == `2`"
        self._config[source] = {**self._config[source], "foreach": foreach}
        if random.random() < 0.5:
            self._graph(first, depth - 1, in_loop=True)

    def _settings_of_call(self) -> Iterator[tuple[str, Any]]:
        yield "workflow", "inner"
        yield "input", {"items": [1, 2, 3]}
        if self._random.random() < 0.3:
            yield "timeout_ms", self._random.choice((20, 1_000))

    def _settings(self, name: str, parents: list[str]) -> Iterator[tuple[str, Any]]:
        random, component = self._random, self._random.choice(COMPONENTS)
        yield "component", component
        if component == "wait":
            yield "ms", random.choice((0, 10, 100, 2_000, 86_400_000))
            return
        if component == "wait_for":
            yield "event", random.choice(EVENTS)
            yield "timeout", random.choice(("1ms", "50ms", "2s", "1d"))
            return
        yield "name", name
        if component in REACHING and self._once is not None and self._once.random() < 0.5:
            yield "once", True
        if component in REACHING and random.random() < 0.3:
            yield "retry", {"max_attempts": 3, "initial_ms": random.choice((0, 5, 200)), "on": ["*"]}
        if random.random() < 0.15:
            yield "undo", {"component": random.choice(("fast", "shaky")), "name": f"undo {name}"}
        if random.random() < 0.12:
            yield "repeat", self._repeat(name)
        if len(parents) > 1 and random.random() < 0.7:
            join = random.choice(("first", "all", {"at_least": 2}))
            yield "join", join
            if join != "all" and random.random() < 0.5:
                yield "cancel_rest", True

    def _repeat(self, name: str) -> dict[str, Any]:
        repeat = {"until": f"{name}.data.number > `5`", "max": 3, "on_max": "continue"}
        return {**repeat, "wait_ms": self._random.choice((0, 10))}
