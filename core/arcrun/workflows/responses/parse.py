"""`response` of a workflow's file -> Response. What is literal is checked here, the rest in each run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from arcrun.limits import MAX_REDIRECT_HOSTS, MAX_RESPONSE_HEADERS
from arcrun.templates.syntax import OPEN
from arcrun.workflows.diagnostics import Findings, Path
from arcrun.workflows.responses.files import FILE_KEYS, decode_base64
from arcrun.workflows.responses.headers import HEADER_NAME, SET_COOKIE, find_name_problem, find_value_problem
from arcrun.workflows.responses.model import (
    BODILESS_STATUSES,
    FILE,
    JSON,
    KINDS,
    REDIRECT,
    REDIRECT_STATUSES,
    Response,
    is_status,
    parse_status,
)
from arcrun.workflows.responses.redirects import RELATIVE_STARTS, find_literal_host, find_redirect_problem, is_host
from arcrun.workflows.settings import Reader

RESPONSE_KEYS = ("status", "headers", *KINDS, "redirect_hosts", "on_failure")
_STATUS_HINT = "An integer from 200 to 599, or a template of one. 3xx is 304, or of a `redirect`."
_CHOSEN_COOKIE = re.compile(r";\s*(?:path|domain)\s*=", re.IGNORECASE)


def parse_response(findings: Findings, value: Any, at: Path) -> Response | None:
    """None if it is no mapping."""
    response = _Parser(findings).parse(value, at, RESPONSE_KEYS)
    if response is None or not isinstance(value, Mapping) or "on_failure" not in value:
        return response
    keys = tuple(key for key in RESPONSE_KEYS if key != "on_failure")
    on_failure = _Parser(findings).parse(value["on_failure"], (*at, "on_failure"), keys, response.redirect_hosts)
    return replace(response, on_failure=on_failure)


class _Parser:
    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def parse(self, value: Any, at: Path, keys: tuple[str, ...], hosts: tuple[str, ...] = ()) -> Response | None:
        """`hosts` are the default of `redirect_hosts`."""
        Reader(self._findings, value, at, keys)
        if not isinstance(value, Mapping):
            return None
        kinds = [kind for kind in KINDS if kind in value]
        if len(kinds) > 1:
            listed = " and ".join(f"`{kind}`" for kind in kinds)
            self._refuse((*at, kinds[1]), f"a response has one body, not {listed}", "Keep one of them.")
        kind = kinds[0] if kinds else ""
        if "redirect_hosts" in value:
            hosts = self._parse_hosts(value["redirect_hosts"], (*at, "redirect_hosts"))
        content = value.get(kind)
        if kind:
            self._check_content(kind, content, hosts, (*at, kind))
        return Response(
            self._parse_status(value["status"], kind, (*at, "status")) if "status" in value else None,
            self._parse_headers(value["headers"], (*at, "headers")) if "headers" in value else {},
            kind,
            content,
            hosts,
        )

    def _parse_status(self, value: Any, kind: str, at: Path) -> int | str | None:
        if isinstance(value, str) and OPEN in value:
            return value
        status = parse_status(value)
        if status is None or not is_status(status, kind):
            allowed = f"Of a redirect: {', '.join(map(str, REDIRECT_STATUSES))}." if kind == REDIRECT else _STATUS_HINT
            self._refuse(at, f"`status` cannot be {value!r}", allowed)
            return None
        if kind and status in BODILESS_STATUSES:
            self._refuse(at, f"an answer with status {status} has no body, so `{kind}` has no effect", "Omit it.")
        return status

    def _parse_headers(self, value: Any, at: Path) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self._refuse(at, "`headers` must be a mapping of names to strings", "headers: {cache-control: no-store}")
            return {}
        parsed: dict[str, Any] = {}
        for name, content in value.items():
            lower = str(name).lower()
            if not HEADER_NAME.fullmatch(lower):
                self._refuse((*at, name), f"`{name}` cannot be the name of a header", "It is literal: no template.")
            elif lower in parsed:
                self._refuse((*at, name), f"the header `{lower}` is there twice", "Names have no upper and lower case.")
            elif problem := find_name_problem(lower):
                self._refuse((*at, name), f"the header `{lower}` {problem[0]}", problem[1])
            else:
                self._check_header(lower, content, (*at, name))
                parsed[lower] = content
        count = sum(len(it) if isinstance(it, list) else 1 for it in parsed.values())
        if count > MAX_RESPONSE_HEADERS:
            self._refuse(at, f"it has {count} headers; the limit is {MAX_RESPONSE_HEADERS}")
        return parsed

    def _check_header(self, name: str, content: Any, at: Path) -> None:
        values = content if isinstance(content, list) and name == SET_COOKIE else [content]
        for value in values:
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                lists = ", or a list of them: one for each cookie" if name == SET_COOKIE else ""
                self._refuse(at, f"the header `{name}` must be a string{lists}", "Put quotes around it.")
            elif problem := self._find_value_problem(name, str(value)):
                self._refuse(at, f"the header `{name}` {problem[0]}", problem[1])

    def _find_value_problem(self, name: str, text: str) -> tuple[str, str] | None:
        """Of a cookie with templates, what is wrong with it whatever they become."""
        if OPEN not in text:
            return find_value_problem(name, text.strip())
        if name != SET_COOKIE:
            return None
        if text.lstrip().startswith("__"):
            return "sets a name that begins with __, which are the platform's", "Give the cookie another name."
        if _CHOSEN_COOKIE.search(text):
            return "sets a Path or a Domain, which are always those of the webhook", "Leave it out."
        return None

    def _parse_hosts(self, value: Any, at: Path) -> tuple[str, ...]:
        listed = value if isinstance(value, list) else []
        hosts = tuple(host for host in listed if is_host(host))
        if not isinstance(value, list) or len(hosts) < len(listed):
            message = "`redirect_hosts` must be a list of hosts in lower case, without scheme and path"
            self._refuse(at, message, "redirect_hosts: [example.com, shop.example.com]")
        if len(hosts) > MAX_REDIRECT_HOSTS:
            self._refuse(at, f"`redirect_hosts` has {len(hosts)} hosts; the limit is {MAX_REDIRECT_HOSTS}")
        return hosts

    def _check_content(self, kind: str, content: Any, hosts: tuple[str, ...], at: Path) -> None:
        if kind == FILE:
            self._check_file(content, at)
        elif kind != JSON and not isinstance(content, str):
            self._refuse(
                at, f"`{kind}` must be a string", "json: sends a value of any type." if kind != REDIRECT else ""
            )
        elif kind == REDIRECT:
            self._check_redirect(content.strip(), hosts, at)

    def _check_redirect(self, text: str, hosts: tuple[str, ...], at: Path) -> None:
        if OPEN not in text:
            if problem := find_redirect_problem(text, text, ()):
                self._refuse(at, f"`redirect` {problem[0]}", problem[1])
        elif not hosts and not find_literal_host(text) and not text.startswith(RELATIVE_STARTS):
            message = "the host of `redirect` comes from data, which could lead anywhere"
            self._refuse(at, message, "List the hosts that it may be: redirect_hosts: [example.com].")

    def _check_file(self, content: Any, at: Path) -> None:
        if isinstance(content, str) and OPEN in content:
            return
        Reader(self._findings, content, at, FILE_KEYS)
        given = content if isinstance(content, Mapping) else {}
        for key, text in self._list_strings(given, at):
            if key == "base64" and OPEN not in text and decode_base64(text) is None:
                self._refuse((*at, key), "`base64` is not base64", "Text is sent by body: instead.")
            if key == "content_type" and OPEN not in text and (problem := find_value_problem("content-type", text)):
                self._refuse((*at, key), f"`content_type` {problem[0]}", problem[1])
        if isinstance(content, Mapping) and "base64" not in given:
            self._refuse(at, "`file` needs `base64`", 'file: {base64: "{{pdf.data.base64}}", filename: bill.pdf}')

    def _list_strings(self, given: Mapping[str, Any], at: Path) -> Iterator[tuple[str, str]]:
        for key, text in given.items():
            if isinstance(text, str):
                yield key, text
            elif key in FILE_KEYS:
                self._refuse((*at, key), f"`{key}` must be a string")

    def _refuse(self, at: Path, message: str, hint: str = "") -> None:
        self._findings.add("INVALID_RESPONSE", message, hint, at=at)
