"""The kinds of arguments that commands take: workflows, their files, runs, components. Tab completes each."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

COMPLETION_TIMEOUT_S = 2.0
MAX_COMPLETED_RUNS = 50
MAX_LISTED_FILES = 500  # per folder
WORKFLOW_SUFFIXES = (".yaml", ".yml")
STDIN = Path("/dev/stdin")  # which `-` stands for


class WorkflowName(click.ParamType[str]):
    """The name of a stored workflow."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from arcrun.workflows.parse import is_workflow_name  # noqa: PLC0415 - slow to import

        if value == "":
            self.fail("The name is empty. Name a workflow (acr list).", param, ctx)
        if not is_workflow_name(value):
            self.fail(f"`{value}` is not a workflow's name: letters, digits, _ and -, at most 64.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: _workflow_names(ctx))


class WorkflowFile(click.Path):
    """A workflow's file, which exists; `-` is stdin."""

    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(STDIN if value == "-" else value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: list_workflow_files(incomplete))


class NewWorkflowFile(click.Path):
    """A workflow's file, which is written."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "-":
            self.fail("`-` is stdin, and this is written. Name a file. To print a workflow: acr show NAME.", param, ctx)
        return super().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: list_workflow_files(incomplete))


class WorkflowFileOrFolder(click.Path):
    """A workflow's file, `-` for stdin, or a folder of them. Whether a file can be read is said by the command, file by
    file.
    """

    def __init__(self) -> None:
        super().__init__(exists=True, readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return super().convert(STDIN if value == "-" else value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: list_workflow_folders(incomplete), lambda: list_workflow_files(incomplete))


class WorkflowVersion(click.IntRange):
    """The number of a version of the workflow that the command names."""

    def __init__(self) -> None:
        super().__init__(min=1)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: _versions(ctx, _name_of(ctx)))


class WorkflowNameOrFile(click.ParamType[Path | str]):
    """A workflow's file, as a Path, or the name of a stored one, as a str; `-` is stdin. What looks like a path must be
    a file.
    """

    name = "workflow"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path | str:
        if isinstance(value, Path):
            return value
        if value == "-":
            return STDIN
        path = Path(value)
        if value and path.is_dir():
            self.fail(f"`{value}` is a folder. Name a workflow's file, or a stored workflow (acr list).", param, ctx)
        if value and path.exists():
            return path
        if looks_like_path(value):
            self.fail(f"There is no file `{value}`.", param, ctx)
        return WorkflowName().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: list_workflow_files(incomplete), lambda: _workflow_names(ctx))


class RunOrWorkflowName(click.ParamType[str]):
    """The id of a run or its beginning, or the name of a workflow."""

    name = "run"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return WorkflowName().convert(value, param, ctx)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: _workflow_names(ctx), lambda: _run_ids(ctx))


class ComponentId(click.ParamType[str]):
    """A component's id, `shout` or `shout@v1`."""

    name = "id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, _builtin_ids, lambda: _bundled_ids(ctx), lambda: _registry_ids(ctx))


class TemplateName(click.ParamType[str]):
    """The name of a template of `acr new`."""

    name = "template"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, _template_names)


