"""Proves how `verify` of a webhook is read: each scheme's settings, and what is diagnosed, with the allowed values."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from arcrun.limits import MAX_VERIFY_CHARACTERS
from arcrun.signatures.policy import Scheme, SignatureFormat, VerifyPolicy
from arcrun.workflows.compile import compile_workflow, require_plan
from arcrun.workflows.diagnostics import Findings
from arcrun.workflows.model import SymbolTable
from arcrun.workflows.parse import parse_workflow
from arcrun.workflows.plan import TRIGGERS_FORMAT, load_plan
from arcrun.workflows.triggers.parse import parse_triggers
from arcrun.workflows.triggers.verify import SCHEMES, parse_verify, warn_of_missing_secrets

AT = ("triggers", "webhook", "verify")
PLAIN = {"credential": "s"}
FORM = SignatureFormat("x-sig")
PAGE = (Path(__file__).parents[4] / "docs/signatures.md").read_text(encoding="utf-8")
SNIPPETS = [text for text in re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE) if "flow:" not in text]


def parse(value: Any) -> tuple[VerifyPolicy | None, Findings]:
    findings = Findings()
    return parse_verify(findings, value, AT), findings


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *(
            pytest.param({"scheme": name, **PLAIN}, VerifyPolicy(Scheme(name), ("s",)), id=name)
            for name in SCHEMES
            if name not in ("twilio", "hmac", "header")
        ),
        pytest.param(
            {"scheme": "stripe", "credential": ["new", "old"], "tolerance_s": 60},
            VerifyPolicy(Scheme.STRIPE, ("new", "old"), 60),
            id="two secrets and a window",
        ),
        pytest.param(
            {"scheme": "twilio", **PLAIN, "url": "https://a.example/x?y=1"},
            VerifyPolicy(Scheme.TWILIO, ("s",), url="https://a.example/x?y=1"),
            id="twilio",
        ),
        pytest.param(
            {"scheme": "meta", **PLAIN, "verify_token": "t"},
            VerifyPolicy(Scheme.META, ("s",), verify_token="t"),
            id="meta with a verify token",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "X-Sig"}, VerifyPolicy(Scheme.HMAC, ("s",), format=FORM), id="hmac"
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "X-Sig", "timestamp_header": "X-Time"},
            VerifyPolicy(
                Scheme.HMAC,
                ("s",),
                format=SignatureFormat("x-sig", timestamp_header="x-time", payload="{timestamp}.{body}"),
            ),
            id="hmac with a time",
        ),
        pytest.param(
            {
                "scheme": "hmac",
                **PLAIN,
                "header": "X-Sig",
                "algorithm": "sha512",
                "encoding": "base64",
                "prefix": "v1=",
                "payload": "https://a.example{body}",
            },
            VerifyPolicy(
                Scheme.HMAC,
                ("s",),
                format=SignatureFormat("x-sig", "v1=", "sha512", "base64", payload="https://a.example{body}"),
            ),
            id="hmac in full",
        ),
        pytest.param(
            {"scheme": "header", **PLAIN, "header": "Authorization", "prefix": "Bearer "},
            VerifyPolicy(Scheme.HEADER, ("s",), format=SignatureFormat("authorization", "Bearer ")),
            id="header",
        ),
    ],
)
def test_a_valid_policy_is_read(value: Any, expected: VerifyPolicy) -> None:
    policy, findings = parse(value)
    assert findings.found == []
    assert policy == expected
    assert VerifyPolicy.load(expected.to_json()) == expected


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        pytest.param("github", "INVALID_SETTING", "scheme, credential", id="no mapping"),
        pytest.param({"credential": "s"}, "INVALID_SETTING", "github, stripe", id="no scheme"),
        pytest.param({"scheme": "github"}, "INVALID_SETTING", "needs `credential`", id="no credential"),
        pytest.param({"scheme": "git", **PLAIN}, "INVALID_SETTING", "standard_webhooks", id="unknown scheme"),
        pytest.param({"scheme": ["x"], **PLAIN}, "INVALID_SETTING", "github, stripe", id="a scheme that is no text"),
        pytest.param({"scheme": "GitHub", **PLAIN}, "INVALID_SETTING", "github", id="a scheme in capitals"),
        pytest.param({"scheme": "github", "credential": []}, "INVALID_SETTING", "list of two", id="no name"),
        pytest.param({"scheme": "github", "credential": ["a", "b", "c"]}, "INVALID_SETTING", "list of two", id="three"),
        pytest.param(
            {"scheme": "github", "credential": "{{credential.x}}"}, "INVALID_SETTING", "name of a", id="a template"
        ),
        pytest.param({"scheme": "github", **PLAIN, "tolerance_s": 5}, "UNKNOWN_KEY", "Allowed", id="no time there"),
        pytest.param({"scheme": "github", **PLAIN, "secret": "x"}, "UNKNOWN_KEY", "credential", id="unknown key"),
        pytest.param(
            {"scheme": "stripe", **PLAIN, "tolerance_s": 0}, "INVALID_SETTING", "from 1 to 86400", id="no window"
        ),
        pytest.param(
            {"scheme": "stripe", **PLAIN, "tolerance_s": "5m"}, "INVALID_SETTING", "an integer", id="a window in words"
        ),
        pytest.param({"scheme": "twilio", **PLAIN}, "INVALID_SETTING", "needs `url`", id="twilio without url"),
        pytest.param(
            {"scheme": "twilio", **PLAIN, "url": "ftp://x"}, "INVALID_SETTING", "https URL", id="not a web address"
        ),
        pytest.param(
            {"scheme": "twilio", **PLAIN, "url": "https://x:99999/"}, "INVALID_SETTING", "https URL", id="no port"
        ),
        pytest.param({"scheme": "twilio", **PLAIN, "url": 5}, "INVALID_SETTING", "string", id="a URL that is no text"),
        pytest.param({"scheme": "hmac", **PLAIN}, "INVALID_SETTING", "needs `header`", id="hmac without header"),
        pytest.param({"scheme": "header", **PLAIN}, "INVALID_SETTING", "needs `header`", id="header without header"),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x y"}, "INVALID_SETTING", "name of a header", id="no header name"
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "algorithm": "md5"},
            "INVALID_SETTING",
            "sha256, sha1, sha512",
            id="another algorithm",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "encoding": "hexx"},
            "INVALID_SETTING",
            "hex, base64",
            id="another encoding",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "payload": "{timestamp}"},
            "INVALID_SETTING",
            "{body}",
            id="a payload without body",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "payload": "{body}{time}"},
            "INVALID_SETTING",
            "{body}, {timestamp}, {method}, {path}, {query}",
            id="an unknown field",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "payload": "{timestamp}{body}"},
            "INVALID_SETTING",
            "no `timestamp_header`",
            id="a time from nowhere",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "timestamp_header": "t", "payload": "{body}"},
            "INVALID_SETTING",
            "anyone could change the time",
            id="a time that is not signed",
        ),
        pytest.param(
            {"scheme": "hmac", **PLAIN, "header": "x", "tolerance_s": 60},
            "INVALID_SETTING",
            "timestamp_header",
            id="a window without a time",
        ),
        pytest.param(
            {"scheme": "header", **PLAIN, "header": "x", "prefix": "a" * (MAX_VERIFY_CHARACTERS + 1)},
            "INVALID_SETTING",
            "string of 1 to",
            id="a long text",
        ),
        pytest.param(
            {"scheme": "meta", **PLAIN, "verify_token": "a b"}, "INVALID_SETTING", "name of a credential", id="no name"
        ),
    ],
)
def test_what_is_wrong_is_diagnosed(value: Any, code: str, said: str) -> None:
    policy, findings = parse(value)
    assert policy is None
    [finding] = findings.found
    assert finding.code == code
    assert said in f"{finding.message} {finding.hint}"


def test_credentials_that_are_not_stored_are_warned_of() -> None:
    findings = Findings()
    policy = VerifyPolicy(Scheme.META, ("new", "old"), verify_token="token")
    warn_of_missing_secrets(policy, ["old"], AT, findings)
    assert [(each.code, each.severity.value) for each in findings.found] == [("MISSING_CREDENTIAL", "warning")] * 2
    assert ["`new`" in findings.found[0].message, "`token`" in findings.found[1].message] == [True, True]
    warn_of_missing_secrets(policy, None, AT, findings)
    assert len(findings.found) == 2


def test_a_verify_token_without_get_is_warned_of() -> None:
    verify = {"scheme": "meta", "credential": "s", "verify_token": "t"}
    for methods, count in ((["POST"], 1), (["GET", "POST"], 0)):
        findings = Findings()
        parse_triggers(findings, {"webhook": {"methods": methods, "verify": verify}}, ("triggers",))
        told = [(each.severity.value, each.hint) for each in findings.found]
        assert told == [("warning", "methods: [GET, POST]")] * count


@pytest.mark.parametrize(
    ("methods", "verify", "count"),
    [
        (["POST", "PUT"], {"scheme": "github"}, 0),
        (["GET", "POST", "DELETE"], {"scheme": "github"}, 2),
        (["GET", "POST"], {"scheme": "meta", "verify_token": "t"}, 0),
        (["GET"], {"scheme": "basic"}, 0),
        (["GET"], {"scheme": "hmac", "header": "x", "payload": "{query}{body}"}, 0),
        (["GET"], {"scheme": "hmac", "header": "x"}, 1),
    ],
)
def test_a_query_that_is_not_signed_is_warned_of(methods: list[str], verify: Any, count: int) -> None:
    workflow = {
        "name": "w",
        "triggers": {"webhook": {"methods": methods, "verify": {**PLAIN, **verify}}},
        "flow": ["input >> PIPE >> output"],
    }
    found = parse_workflow(workflow).findings.found
    assert [(each.code, each.severity.value) for each in found] == [("INVALID_SETTING", "warning")] * count


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_the_page_has_no_finding(snippet: str) -> None:
    draft = parse_workflow(f'name: w\nflow: ["input >> PIPE >> output"]\n{snippet}')
    assert draft.findings.found == []
    assert draft.workflow is not None
    assert draft.workflow.triggers.webhook.verify is not None


def test_the_page_has_a_row_and_a_snippet_for_each_scheme() -> None:
    assert re.findall(r"^\| `(\w+)` \| .* \| .* \| .* \|", PAGE, re.MULTILINE) == list(SCHEMES)
    assert {name for text in SNIPPETS for name in re.findall(r"scheme: (\w+)", text)} == set(SCHEMES)


def test_a_plan_has_the_policy_and_a_format_that_a_release_without_it_refuses() -> None:
    workflow = {
        "name": "w",
        "triggers": {"webhook": {"verify": {"scheme": "hmac", **PLAIN, "header": "X-Sig"}}},
        "flow": ["input >> PIPE >> output"],
    }
    plan = require_plan(compile_workflow(parse_workflow(workflow), SymbolTable()))
    stored = json.loads(json.dumps(plan.to_json()))
    assert stored["format"] == TRIGGERS_FORMAT
    assert load_plan(stored) == plan
    assert load_plan(stored).triggers.webhook.verify == VerifyPolicy(Scheme.HMAC, ("s",), format=FORM)
