"""What of Email Routing a platform's mail addresses need, and what of it is missing."""

from collections.abc import Sequence

from acr.cloudflare.api import AUTH_STATUSES, CloudflareApi, CloudflareError
from acr.cloudflare.email_routing import MailRouting, find_zone, read_routing
from acr.errors import CliError

READY = "ready"


def describe_routing(domain: str, worker: str) -> str:
    """What is to be set in the dashboard, for people."""
    return (
        f"Messages to {domain}: in Cloudflare's dashboard, Email > Email Routing of its zone, enable it and let"
        f" messages go to the Worker {worker}: by the catch-all, or by a rule for NAME@{domain} of each workflow, with"
        " subaddressing on. acr doctor looks at it."
    )


def check_routing(api: CloudflareApi, domain: str, worker: str, workflows: Sequence[str]) -> str:
    """What was found. `workflows` are those with an address. Raises CliError if their messages do not reach the Worker;
    a token that may not look at it is no fault.
    """
    told = describe_routing(domain, worker)
    try:
        zone = find_zone(api, domain)
        routing = None if zone is None else read_routing(api, zone)
    except CloudflareError as error:
        if error.status not in AUTH_STATUSES:
            raise
        routing = None
    if routing is None:
        return (
            f"{domain}; this token cannot see its zone with Zone, Zone Settings and Email Routing Rules: Read. {told}"
        )
    if not routing.is_enabled or routing.status not in ("", READY):
        raise CliError(f"Email Routing of {domain} is not ready ({routing.status or 'disabled'}).", told)
    for name in workflows:
        _require_rule(routing, f"{name}@{domain}", worker, told)
    catch_all = routing.find_rule("")
    if not workflows and (catch_all is None or catch_all.worker != worker):
        return f"{domain}; no rule sends all of its messages to {worker}, and no workflow has an address yet. {told}"
    return f"{domain}: {len(workflows)} workflow{'s' * (len(workflows) != 1)} with an address"


def _require_rule(routing: MailRouting, address: str, worker: str, told: str) -> None:
    """Raises CliError. Without subaddressing only the catch-all takes messages to an address with a tag."""
    rule = routing.find_rule(address if routing.has_subaddresses else "")
    if rule is None or rule.worker != worker:
        why = "no rule takes them" if rule is None else f"the rule for {rule.address or 'all'} sends them elsewhere"
        if not routing.has_subaddresses and routing.find_rule(address) not in (rule, None):
            why = "subaddressing is off"
        raise CliError(f"Messages to {address} with its tag do not reach {worker}: {why}.", told)