class ComponentFolderPath(click.Path):
    """A component's folder."""

    def __init__(self) -> None:
        super().__init__(exists=True, file_okay=False, path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return complete(incomplete, lambda: _component_folders(incomplete))


def looks_like_path(value: str) -> bool:
    return "/" in value or value.endswith((*WORKFLOW_SUFFIXES, ".json"))


def complete(incomplete: str, *sources: Callable[[], Iterable[str]]) -> list[CompletionItem]:
    """What the sources offer that begins with `incomplete`. A source that fails offers nothing: Tab must not print."""
    found: dict[str, None] = {}
    for source in sources:
        try:
            found |= dict.fromkeys(text for text in source() if text.startswith(incomplete))
        except Exception:  # noqa: S112 - whatever is wrong, the command itself will say it
            continue
    return [CompletionItem(text) for text in found]


def list_workflow_files(incomplete: str) -> Iterator[str]:
    """The YAML files in the folder that has been typed, and in the folders in it, which can be typed on."""
    typed = incomplete.rpartition("/")
    prefix, folder = typed[0] + typed[1], Path(typed[0] + typed[1] or ".")
    for entry in sorted(folder.iterdir())[:MAX_LISTED_FILES]:
        if entry.name.startswith("."):
            continue
        if entry.is_file() and entry.suffix in WORKFLOW_SUFFIXES:
            yield f"{prefix}{entry.name}"
        elif entry.is_dir():
            files = (file for file in sorted(entry.iterdir())[:MAX_LISTED_FILES] if file.suffix in WORKFLOW_SUFFIXES)
            yield from (f"{prefix}{entry.name}/{file.name}" for file in files)


def list_workflow_folders(incomplete: str) -> Iterator[str]:
    """The folders, each with a final slash, that have YAML files in them or in a folder in them."""
    typed = incomplete.rpartition("/")
    prefix, folder = typed[0] + typed[1], Path(typed[0] + typed[1] or ".")
    for entry in sorted(folder.iterdir())[:MAX_LISTED_FILES]:
        if entry.is_dir() and not entry.name.startswith(".") and next(list_workflow_files(f"{entry}/"), None):
            yield f"{prefix}{entry.name}/"


def _component_folders(incomplete: str) -> Iterator[str]:
    typed = incomplete.rpartition("/")
    prefix, folder = typed[0] + typed[1], Path(typed[0] + typed[1] or ".")
    for entry in sorted(folder.iterdir())[:MAX_LISTED_FILES]:
        if (entry / "contract.yaml").is_file():
            yield f"{prefix}{entry.name}"
        elif entry.is_dir() and not entry.name.startswith("."):
            inner = (each for each in sorted(entry.iterdir())[:MAX_LISTED_FILES] if (each / "contract.yaml").is_file())
            yield from (f"{prefix}{entry.name}/{each.name}" for each in inner)


def _workflow_names(ctx: click.Context) -> list[str]:
    from acr.targets.executor_client import ExecutorClient  # noqa: PLC0415 - slow to import
    from acr.targets.settings import resolve_target  # noqa: PLC0415

    given = ctx.params
    target = resolve_target(given.get("url"), given.get("api_key"), local=given.get("local"))
    with ExecutorClient(target, timeout_s=COMPLETION_TIMEOUT_S) as client:
        return [workflow["name"] for workflow in client.list_workflows()]


def _name_of(ctx: click.Context) -> str:
    """The workflow that is named; if the command line ends with an option, click leaves it among the arguments."""
    return str(ctx.params["name"] or ctx.args[0])


def _versions(ctx: click.Context, name: str) -> list[str]:
    from acr.targets.executor_client import ExecutorClient  # noqa: PLC0415 - slow to import
    from acr.targets.settings import resolve_target  # noqa: PLC0415

    given = ctx.params
    target = resolve_target(given.get("url"), given.get("api_key"), local=given.get("local"))
    with ExecutorClient(target, timeout_s=COMPLETION_TIMEOUT_S) as client:
        versions = client.show_workflow(name)["data"]["versions"]
        return [str(version["version"]) for version in reversed(versions)]


def _run_ids(ctx: click.Context) -> list[str]:
    from acr.targets.executor_client import ExecutorClient  # noqa: PLC0415 - slow to import
    from acr.targets.settings import resolve_target  # noqa: PLC0415

    given = ctx.params
    target = resolve_target(given.get("url"), given.get("api_key"), local=given.get("local"))
    with ExecutorClient(target, timeout_s=COMPLETION_TIMEOUT_S) as client:
        return [run["run_id"] for run in client.list_runs({}, MAX_COMPLETED_RUNS)]


def _builtin_ids() -> list[str]:
    from acr.config.platform_home import find_platform_home  # noqa: PLC0415
    from acr.parts.own_components import builtin_ids  # noqa: PLC0415 - slow to import

    return builtin_ids(find_platform_home())


def _bundled_ids(ctx: click.Context) -> list[str]:
    from acr.config.platform_home import find_platform_home  # noqa: PLC0415
    from acr.parts.own_components import bundled_ids  # noqa: PLC0415 - slow to import
    from acr.targets.settings import find_component_folders  # noqa: PLC0415

    return bundled_ids(find_component_folders(local=ctx.params.get("local")), find_platform_home())


def _template_names() -> list[str]:
    from acr.config.platform_home import find_platform_home  # noqa: PLC0415
    from acr.workflows.templates import Templates  # noqa: PLC0415 - slow to import

    return Templates(find_platform_home()).names


def _registry_ids(ctx: click.Context) -> list[str]:
    from acr.targets.registry_client import RegistryClient  # noqa: PLC0415 - slow to import
    from acr.targets.settings import resolve_registry  # noqa: PLC0415

    target = resolve_registry(ctx.params.get("registry"), ctx.params.get("api_key"), local=ctx.params.get("local"))
    with RegistryClient(target, timeout_s=COMPLETION_TIMEOUT_S) as client:
        return [component["canonical_id"] for component in client.search()]
