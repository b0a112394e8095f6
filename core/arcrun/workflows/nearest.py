"""The hint that names what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest_nearest(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """Did you mean `x`? Or `otherwise`, if nothing is near."""
    near = get_close_matches(name, list(known), n=1)
    return f"Did you mean `{near[0]}`?" if near else otherwise
