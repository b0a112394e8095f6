"""Compiles the JavaScript of `code` nodes on this machine, by the component that runs it."""

from acr.bench.wasmtime_runner import WasmtimeRunner
from arcrun.json_text import write_json
from arcrun.wasm.abi import HostFunctions, read_outcome
from arcrun.wasm.component import Component, fuel_of_bundled
from arcrun.workflows.literals.code_sources import list_sources, read_problem
from arcrun.workflows.model import CodeProblem, Workflow


class _NoHost(HostFunctions):
    """What is compiled asks nothing."""

    async def answer(self, name: str, request: str) -> str:
        raise NotImplementedError(name)

    def now_ms(self) -> float:
        return 0.0

    def seed(self) -> bytes:
        return bytes(32)


def find_code_problems(workflow: Workflow, component: Component) -> dict[tuple[str, bool], CodeProblem]:
    """What is wrong with the sources, by the node and whether it is its undo."""
    assert component.module is not None
    runner, found = WasmtimeRunner(fuel=fuel_of_bundled(component.id)), {}
    for place, asked in list_sources(workflow).items():
        execution = runner.call(component.module, write_json(asked).encode(), _NoHost())
        if (problem := read_problem(read_outcome(execution, component.id).error)) is not None:
            found[place] = problem
    return found
