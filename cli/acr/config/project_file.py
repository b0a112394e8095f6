"""arcrun.yaml, in the current folder or a parent: settings that a project's members share, without secrets.

    account_id: 0123456789abcdef0123456789abcdef
    url: https://hooks.example.com
    vars: {api: https://api.example.com}
    targets:
      staging: {vars: {api: https://staging.example.com}}
      production: {account_id: fedcba9876543210fedcba9876543210, domain: hooks.example.com}

A target is a platform of its own. Where it names no account it is in the project's, or in the one that `acr init`
chose. Its `vars`, which workflows read as `{{vars.NAME}}`, add to those of the project.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acr.config.chosen_target import TARGET_RULE, chosen_target, is_target_name
from acr.errors import CliError, TargetError

FILE_NAME = "arcrun.yaml"
_KEYS = ("account_id", "bucket", "url", "domain", "mail_domain")
_TARGET_KEYS = (*_KEYS, "suffix")
_TARGETS, _VARS = "targets", "vars"
_SUFFIX = re.compile(r"(-[a-z0-9]{1,16}){0,2}")


@dataclass(frozen=True)
class ProjectFile:
    """`url` is the executor's address, `domain` its webhooks' custom domain, `mail_domain` that of the workflows' mail
    addresses. `suffix` ends the names of the target's Workers, namespaces and bucket. Missing settings are None. `vars`
    are the settings of workflows. `targets` are the names of all targets.
    """

    account_id: str | None = None
    bucket: str | None = None
    url: str | None = None
    domain: str | None = None
    mail_domain: str | None = None
    suffix: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def find_project_file(folder: Path) -> Path | None:
    """The nearest project file at or above `folder`."""
    return next((parent / FILE_NAME for parent in (folder, *folder.parents) if (parent / FILE_NAME).is_file()), None)


def read_project_file(folder: Path, target: str | None = None) -> ProjectFile:
    """The nearest project file at or above `folder`; empty if there is none. With `target`, the settings are that
    target's. Raises CliError.
    """
    path = find_project_file(folder)
    project = ProjectFile() if path is None else _parse(path)
    return project if target is None else _select(project, target)


def read_variables() -> Mapping[str, Any]:
    """The `vars` of the current folder's project, for the chosen target. Raises CliError."""
    return read_project_file(Path.cwd(), chosen_target()).vars


def _select(project: ProjectFile, target: str) -> ProjectFile:
    own = project.targets.get(target)
    if own is None:
        known = ", ".join(project.targets) or "none"
        raise TargetError(
            f"{FILE_NAME} has no target `{target}`; it has {known}.",
            f"Add it under `{_TARGETS}:` in {FILE_NAME}: `{target}: {{}}`",
        )
    settings = {"account_id": project.account_id, "suffix": f"-{target}", **own}
    return ProjectFile(**{**settings, _VARS: {**project.vars, **own.get(_VARS, {})}}, targets=project.targets)


def _parse(path: Path) -> ProjectFile:
    from arcrun.yaml_text import YamlTextError, parse_yaml  # noqa: PLC0415 - only where there is such a file

    try:
        source: Any = parse_yaml(path.read_text(encoding="utf-8")).value or {}
    except YamlTextError as error:
        raise CliError(f"{path}:{error.line}: {error.problem}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"{path} cannot be read: {error}") from None
    if not isinstance(source, dict):
        raise CliError(f"{path} is not a mapping.", f"It may contain {', '.join(_KEYS)}, {_VARS}, {_TARGETS}.")
    targets = source.pop(_TARGETS, None) or {}
    variables = _take_variables(path, "", source)
    _check(path, "", source, _KEYS)
    if not isinstance(targets, dict):
        raise CliError(f"{path}: `{_TARGETS}` must map names to settings.", "For example: `targets: {staging: {}}`")
    of_targets: dict[str, Mapping[str, Any]] = {}
    for name, settings in targets.items():
        if not isinstance(name, str) or not is_target_name(name):
            raise CliError(f"{path}: `{name}` is not a target's name.", f"{TARGET_RULE}: staging.")
        place = f"{_TARGETS}.{name}: "
        own = _take_variables(path, place, settings) if isinstance(settings, dict) else {}
        _check(path, place, settings or {}, _TARGET_KEYS)
        of_targets[name] = {**(settings or {}), **({_VARS: own} if own else {})}
        if not _SUFFIX.fullmatch((settings or {}).get("suffix", "")):
            raise CliError(
                f"{path}: the suffix of `{name}` is not allowed.", "Like -staging; '' has the names without a suffix."
            )
    project = ProjectFile(**source, vars=variables, targets=of_targets)
    _require_distinct(path, project)
    return project


def _take_variables(path: Path, place: str, settings: dict[str, Any]) -> Mapping[str, Any]:
    """The `vars` of settings, which are removed there. Raises CliError."""
    from arcrun.templates.variables import find_variables_problem  # noqa: PLC0415 - only where there is such a file

    given = settings.pop(_VARS, None) or {}
    if problem := find_variables_problem(given):
        hint = "For example: `vars: {api: https://api.example.com}`. Secrets are stored by `acr creds set`."
        raise CliError(f"{path}: {place}`{_VARS}`: {problem}.", hint)
    return dict(given)


def _require_distinct(path: Path, project: ProjectFile) -> None:
    """Raises CliError TARGETS_SHARE_WORKERS if two targets would have the same Workers."""
    names: dict[tuple[str | None, str | None], str] = {}
    for name in project.targets:
        settings = _select(project, name)
        place = settings.account_id, settings.suffix
        if place in names:
            raise CliError(
                f"{path}: the targets {names[place]} and {name} would be the same Workers.",
                "Give one of them another suffix, or another account_id.",
                "TARGETS_SHARE_WORKERS",
            )
        names[place] = name


def _check(path: Path, place: str, settings: Any, keys: tuple[str, ...]) -> None:
    """Raises CliError unless the settings are texts of these keys."""
    wrong = [key for key in settings if key not in keys] if isinstance(settings, dict) else ["(not a mapping)"]
    if wrong or not all(isinstance(value, str) for value in settings.values()):
        message = f"{path}: {place}only {', '.join(keys)} may stand there, as strings"
        raise CliError(
            f"{message}; it has {', '.join(map(str, wrong)) or 'other values'}.", "Do not put secrets there."
        )
