"""Measure planning: workflows of 200 nodes in the shapes that its checks take longest for. Prints one JSON line each,
in milliseconds of processor time, from the parsed source to the plan.

.venv/bin/python benchmarks/planning.py

The limit is for workflows as people write them: a chain, with an undo for each node. The others have nearly as many
lines as a workflow may have (MAX_LINES).
"""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from run import report

from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from fakes.builtins import BUILTINS

NODES, WIDTH, REPEATS = 200, 10, 20
LIMIT_MS = 50
Shape = tuple[list[str], dict[str, Any]]


def main() -> None:
    measure("plan_chain_of_200", *build_chain({}), LIMIT_MS)
    measure("plan_chain_of_200_undos", *build_chain({"undo": {"component": "set", "values": {"x": 1}}}), LIMIT_MS)
    measure("plan_20_layers_of_10", *build_layers({}))
    measure("plan_20_layers_of_10_joins", *build_layers({"join": {"at_least": 5}, "cancel_rest": True}))


def measure(name: str, lines: list[str], config: dict[str, Any], limit: float | None = None) -> None:
    source = json.dumps({"name": "w", "flow": lines, "config": config})
    times = []
    for _ in range(REPEATS):
        draft = parse_workflow(source)  # its templates are compiled once
        began_s = time.process_time()
        require_plan(compile_workflow(draft, SymbolTable(BUILTINS)))
        times.append((time.process_time() - began_s) * 1000)
    report(name, "ms", times, limit, lines=len(lines))


def build_chain(more: dict[str, Any]) -> Shape:
    """Each node reads the one before, and its undo what it answered itself."""
    names = ["input", *(f"n{i}" for i in range(NODES))]
    lines = [f"{a} >> ON_SUCCESS >> {b}" for a, b in pairwise(names)]
    config: dict[str, Any] = {}
    for before, name in pairwise(names):
        read = "{{input.x}}" if before == "input" else f"{{{{{before}.data.x}}}}"
        own = {key: {**entry, "values": {"x": f"{{{{{name}.data.x}}}}"}} for key, entry in more.items()}
        config[name] = {"component": "set", "values": {"x": read}, **own}
    return lines, config


def build_layers(more: dict[str, Any]) -> Shape:
    """Each node of a layer waits for all of the layer before."""
    layers = [[f"n{layer}_{i}" for i in range(WIDTH)] for layer in range(NODES // WIDTH)]
    lines = [f"input >> ON_SUCCESS >> {name}" for name in layers[0]]
    lines += [f"{a} >> ON_SUCCESS >> {b}" for one, two in pairwise(layers) for a in one for b in two]
    entry = {"component": "set", "values": {"x": 1}}
    return lines, {name: entry | (more if layer else {}) for layer, names in enumerate(layers) for name in names}


if __name__ == "__main__":
    main()
