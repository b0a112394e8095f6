"""Email Routing of a zone over the REST API.

Source: developers.cloudflare.com/api/resources/email_routing
"""

from dataclasses import dataclass
from typing import Any

from acr.cloudflare.api import CloudflareApi

RULES_A_PAGE = 50


@dataclass(frozen=True)
class MailRule:
    """`address` is the one whose messages it takes, None of the catch-all; `worker` the Worker that gets them, None if
    they go elsewhere.
    """

    address: str | None
    worker: str | None
    is_enabled: bool


@dataclass(frozen=True)
class MailRouting:
    """`has_subaddresses` is whether NAME+TAG@DOMAIN is taken by the rule for NAME@DOMAIN."""

    is_enabled: bool
    status: str
    has_subaddresses: bool
    rules: tuple[MailRule, ...]

    def find_rule(self, address: str) -> MailRule | None:
        """The one that takes the messages to an address; None if none does."""
        taken = [rule for rule in self.rules if rule.is_enabled and rule.address in (address, None)]
        return min(taken, key=lambda rule: rule.address is None, default=None)


def find_zone(api: CloudflareApi, domain: str) -> str | None:
    """The id of the zone that a domain is in; None if the token sees none. Raises CloudflareError."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        found = api.fetch_unscoped("GET", "/zones", params={"name": ".".join(labels[start:])})
        if found:
            return str(found[0]["id"])
    return None


def read_routing(api: CloudflareApi, zone: str) -> MailRouting:
    """Raises CloudflareError."""
    path = f"/zones/{zone}/email/routing"
    settings = api.fetch_unscoped("GET", path)
    rules = [_parse_rule(api.fetch_unscoped("GET", f"{path}/rules/catch_all"))]
    page = 1
    while True:
        listed = api.fetch_unscoped("GET", f"{path}/rules", params={"page": page, "per_page": RULES_A_PAGE})
        rules += [_parse_rule(rule) for rule in listed if _find_matched(rule) is not None]
        if len(listed) < RULES_A_PAGE:
            break
        page += 1
    return MailRouting(
        bool(settings["enabled"]),
        str(settings.get("status", "")),
        bool(settings.get("support_subaddress")),
        tuple(rules),
    )


def _parse_rule(rule: dict[str, Any]) -> MailRule:
    workers = [action["value"][0] for action in rule["actions"] if action["type"] == "worker" and action.get("value")]
    return MailRule(_find_matched(rule), workers[0] if workers else None, bool(rule["enabled"]))


def _find_matched(rule: dict[str, Any]) -> str | None:
    """The address that a rule is for; None of the catch-all."""
    literal = [matcher["value"] for matcher in rule["matchers"] if matcher["type"] == "literal"]
    return str(literal[0]).lower() if literal else None
