"""Draws a workflow's graph: as text, and as Mermaid (mermaid.js.org/syntax/flowchart)."""

from collections.abc import Callable, Iterator

from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.graph import Loop, Shape, analyse_flow
from arcrun.workflows.model import INPUT, Edge, LoopPolicy, Node, Workflow
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.relations import DEFAULT
from arcrun.workflows.settings import parse_settings

FORMS = ("text", "mermaid")
MAX_EXPRESSION = 60  # characters of one that is shown
_INDENT = "  "


def draw_graph(text: str, form: str) -> str | None:
    """The graph of a workflow's source in one of FORMS; None if its lines cannot be read."""
    workflow = parse_workflow(text).workflow
    if workflow is None or not workflow.is_complete:
        return None
    shape = analyse_flow(workflow, Findings())
    return "\n".join(_draw_mermaid(workflow, shape) if form == "mermaid" else _draw_text(workflow, shape))


def _draw_text(workflow: Workflow, shape: Shape | None) -> Iterator[str]:
    """Each source with its component, and below it the lines that leave it; what a loop runs is indented."""
    yield workflow.name
    for source in [INPUT, *(_order_bodies(shape) if shape else workflow.nodes)]:
        depth = len(shape.loops_around(source)) if shape and source != INPUT else 0
        called = _describe(workflow, source)
        yield f"{_INDENT * (depth + 1)}{source}{f'  ({called})' if called else ''}"
        for edge in workflow.edges:
            if edge.source == source:
                label = ", ".join(
                    [_label_of(edge), *(_describe_loop(workflow, source) if edge.spec.begins_loop else ())]
                )
                yield f"{_INDENT * (depth + 2)}{f'{label} ' if label else ''}-> {edge.target}"


def _order_bodies(shape: Shape) -> Iterator[str]:
    """The nodes in their order, a loop's body behind the node that the loop leaves."""
    for loop in shape.loops_of(INPUT):
        yield from _order_body(shape, loop)
    yield from _order_body(shape, None)


def _order_body(shape: Shape, around: Loop | None) -> Iterator[str]:
    for name in shape.order:
        if shape.loop_around(name) == around:
            yield name
            for loop in shape.loops_of(name):
                yield from _order_body(shape, loop)


def _draw_mermaid(workflow: Workflow, shape: Shape | None) -> Iterator[str]:
    targets = dict.fromkeys(edge.target for edge in workflow.edges)
    names = dict.fromkeys([INPUT, *workflow.nodes, *targets])
    ids = {name: f"n{number}" for number, name in enumerate(names)}
    yield "flowchart TD"
    inner = {name for loop in shape.loops for name in loop.body} if shape else set()
    for name in names:
        if name not in inner:
            yield f"{_INDENT}{_box(workflow, name, ids[name])}"
    if shape is not None:
        for number, loop in enumerate(loop for loop in shape.loops if not shape.loops_around(loop.source)):
            yield from _draw_loop(workflow, shape, loop, lambda name: _box(workflow, name, ids[name]), f"loop{number}")
    for edge in workflow.edges:
        label = _label_of(edge)
        arrow = f"-- {_quote(label)} -->" if label else "-->"
        yield f"{_INDENT}{ids[edge.source]} {arrow} {ids[edge.target]}"


def _draw_loop(
    workflow: Workflow, shape: Shape, loop: Loop, draw_box: Callable[[str], str], loop_id: str
) -> Iterator[str]:
    """A subgraph with the loop's body, and in it those of the loops within."""
    indent = _INDENT * (1 + loop_id.count("_"))
    title = ", ".join([f"for each {loop.item}", *_describe_loop(workflow, loop.source)])
    yield f"{indent}subgraph {loop_id}[{_quote(title)}]"
    for name in shape.order:
        if shape.loop_around(name) == loop:
            yield f"{indent}{_INDENT}{draw_box(name)}"
    within = [other for other in shape.loops if shape.loop_around(other.source) == loop]
    for number, other in enumerate(within):
        yield from _draw_loop(workflow, shape, other, draw_box, f"{loop_id}_{number}")
    yield f"{indent}end"


def _box(workflow: Workflow, name: str, box_id: str) -> str:
    node = workflow.nodes.get(name)
    if node is None:
        return f"{box_id}([{_quote(name)}])"
    called = _describe(workflow, name)
    label = _quote(name if called in ("", name) else f"{name}: {called}")
    return f"{box_id}[[{label}]]" if node.workflow else f"{box_id}[{label}]"


def _describe(workflow: Workflow, name: str) -> str:
    """The component that a node calls, or the workflow, with what is set for its runs."""
    node = workflow.nodes.get(name)
    if node is None:
        return ""
    told = [f"workflow {node.workflow}" if node.workflow else str(node.component)]
    return ", ".join([*told, *_describe_settings(node)])


def _describe_settings(node: Node) -> Iterator[str]:
    """What is set for the runs of a node."""
    given = {key: node.config[key] for key in ("repeat", "join", "cancel_rest") if key in node.config}
    settings = parse_settings(Findings(), given, ())
    if (repeat := settings.repeat) is not None:
        yield f"repeat until {_cut(repeat.until)}, max {repeat.max_rounds}"
    if (join := settings.join) is not None:
        words = {None: "all", 1: "first"}
        yield f"join {words.get(join.at_least, f'at_least {join.at_least}')}"
        if join.cancels_rest:
            yield "cancel_rest"
    if (undo := node.undo) is not None:
        yield f"undo {f'workflow {undo.workflow}' if undo.workflow else undo.component}"


def _describe_loop(workflow: Workflow, source: str) -> Iterator[str]:
    """What is set for the loops that leave a node or the trigger."""
    default, policy = LoopPolicy(), workflow.loops.get(source, LoopPolicy())
    if policy.until:
        yield f"until {_cut(policy.until)}"
    if policy.tolerate:
        yield f"tolerate {policy.tolerate}"
    elif policy.stops_on_error != default.stops_on_error:
        yield "on_error continue"
    if policy.batch:
        yield f"batch {policy.batch}"
    if policy.concurrency != default.concurrency:
        yield f"concurrency {policy.concurrency}"


def _cut(expression: str) -> str:
    return expression if len(expression) <= MAX_EXPRESSION else f"{expression[: MAX_EXPRESSION - 1]}…"


def _label_of(edge: Edge) -> str:
    """The relation as it is written; nothing for the usual one."""
    if edge.relation is DEFAULT:
        return ""
    if edge.spec.begins_loop:
        return f"{edge.relation} {edge.argument}{f' IN {edge.path}' if edge.path else ''}"
    return f"{edge.relation}({edge.argument})" if edge.argument else str(edge.relation)


def _quote(text: str) -> str:
    """A label in Mermaid's quotes, its own quotes and angle brackets as entity codes."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        text = text.replace(character, code)
    return f'"{text}"'
