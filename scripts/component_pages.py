"""Generates docs/components/: an index by groups, and a page for each built-in component, from their contracts and from
examples/of_components.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from textwrap import shorten
from typing import Any

from component_errors import (
    BLOB_CODES,
    MEANINGS,
    MODEL_CODES,
    NETWORK,
    SCHEMA_CODES,
    SERVICE_CODES,
    STORE_CODES,
)
from stage import BUILTIN_COMPONENTS, ROOT, component_folders_below

from arcrun import limits
from arcrun.contracts.groups import find_group, group_by
from arcrun.contracts.model import Contract, Scenario
from arcrun.contracts.parse import parse_contract
from arcrun.durable.waits import WAIT, WAITS
from arcrun.yaml_text import parse_yaml, render_yaml

EXAMPLES = "examples/of_components"  # a workflow for each component, and its test
MANY = 8  # more choices than that stand below the table
LONG = 240  # characters of a description that a cell takes whole
ONE_LINE = 110  # characters of JSON on one line
SHOWN = 3  # of many choices in a cell
STORE, BLOB = "store", "blob"
_OWN_CODE = re.compile(r"(?:fail\(|\.code = (?:if \(\w+\) )?)\"([A-Z_]+)\"")
_CODE_IN_C = re.compile(r"\"([A-Z]+(?:_[A-Z]+)+)\"")
_CODE_IN_JAVASCRIPT = re.compile(r'code: "([A-Z_]+)"')
# Those of the SDK's parts that a component is made of.
CODES_OF_PARTS = {
    "sdk.service": SERVICE_CODES,
    "sdk.google": SERVICE_CODES,
    "sdk.models": (*SERVICE_CODES, *MODEL_CODES),
    "sdk.schema": SCHEMA_CODES,
}
_SENTENCE_END = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_MIB = 2**20


@cache
def load_contracts() -> tuple[Contract, ...]:
    """The built-in components' contracts, by id."""
    folders = component_folders_below([BUILTIN_COMPONENTS])
    texts = [(Path(folder) / "contract.yaml").read_text(encoding="utf-8") for folder in folders]
    return tuple(sorted((parse_contract(parse_yaml(text).value) for text in texts), key=lambda c: c.canonical_id))


def render_component_pages() -> dict[str, Iterator[str]]:
    """The lines of each page, by its path in docs/."""
    pages = {f"components/{contract.canonical_id}.md": render_page(contract) for contract in load_contracts()}
    return {"components/index.md": render_index(load_contracts()), **pages}


def render_index(contracts: tuple[Contract, ...]) -> Iterator[str]:
    yield "# Components"
    yield ""
    yield f"{len(contracts)} components are built in. A step's output is its `data`, such as `{{{{NODE.data.count}}}}`;"
    yield "a failure is `{{NODE.error.code}}` and `{{NODE.error.message}}` ([errors](errors.md))."
    yield "`acr parts` also lists your own; [contracts](../contract.md) says how to write one."
    yield "Generated from the contracts by `scripts/build_docs.py`."
    grouped = group_by((find_group(contract.category, contract.tags), contract) for contract in contracts)
    for group, members in grouped.items():
        yield from ("", f"## {group}", "", "| component | what it does | reaches |", "| --- | --- | --- |")
        for contract in members:
            name = f"[`{contract.canonical_id}`]({contract.canonical_id}.md)"
            yield f"| {name} | {cell(first_sentence(contract.description))} | {_reaches(contract)} |"


def render_page(contract: Contract) -> Iterator[str]:
    yield f"# {contract.canonical_id}"
    yield ""
    yield f"{contract.display_name}, {contract.version}, {contract.stability}. {first_sentence(contract.description)}"
    if rest := _SENTENCE_END.split(_one_line(contract.description), maxsplit=1)[1:]:
        yield from ("", *rest)
    yield ""
    yield "```yaml"
    yield render_yaml({contract.canonical_id: {"component": contract.canonical_id, **contract.config_example}}).rstrip()
    yield "```"
    yield from _render_example(contract)
    yield from _render_workflow(contract)
    yield from _render_fields("Input", contract.input_schema)
    yield from _render_fields("Output", contract.output_schema)
    yield from _render_credentials(contract)
    yield from _render_errors(contract)
    yield from _render_limits(contract)


