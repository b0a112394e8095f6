"""The Workers' secrets and variables by name: which Worker gets which secret."""

import base64
import secrets
from collections.abc import Mapping

EXECUTOR = "arcrun-cypher-executor"
API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY = "ARCRUN_API_KEY", "ARCRUN_ENCRYPTION_KEY", "ARCRUN_PREVIOUS_ENCRYPTION_KEY"
REVIEWER_KEY, AUTHOR_KEYS, SIGNING_KEY = "ARCRUN_REVIEWER_KEY", "ARCRUN_AUTHOR_KEYS", "ARCRUN_SIGNING_KEY"
MASTER_KEY = "MASTER_KEY"
# No secrets, but variables of the executor, "true" or left out: the hosted mode; whether components may call addresses
# that are not of the public internet. And where its webhooks are reached.
MULTI_TENANT, ALLOW_LOCAL_NETWORK = "MULTI_TENANT", "ARCRUN_ALLOW_LOCAL_NETWORK"
PLAN, FREE = "ARCRUN_PLAN", "free"  # of the executor: which of Cloudflare's plans the account has; else it is `paid`
LOCAL = "ARCRUN_LOCAL"  # what `acr dev` sets, by which a Worker knows that it is not at Cloudflare
LOCAL_NETWORK_WARNING = (
    f"Warning: {ALLOW_LOCAL_NETWORK}=true, so components may call any address that the executor can connect to,"
    " also such as lead into private networks. Unset it and deploy again to forbid that."
)
PUBLIC_URL = "ARCRUN_PUBLIC_URL"
_WANTED = {
    "executor": (API_KEY, ENCRYPTION_KEY, PREVIOUS_KEY),
    "registry": (API_KEY, REVIEWER_KEY, AUTHOR_KEYS, SIGNING_KEY),
    "auth": (MASTER_KEY,),
}


def make_api_key() -> str:
    """256 random bits."""
    return secrets.token_urlsafe(32)


def make_signing_key() -> str:
    """A private key of Ed25519, which is any 32 bytes, in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def secrets_of(service: str, known: Mapping[str, str | None], *, is_multi_tenant: bool = False) -> dict[str, str]:
    """Of the secrets that we have, those for a Worker. In the hosted mode the executor opens tenants' accounts."""
    wanted = _WANTED.get(service, ()) + ((MASTER_KEY,) if service == "executor" and is_multi_tenant else ())
    return {name: secret for name in wanted if (secret := known.get(name))}
