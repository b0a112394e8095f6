"""What the Workers need in an account: KV namespaces, found by their titles, and one R2 bucket."""

from collections.abc import Iterable, Mapping

from acr.cloudflare import kv, r2
from acr.cloudflare.api import CloudflareApi, CloudflareError
from acr.errors import CliError

TITLE_PREFIX = "arcrun-"


def title_of(binding: str) -> str:
    """The title of the namespace that `acr init` makes for a binding."""
    return TITLE_PREFIX + binding


def namespace_id_of(api: CloudflareApi, known: Mapping[str, str], binding: str) -> str:
    """The id of a binding's namespace, from the configuration, else by its title. Raises CliError."""
    found = known.get(binding) or kv.list_namespaces(api).get(title_of(binding))
    if found is None:
        raise CliError(f"The account has no KV namespace `{title_of(binding)}`.", "Make what is missing: acr init")
    return found


def ensure_namespaces(
    api: CloudflareApi, known: Mapping[str, str], bindings: Iterable[str]
) -> tuple[dict[str, str], list[str]]:
    """{binding: id} for all `bindings`, and the titles that had to be made.

    A namespace in `known` that the account no longer has is found by its title or made anew. Two runs at once, or a
    run that was interrupted after it had made one, end with one namespace each: titles are unique in an account.
    """
    existing = kv.list_namespaces(api)
    ids = set(existing.values())
    result, made = {}, []
    for binding in bindings:
        title = title_of(binding)
        if known.get(binding) in ids:
            result[binding] = known[binding]
        elif title in existing:
            result[binding] = existing[title]
        else:
            result[binding] = _create_namespace(api, title)
            made.append(title)
    return result, made


def ensure_bucket(api: CloudflareApi, name: str) -> bool:
    """Whether it had to be made."""
    if name in r2.list_buckets(api):
        return False
    try:
        r2.create_bucket(api, name)
    except CloudflareError:
        if name not in r2.list_buckets(api):  # else an earlier attempt, whose answer was lost, has made it
            raise
    return True


def _create_namespace(api: CloudflareApi, title: str) -> str:
    try:
        return kv.create_namespace(api, title)
    except CloudflareError:
        found = kv.list_namespaces(api).get(title)  # an earlier attempt, whose answer was lost, has made it
        if found is None:
            raise
        return found