def _render_example(contract: Contract) -> Iterator[str]:
    """A scenario that calls nobody and succeeds, if possible one of the operation shown above: input and output."""
    tried = [scenario for scenario in contract.scenarios if _is_plain_success(scenario)]
    operation = contract.config_example.get("operation")
    for scenario in sorted(tried, key=lambda scenario: scenario.given.get("operation") != operation)[:1]:
        yield from ("", f"For example ({scenario.name}), from", "", *_json_block(scenario.given))
        yield from ("", "comes", "", *_json_block(scenario.then["data"]))


def _render_workflow(contract: Contract) -> Iterator[str]:
    """A whole workflow with the component, to copy, and its test."""
    workflow, test = (f"{EXAMPLES}/{contract.canonical_id}{suffix}" for suffix in (".yaml", ".test.yaml"))
    text = (ROOT / workflow).read_text(encoding="utf-8")
    told = parse_yaml(text).value["description"].removesuffix(".")
    yield from ("", "## In a workflow", "", f"{told}:", "", f'```yaml title="{workflow}"', text.rstrip("\n"), "```")
    yield from ("", f"Its [test](../testing.md), which `acr test {contract.canonical_id}.test.yaml` runs:", "")
    yield from (f'```yaml title="{test}"', (ROOT / test).read_text(encoding="utf-8").rstrip("\n"), "```")


def _is_plain_success(scenario: Scenario) -> bool:
    then = scenario.then
    return isinstance(then, Mapping) and bool(then.get("success")) and not (scenario.http or scenario.ai)


