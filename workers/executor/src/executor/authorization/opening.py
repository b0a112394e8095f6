"""Opens an account's access tokens, at the first call that fetches one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcrun.ports import Background, Clock, Random

if TYPE_CHECKING:
    from arcrun.authorization.protocol import AccessTokensObject
    from executor.authorization.access_tokens import AccessTokenStore, PartSealer
    from executor.credentials import CredentialVault


def build_token_opener(
    workspace: "AccessTokensObject",
    id_of: Callable[[str], str],
    sealer: "PartSealer",
    vault: "CredentialVault",
    *,
    clock: Clock,
    random: Random,
    background: Background,
    reaches_local: bool,
) -> "Callable[[], AccessTokenStore]":
    def open_tokens() -> "AccessTokenStore":
        from executor.authorization.access_tokens import AccessTokenStore  # noqa: PLC0415 - few nodes fetch tokens

        ports: dict[str, Any] = {"clock": clock, "random": random, "background": background}
        return AccessTokenStore(workspace, sealer, id_of, vault.keys_for_marks, **ports, reaches_local=reaches_local)

    return open_tokens
