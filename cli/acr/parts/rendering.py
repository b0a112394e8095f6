"""Components for people, on stdout."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from acr.output.render import drop_empty_columns, print_json, print_table
from acr.output.terminal import say, say_lines
from acr.parts.part import Part
from acr.targets.service_client import Answer, require_data
from arcrun.yaml_text import render_yaml

_FIGURES = ("runs", "success", "average", "p95")


def render_parts(parts: Iterable[Part]) -> None:
    titles = ("id", "category", "version", "source", "credentials", *_FIGURES, "description")
    rows = [
        (
            part.reference,
            part.category,
            part.version,
            _name_source(part),
            ", ".join(part.credentials),
            *_describe_statistics(part.statistics),
            part.summary,
        )
        for part in parts
    ]
    print_table(*drop_empty_columns(titles, rows, "credentials", *_FIGURES), flexible=("credentials", "description"))


def render_part(part: Part, shown: dict[str, Any]) -> None:
    """Print the parts of a contract that a workflow's author needs. `shown` includes OwnComponent.to_full_json()."""
    say(f"{part.reference} {part.version}, {part.category}, {_name_source(part)}: {shown['description']}")
    if part.visibility == "author_only":
        say(f"Only its author sees it. To let everyone use it: acr parts approve {part.submission_id}")
    if part.statistics is not None:
        figures = zip(_FIGURES, _describe_statistics(part.statistics), strict=True)
        say(", ".join(f"{title} {figure}" for title, figure in figures if figure))
    _render_fields("input", shown["inputs"])
    _render_fields("output", shown["outputs"])
    if shown["credentials"]:
        say()
        rows = [(it["key"], it["inject_as"], it["description"], it["help_url"]) for it in shown["credentials"]]
        print_table(("credential", "fills", "description", "where to get it"), rows, flexible=("description",))
    say()
    say("example")
    node = {"component": part.reference, **shown["config_example"]}
    text = render_yaml(node)
    say_lines(text.rstrip("\n"), indent="  ")


def _render_fields(title: str, fields: Sequence[dict[str, Any]]) -> None:
    if fields:
        say()
        rows = [(it["name"], it["type"], "required" if it["required"] else "", it["description"]) for it in fields]
        print_table((title, "type", "", "description"), rows, flexible=("type", "description"))


def _name_source(part: Part) -> str:
    return part.source if part.visibility is None else f"{part.source}, {part.visibility}"


def _describe_statistics(statistics: Mapping[str, Any] | None) -> tuple[str, str, str, str]:
    """Runs, success rate, average and p95 duration. Empty if unknown or not run yet."""
    if statistics is None:
        return ("", "", "", "")
    rate = statistics["success_rate"]
    durations = (statistics["avg_duration_ms"], statistics["p95_duration_ms"])
    average, p95 = ("" if it is None else f"{it:,.1f} ms" for it in durations)
    return (f"{statistics['total_runs']:,}", "" if rate is None else f"{rate:.1%}", average, p95)


def render_decision(answer: Answer, as_json: bool) -> None:
    """Print a reviewer's decision to stdout. Raises AnswerError if it is a refusal."""
    data = require_data(answer)
    if as_json:
        print_json(answer)
        return
    say(f"{data['canonical_id']}@{data['version']} {data['decisions'][-1]['decision']}: {data['visibility']}")
