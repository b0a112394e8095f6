"""Checks workflows on this machine, with the compiler that the executor uses, against the components at hand.

What only a platform knows is not checked: the stored workflows and credentials, and components from elsewhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from acr.config.project_file import read_variables
from acr.workflows.components_at_hand import ComponentsAtHand
from arcrun.contracts.model import Contract
from arcrun.errors import ArcrunError, ComponentError
from arcrun.templates.hints import suggest_nearest
from arcrun.wasm.component import Component
from arcrun.workflows.asking.tools import list_asked, says_what_it_takes
from arcrun.workflows.compile import Compilation, compile_workflow
from arcrun.workflows.literals.code_sources import CODE, is_code
from arcrun.workflows.model import CodeProblem, SymbolTable, Workflow
from arcrun.workflows.parse import parse_workflow

# What is wrong with the JavaScript of nodes, by the component that runs it: acr.bench.code_compiler.
FindCodeProblems = Callable[[Workflow, Component], Mapping[tuple[str, bool], CodeProblem]]
FindWorkflow = Callable[[str], Workflow | None]  # of the files at hand, by its name


@dataclass(frozen=True)
class OfflineCheck:
    """`calls` are the names of the workflows that the workflow calls, `unchecked` the components that are not at
    hand.
    """

    compilation: Compilation
    calls: Sequence[str] = ()
    unchecked: Sequence[str] = ()

    def describe_gaps(self, components: ComponentsAtHand, workflows: Collection[str]) -> list[str]:
        """Sentences about what was not checked. `workflows` are the names of those at hand."""
        notes = []
        for name in self.unchecked:
            near = suggest_nearest(name, components.ids)
            notes.append(f"The component `{name}` is not built in, so it was not checked.{near and f' {near}'}")
        for name in self.calls:
            if name not in workflows:
                near = suggest_nearest(name, workflows)
                notes.append(f"The workflow `{name}`, which it calls, is in no file here.{near and f' {near}'}")
        return notes


def check_offline(
    text: str,
    file: str,
    components: ComponentsAtHand,
    find_code_problems: FindCodeProblems | None = None,
    find_workflow: FindWorkflow | None = None,
) -> OfflineCheck:
    """Check a workflow. `file` is copied into the diagnostics. Without `find_code_problems` JavaScript is not compiled,
    without `find_workflow` nothing is known of the workflows that it calls.

    Raises CliError for a component's folder.
    """
    draft = parse_workflow(text)
    if draft.workflow is None:
        return OfflineCheck(compile_workflow(draft, SymbolTable(), file))
    contracts, faults, unchecked = _find_contracts(draft.workflow, components)
    symbols = SymbolTable(
        contracts,
        faults,
        components.ids,
        unchecked=unchecked,
        variables=read_variables(),
        code_problems=_compile_code(draft.workflow, components, find_code_problems),
        undescribed=[] if find_workflow is None else _find_undescribed(draft.workflow, find_workflow),
    )
    calls = dict.fromkeys(call.workflow for call in draft.workflow.calls if call.workflow)
    others = [name for name in calls if name != draft.workflow.name]
    return OfflineCheck(compile_workflow(draft, symbols, file), others, unchecked)


def _compile_code(
    workflow: Workflow, components: ComponentsAtHand, find_problems: FindCodeProblems | None
) -> Mapping[tuple[str, bool], CodeProblem]:
    if find_problems is None or not any(map(is_code, workflow.components)):
        return {}
    component = components.find_component(CODE)
    return {} if component is None else find_problems(workflow, component)


def _find_undescribed(workflow: Workflow, find_workflow: FindWorkflow) -> list[str]:
    """Those of the workflows that tools call which do not say what they take."""
    found = {name: find_workflow(name) for name in list_asked(workflow) if name != workflow.name}
    return [name for name, called in found.items() if called and not says_what_it_takes(called.input_schema)]


def _find_contracts(
    workflow: Workflow, components: ComponentsAtHand
) -> tuple[Mapping[str, Contract], Mapping[str, ArcrunError], Sequence[str]]:
    contracts: dict[str, Contract] = {}
    faults: dict[str, ArcrunError] = {}
    unchecked: list[str] = []
    for reference in workflow.components:
        try:
            contract = components.find_contract(reference)
        except ComponentError as error:
            faults[reference] = error
            continue
        if contract is None:
            unchecked.append(reference)
        else:
            contracts[reference] = contract
    return contracts, faults, unchecked
