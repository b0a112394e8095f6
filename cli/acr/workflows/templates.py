"""The example workflows that come with acr, as templates of new ones; and the credentials that a workflow needs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acr.errors import CliError
from acr.workflows.components_at_hand import ComponentsAtHand
from acr.workflows.offline_check import check_offline
from acr.workflows.workflow_file import is_test_file
from arcrun.credentials.injection import name_authorizing, name_credentials
from arcrun.templates.hints import suggest_nearest
from arcrun.workflows.compile import require_plan
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import Plan, PlannedNode
from arcrun.workflows.polls import load_poll

FOLDER = "examples/workflows"
_NAME_LINE = re.compile(r"^name:.*$", re.MULTILINE)


@dataclass(frozen=True)
class NeededCredential:
    """A credential by the name under which it is stored. `nodes` use it; `help_url` is empty if no contract says where
    to get it.
    """

    name: str
    description: str
    help_url: str
    nodes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "description": self.description, "help_url": self.help_url}


@dataclass(frozen=True)
class WorkflowTemplate:
    """A template. `text` is its file's, `test` that of its test file, None if it has none; `calls` are the templates of
    the workflows that it calls, also through others.
    """

    name: str
    description: str
    text: str
    test: str | None
    credentials: tuple[NeededCredential, ...]
    calls: "tuple[WorkflowTemplate, ...]" = ()

    @property
    def all_credentials(self) -> tuple[NeededCredential, ...]:
        """Its own, and those of the workflows that it calls."""
        needed = (credential for template in (self, *self.calls) for credential in template.credentials)
        return tuple({credential.name: credential for credential in needed}.values())

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "description": self.description,
            "credentials": [credential.to_json() for credential in self.all_credentials],
            "calls": [template.name for template in self.calls],
            "has_test": self.test is not None,
        }


class Templates:
    """The templates below `home` (acr.config.platform_home)."""

    def __init__(self, home: Path) -> None:
        self._folder, self._components = home / FOLDER, ComponentsAtHand(home)

    @property
    def names(self) -> list[str]:
        return sorted(path.stem for path in self._folder.glob("*.yaml") if not is_test_file(path))

    def read(self, name: str) -> WorkflowTemplate:
        """Hyphens stand for underscores. Raises CliError TEMPLATE_UNKNOWN."""
        name = name.replace("-", "_")
        if name not in self.names:
            near = suggest_nearest(name, self.names)
            raise CliError(
                f"There is no template `{name}`.", f"{near} List all: acr new".strip(), code="TEMPLATE_UNKNOWN"
            )
        return self._read(name, {name})

    def _read(self, name: str, seen: set[str]) -> WorkflowTemplate:
        text = (self._folder / f"{name}.yaml").read_text(encoding="utf-8")
        check = check_offline(text, f"{name}.yaml", self._components)
        workflow = parse_workflow(text).workflow
        assert workflow is not None
        calls: dict[str, WorkflowTemplate] = {}
        for called in check.calls:
            if called not in seen:
                seen.add(called)
                found = self._read(called, seen)
                calls |= {each.name: each for each in (found, *found.calls)}
        plan = require_plan(check.compilation)
        test = self._folder / f"{name}.test.yaml"
        return WorkflowTemplate(
            name,
            workflow.description,
            text,
            test.read_text(encoding="utf-8") if test.is_file() else None,
            (*find_credentials(plan, self._components), *_find_secrets_of_webhook(plan)),
            tuple(calls.values()),
        )


def find_credentials(plan: Plan, components: ComponentsAtHand) -> Iterable[NeededCredential]:
    """The credentials that the plan's own nodes and its polls need: by their contracts, and by their templates."""
    told: dict[str, tuple[str, str]] = {}
    nodes: dict[str, list[str]] = {}
    for node in (*plan.calls, *_list_polled(plan)):
        contract = components.find_contract(node.component) if node.workflow is None else None
        required = name_credentials(contract, node.credentials or {}, node.config) if contract else ()
        for each in required:
            told[each.name] = " ".join(each.credential.description.split()), each.credential.help_url
        authorizing = name_authorizing(contract, node.config) if contract else ()
        for name in (*(each.name for each in required), *node.credential_references, *authorizing):
            nodes.setdefault(name, []).append(node.name)
    for name, users in nodes.items():
        description, help_url = told.get(name, ("", ""))
        yield NeededCredential(name, description, help_url, tuple(users))


def _list_polled(plan: Plan) -> Iterable[PlannedNode]:
    """What its `watch` asks."""
    return () if plan.triggers.watch is None else load_poll(plan.triggers.watch).calls


def _find_secrets_of_webhook(plan: Plan) -> Iterable[NeededCredential]:
    """The credentials that `verify` needs, which no node reads."""
    if (policy := plan.triggers.webhook.verify) is not None:
        for name in policy.names:
            yield NeededCredential(name, f"For `verify`, scheme {policy.scheme}: acr docs signatures", "", ())


def plan_files(template: WorkflowTemplate, file: Path, name: str) -> Mapping[Path, str]:
    """The files of a new workflow and their contents: `file`, its test file, and those of the workflows that it calls,
    beside it.
    """
    files = {file: _NAME_LINE.sub(f"name: {name}", template.text, count=1)}
    if template.test is not None:
        files[file.with_suffix(f".test{file.suffix}")] = _name_files(template.test, template.name, file)
    for called in template.calls:
        files[file.with_name(f"{called.name}.yaml")] = called.text
    return files


def _name_files(text: str, template: str, file: Path) -> str:
    """The test file's text, whose comments name the new files."""
    own = {f"{template}.test.yaml": f"{file.stem}.test{file.suffix}", f"{template}.yaml": file.name}
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, own))})")
    lines = (pattern.sub(lambda found: own[found[0]], line) if line.startswith("#") else line for line in _lines(text))
    return "".join(lines)


def _lines(text: str) -> Sequence[str]:
    return text.splitlines(keepends=True)


def write_files(file: Path, files: Mapping[Path, str]) -> list[Path]:
    """Write the files, and return those written. Besides `file`, existing ones with the same content are kept.

    Raises CliError FILE_EXISTS, before anything is written, and FOLDER_MISSING.
    """
    if not file.parent.is_dir():
        raise CliError(f"There is no folder {file.parent}.", f"Make it: mkdir -p {file.parent}", "FOLDER_MISSING")
    wanted = [path for path, text in files.items() if path == file or not _has_content(path, text)]
    for path in wanted:
        if path.exists() or path.is_symlink():
            hint = "Give the new one another name: acr new TEMPLATE FILE. Or move that file away."
            raise CliError(f"{path} exists already, and nothing was written.", hint, "FILE_EXISTS")
    for path in wanted:
        with path.open("x", encoding="utf-8") as opened:
            opened.write(files[path])
    return wanted


def _has_content(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False
