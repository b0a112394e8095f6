"""The Workers' resources in an account: KV namespaces, found by title, and one R2 bucket."""

from collections.abc import Iterable, Mapping

from acr.cloudflare import kv, r2
from acr.cloudflare.api import CloudflareApi, CloudflareError
from acr.errors import CliError

TITLE_PREFIX = "arcrun-"


def title_of(binding: str, suffix: str = "") -> str:
    """The title of the namespace that `acr init` creates for a binding; `suffix` is the target's."""
    return TITLE_PREFIX + binding + suffix


def namespace_id_of(api: CloudflareApi, known: Mapping[str, str], binding: str, suffix: str = "") -> str:
    """The id of a binding's namespace, from the configuration or else by title. Raises CliError."""
    title = title_of(binding, suffix)
    found = known.get(binding) or kv.list_namespaces(api).get(title)
    if found is None:
        raise CliError(f"The account has no KV namespace `{title}`.", "Create what is missing: acr init")
    return found


def ensure_namespaces(
    api: CloudflareApi, known: Mapping[str, str], bindings: Iterable[str], suffix: str = ""
) -> tuple[dict[str, str], list[str]]:
    """{binding: id} for all `bindings`, and the titles of the created namespaces.

    A namespace in `known` that the account no longer has is found by title or created. Concurrent or interrupted runs
    never create duplicates, as titles are unique in an account.
    """
    existing = kv.list_namespaces(api)
    ids = set(existing.values())
    result, made = {}, []
    for binding in bindings:
        title = title_of(binding, suffix)
        if known.get(binding) in ids:
            result[binding] = known[binding]
        elif title in existing:
            result[binding] = existing[title]
        else:
            result[binding] = _create_namespace(api, title)
            made.append(title)
    return result, made


def ensure_bucket(api: CloudflareApi, name: str) -> bool:
    """Create the bucket if it does not exist. Returns whether it was created."""
    if name in r2.list_buckets(api):
        return False
    try:
        r2.create_bucket(api, name)
    except CloudflareError:
        if name not in r2.list_buckets(api):  # else an earlier attempt, whose answer was lost, created it
            raise
    return True


def _create_namespace(api: CloudflareApi, title: str) -> str:
    try:
        return kv.create_namespace(api, title)
    except CloudflareError:
        found = kv.list_namespaces(api).get(title)  # an earlier attempt, whose answer was lost, created it
        if found is None:
            raise
        return found
