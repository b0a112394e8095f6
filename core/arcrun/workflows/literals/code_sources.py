"""The JavaScript of nodes of the component `code`: it stands as it is, whatever braces it has, it has a place in its
file, and it is compiled when the workflow is pushed.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from arcrun.contracts.allowed_hosts import is_host_pattern
from arcrun.errors import ArcrunError
from arcrun.templates.syntax import ESCAPED_OPEN, OPEN
from arcrun.workflows.diagnostics import Findings, Path, Positions
from arcrun.workflows.model import CodeProblem, Node, SymbolTable, Workflow

CODE = "code"
SOURCE, HOSTS, AT, CHECK = "source", "hosts", "at", "check"
LANGUAGE, TYPESCRIPT = "language", "ts"
SYNTAX_ERROR = "SYNTAX_ERROR"
_TEMPLATE = re.compile(r"\{\{\s*(?:input|request|vars|credential|run)\.[\w.]+\s*\}\}")
CodePlace = tuple[str, bool]  # a node, and whether it is its undo
WATCH_PLACE: CodePlace = ("triggers.watch", False)  # no node has such a name
_UNEXPECTED = re.compile(r"expect")  # how the engine says that a type is no JavaScript
_TYPES_HINT = "Types are removed on the way here by `acr`; over HTTP send the source without them."


def is_code(component: object) -> bool:
    return isinstance(component, str) and component.partition("@")[0] == CODE


def keep_literal(config: Mapping[str, Any], at: Path, positions: Positions) -> Mapping[str, Any]:
    """A node's config whose source the templates leave alone, with the place of the source in the file. `at` is the
    path of the config.
    """
    source = config.get(SOURCE)
    if not isinstance(source, str):
        return config
    place = find_place(positions.find_node((*at, SOURCE)), positions.text, source)
    kept = {**config, SOURCE: source.replace(OPEN, ESCAPED_OPEN)}
    return kept if place is None else {**kept, AT: place}


def read_source(config: Mapping[str, Any]) -> str | None:
    """The source as it was written."""
    source = config.get(SOURCE)
    return source.replace(ESCAPED_OPEN, OPEN) if isinstance(source, str) else None


def without_place(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The config wherever its source stands in the file."""
    return {key: value for key, value in config.items() if key != AT}


def find_place(node: yaml.Node | None, text: str, source: str) -> dict[str, int] | None:
    """Where a source begins in its file: its first line, and the columns before each of its lines. None if its lines
    are not the file's, as in a folded or an escaped string.
    """
    if not isinstance(node, yaml.ScalarNode):
        return None
    start, end = node.start_mark, node.end_mark
    if node.style == "|":
        lines = text.splitlines()
        number = next((i for i, line in enumerate(source.split("\n")) if line.strip()), 0)
        at = start.line + 1 + number
        written = lines[at] if at < len(lines) else ""
        return {"line": start.line + 2, "indent": max(0, _indent(written) - _indent(source.split("\n")[number]))}
    if start.line != end.line or node.style == ">" or "\n" in source:
        return None
    return {"line": start.line + 1, "indent": start.column + (node.style is not None)}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def list_code(workflow: Workflow) -> dict[CodePlace, Mapping[str, Any]]:
    """The configs of all `code` that has a source: the nodes', their undos' and the watch's."""
    found = {(call.name, call.is_undo): call.config for call in workflow.calls if is_code(call.component)}
    watch = workflow.triggers.watch
    if watch is not None and is_code(watch.entry["component"]):
        found[WATCH_PLACE] = watch.entry
    return {place: config for place, config in found.items() if isinstance(config.get(SOURCE), str)}


def list_sources(workflow: Workflow) -> dict[CodePlace, dict[str, Any]]:
    """What `code` is asked to compile, by its place."""
    asked = {}
    for place, config in list_code(workflow).items():
        at = {AT: config[AT]} if AT in config else {}
        asked[place] = {SOURCE: read_source(config), CHECK: True, **at}
    return asked


def read_problem(error: ArcrunError | None) -> CodeProblem | None:
    """Why a source does not compile; None if it does."""
    if error is None:
        return None
    line, column = error.details.get("line"), error.details.get("column")
    place = f" (line {line}, column {column}"
    message = error.message.removesuffix(f"{place})").removesuffix(f"{place} of the source)").rstrip(".")
    return CodeProblem(message, line, column)


def check_code(node: Node, config: Mapping[str, Any], symbols: SymbolTable, findings: Findings) -> None:
    """Report what is wrong with the source and the hosts of a node of `code`."""
    at = (*node.at, SOURCE)
    if (problem := symbols.code_problems.get((node.name, node.is_undo))) is not None:
        may_be_type = config.get(LANGUAGE) == TYPESCRIPT and _UNEXPECTED.search(problem.message)
        hint = _TYPES_HINT if may_be_type else ""
        message = f"`{SOURCE}` of {node.told} cannot be run: {problem.message}"
        if AT in node.config and problem.line:
            findings.add(SYNTAX_ERROR, message, hint, position=(problem.line, problem.column))
        else:
            place = f" (line {problem.line}, column {problem.column} of the source)" if problem.line else ""
            findings.add(SYNTAX_ERROR, message + place, hint, at=at)
    if (found := _TEMPLATE.search(read_source(config) or "")) is not None:
        message = f"`{SOURCE}` of {node.told} has {found[0]}, which stays as it is: a source has no templates"
        findings.warn("INVALID_TEMPLATE", message, f'Give it by `input`: {{x: "{found[0]}"}}, and read input.x.', at=at)
    hosts = config.get(HOSTS, [])
    for number, host in enumerate(hosts if isinstance(hosts, list) else [hosts]):
        if isinstance(host, str) and not is_host_pattern(host):
            message = f"`{HOSTS}` of {node.told} has {host!r}, which is no host"
            hint = "Write the host's name as it is, without templates: api.example.com, *.example.com or *."
            findings.add("INVALID_INPUT", message, hint, at=(*node.at, HOSTS, number))
