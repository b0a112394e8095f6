"""The names of the Workers' secrets and variables, and which Worker gets which secret."""

import base64
import secrets
from collections.abc import Mapping

EXECUTOR = "arcrun-cypher-executor"
RUN_WORKFLOW = "arcrun-run"  # the Workflow whose instances are runs that last
API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY = "ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY", "ARCRUN_PREVIOUS_ENCRYPTION_KEY"
REVIEWER_KEY, AUTHOR_KEYS, SIGNING_KEY = "ARCRUN_REVIEWER_KEY", "ARCRUN_AUTHOR_KEYS", "ARCRUN_SIGNING_KEY"
MASTER_KEY = "MASTER_KEY"
# Variables of the executor, "true" or unset: the hosted mode; whether components may call addresses outside the public
# internet.
MULTI_TENANT, ALLOW_LOCAL_NETWORK = "MULTI_TENANT", "ARCRUN_ALLOW_LOCAL_NETWORK"
PLAN, FREE = "ARCRUN_PLAN", "free"  # of the executor: the account's Cloudflare plan; `paid` if unset
LOCAL = "ARCRUN_LOCAL"  # set by `acr dev`: the Worker does not run at Cloudflare
LOCAL_NETWORK_WARNING = (
    f"Warning: {ALLOW_LOCAL_NETWORK}=true lets components call any address that the executor can connect to,"
    " including private networks. To forbid that, unset it and deploy again."
)
PUBLIC_URL = "ARCRUN_PUBLIC_URL"  # of the executor: its webhooks' address
PLATFORM_ID = "ARCRUN_PLATFORM_ID"  # of the executor: tells platforms of one machine apart; letters and digits
MAIL_DOMAIN = "ARCRUN_MAIL_DOMAIN"  # of the executor: the domain of its workflows' mail addresses
_WANTED = {
    "executor": (API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY),
    "registry": (API_KEY, REVIEWER_KEY, AUTHOR_KEYS, SIGNING_KEY),
    "auth": (MASTER_KEY,),
}


def make_api_key() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def make_signing_key() -> str:
    """An Ed25519 private key: 32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def secrets_of(service: str, known: Mapping[str, str | None], *, is_multi_tenant: bool = False) -> dict[str, str]:
    """The known secrets that a Worker gets. In the hosted mode the executor also gets the master key."""
    wanted = _WANTED.get(service, ()) + ((MASTER_KEY,) if service == "executor" and is_multi_tenant else ())
    return {name: secret for name in wanted if (secret := known.get(name))}
