"""`auth` of nodes: checked at push, since a run only ever takes it from the workflow."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from arcrun.authorization.model import HEADER, QUERY, Authorization, parse_authorization
from arcrun.errors import InputError
from arcrun.templates.template import Template
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import Node, SymbolTable

_HEADERS, _QUERY, _URL = "headers", "query", "url"


def check_authorization(
    node: Node, key: str, config: Mapping[str, Any], symbols: SymbolTable, findings: Findings
) -> None:
    at = (*node.at, key)
    for path, template in node.templates.items():
        if path[0] == key and isinstance(template, Template):
            message = f"`{'.'.join(map(str, path))}` of {node.told} is filled from data, and would choose the secret"
            findings.add("INVALID_INPUT", message, "Write it as it is.", at=(*node.at, *path))
            return
    try:
        found = parse_authorization(config[key])
    except InputError as error:
        field = str(error.details["field"])
        message = f"{error.message.rstrip('.')} ({node.told})"
        findings.add("INVALID_INPUT", message, error.next_actions[0], at=(*node.at, *field.split(".")))
        return
    _check_others(node, found, config, findings)
    if symbols.credentials is not None and found.credential not in symbols.credentials:
        message = f"{node.told} needs the credential `{found.credential}`, which is not stored"
        findings.warn("MISSING_CREDENTIAL", message, f"Store it: acr creds set {found.credential}.", at=at)


def _check_others(node: Node, found: Authorization, config: Mapping[str, Any], findings: Findings) -> None:
    """What says the same as `auth` in another way; and a secret on its way in the clear."""
    taken = found.name.lower() if found.type == HEADER else "authorization"
    headers, query, url = config.get(_HEADERS), config.get(_QUERY), config.get(_URL)
    if found.type == QUERY:
        if isinstance(query, Mapping) and found.name in query:
            _add_twofold(node, f"{_QUERY}.{found.name}", (_QUERY, found.name), findings)
    elif isinstance(headers, Mapping):
        for name in headers:
            if isinstance(name, str) and name.lower() == taken:
                _add_twofold(node, f"{_HEADERS}.{name}", (_HEADERS, name), findings)
    if isinstance(url, str) and url.startswith("http://") and not _is_local(url):
        message = f"`{_URL}` of {node.told} is not https: whoever is in between can read its `auth`"
        findings.warn("INVALID_INPUT", message, "Write https://, if the service has it.", at=(*node.at, _URL))


def _add_twofold(node: Node, told: str, path: tuple[str, ...], findings: Findings) -> None:
    message = f"{node.told} has both `auth` and `{told}`, which say the same"
    findings.add("INVALID_INPUT", message, "Keep one of them.", at=(*node.at, *path))


def _is_local(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "localhost" or host.startswith(("127.", "10.", "192.168.", "{")) or "." not in host