def _render_fields(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """A table of the fields, nested ones too, and below it what is too long for a cell."""
    yield from ("", f"## {title}", "")
    fields = list(_list_fields(schema, ""))
    if not fields:
        yield _one_line(schema["description"])
        return
    is_input = title == "Input"
    yield "| field | type | required | what it is |" if is_input else "| field | type | what it is |"
    yield "| --- | --- | --- | --- |" if is_input else "| --- | --- | --- |"
    for path, field, required in fields:
        columns = [f"`{path}`", _type(field), *(["yes" if required else ""] if is_input else []), _summary(field)]
        yield f"| {' | '.join(columns)} |"
    for path, field, _ in fields:
        if _is_long(field):
            yield from ("", f"**`{path}`** — {_one_line(field.get('description', ''))}".removesuffix(" — "))
            if len(choices := _choices(field)) > MANY:
                yield from ("", f"It is one of {', '.join(f'`{json.dumps(value)}`' for value in choices)}.")


def _list_fields(schema: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{prefix}{name}", field, name in schema.get("required", [])
        inner, place = field, f"{prefix}{name}"
        while "items" in inner:
            inner, place = inner["items"], f"{place}[]"
        yield from _list_fields(inner, f"{place}.")


def _is_long(field: Mapping[str, Any]) -> bool:
    return len(_one_line(field.get("description", ""))) > LONG or len(_choices(field)) > MANY


def _summary(field: Mapping[str, Any]) -> str:
    description = field.get("description", "")
    if len(_one_line(description)) <= LONG:
        return cell(description)
    return f"{cell(shorten(first_sentence(description), LONG, placeholder=' …'))} More below."


def _choices(field: Mapping[str, Any]) -> list[Any]:
    return list(field.get("enum", [field["const"]] if "const" in field else []))


def _type(field: Mapping[str, Any]) -> str:
    if choices := _choices(field):
        shown = choices if len(choices) <= MANY else choices[:SHOWN]
        listed = ", ".join(f"`{json.dumps(value)}`" for value in shown)
        return cell(listed if len(shown) == len(choices) else f"{listed} … ({len(choices)} in all)")
    kind = field.get("type", "any")
    return (" or ".join(kind) if isinstance(kind, list) else str(kind)) + _bounds(field)


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return "" if high is None else f", up to {high}"
    return f", from {low}" if high is None else f", {low} to {high}"


def _render_credentials(contract: Contract) -> Iterator[str]:
    if not contract.credentials_required:
        return
    yield from ("", "## Credentials", "")
    yield from ("| credential | fills | what it is | where to get it |", "| --- | --- | --- | --- |")
    for needed in contract.credentials_required:
        yield f"| `{needed.key}` | `{needed.inject_as}` | {cell(needed.description)} | <{needed.help_url}> |"
    yield from (
        "",
        f"Store it once: `acr creds set {contract.credentials_required[0].key}`. A workflow need not mention it.",
    )


def _render_errors(contract: Contract) -> Iterator[str]:
    yield from (
        "",
        "## Errors",
        "",
        "| code | what it means | repeated by `retry` | for example |",
        "| --- | --- | --- | --- |",
    )
    examples = dict(_failures(contract))
    for code in find_codes(contract):
        meaning, is_retriable = MEANINGS[code]
        yield f"| `{code}` | {meaning} | {is_retriable} | {cell(examples.get(code, ''))} |"
    network = f" and [those of requests](errors.md#{NETWORK})" if "network" in contract.capabilities else ""
    yield from ("", f"Besides these there are [those of any component](errors.md){network}.")


def find_codes(contract: Contract) -> list[str]:
    """The codes that a component's own source fails with, those of the service that it calls, and INVALID_INPUT."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "components" / contract.canonical_id).glob("*.zig")]
    own = {code for source in sources for code in _OWN_CODE.findall(source)}
    for path in (ROOT / "components" / contract.canonical_id).glob("*.c"):
        own.update(_CODE_IN_C.findall(path.read_text(encoding="utf-8")))
    for path in (ROOT / "components" / contract.canonical_id).glob("*.js"):
        own.update(_CODE_IN_JAVASCRIPT.findall(path.read_text(encoding="utf-8")))
    for part, codes in CODES_OF_PARTS.items():
        if any(part in source for source in sources):
            own.update(codes)
    store = STORE_CODES if STORE in contract.capabilities else ()
    blob = BLOB_CODES if BLOB in contract.capabilities else ()
    return sorted({"INVALID_INPUT", *own, *store, *blob, *dict(_failures(contract))})


def _failures(contract: Contract) -> Iterator[tuple[str, str]]:
    """Code and message of what its scenarios fail with, apart from codes that have a section of their own."""
    for scenario in reversed(contract.scenarios):
        if error := _error_of(scenario):
            yield error["code"], error.get("message", "")


def _error_of(scenario: Scenario) -> Mapping[str, Any] | None:
    then = scenario.then
    error: Mapping[str, Any] | None = (
        then.get("error") if isinstance(then, Mapping) and not then.get("success") else None
    )
    return error if error and error["code"] in MEANINGS else None


def _render_limits(contract: Contract) -> Iterator[str]:
    yield from ("", "## Limits", "")
    if set(contract.allowed_hosts) - {"*"}:
        yield f"- It reaches {', '.join(f'`{host}`' for host in contract.allowed_hosts)} only."
    elif "network" in contract.capabilities:
        yield "- It reaches any public host; private addresses are refused (`ADDRESS_NOT_ALLOWED`)."
    elif contract.canonical_id in WAITS.keys() - {WAIT}:
        yield "- Only a durable run can use it, which waits by itself, for 365 days at most."
    elif not contract.capabilities:
        yield "- It reaches nothing outside: the same input has the same output, at the same time."
    if "network" in contract.capabilities:
        yield f"- A request takes {limits.MAX_HTTP_TIMEOUT_MS // 1000} s at most, and is a subrequest of the run."
    if "sleep" in contract.capabilities:
        yield f"- It waits {limits.MAX_SLEEP_MS // 1000} s at most, in a durable run 365 days."
    if STORE in contract.capabilities:
        yield "- An operation is a subrequest of the run. [Stores](../stores.md) say what is kept, and for how long."
    if BLOB in contract.capabilities:
        yield "- It sends and takes files as [blobs](../blobs.md), each MiB of which is a subrequest."
    yield f"- A call computes for {limits.CALL_CPU_MS} ms at most, with `cpu_ms` for up to {limits.MAX_NODE_CPU_MS:,}."
    yield f"- Its input has {limits.MAX_INPUT_BYTES // _MIB} MiB at most."
    yield "- [All limits](../limits.md)."


def first_sentence(description: str) -> str:
    return _SENTENCE_END.split(_one_line(description), maxsplit=1)[0].rstrip(".") + "."


def _reaches(contract: Contract) -> str:
    hosts = ", ".join("any public host" if host == "*" else f"`{host}`" for host in contract.allowed_hosts)
    named = ("[stores](../stores.md)" if name == STORE else name for name in sorted(contract.capabilities))
    return hosts or ", ".join(named) or "nothing"


def _json_block(value: Any) -> Iterator[str]:
    short = json.dumps(value, ensure_ascii=False)
    text = short if len(short) <= ONE_LINE else json.dumps(value, indent=2, ensure_ascii=False)
    yield from ("```json", text, "```")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")
