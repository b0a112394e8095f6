"""The hint that names what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def suggest_nearest(name: str, known: Iterable[str], otherwise: str = "", *, ignore_case: bool = False) -> str:
    """Did you mean `x`? Or `otherwise`, if nothing is near."""
    names = list(known)
    near = [other for other in names if ignore_case and other.casefold() == name.casefold()]
    near = near or get_close_matches(name, names, n=1)
    return f"Did you mean `{near[0]}`?" if near else otherwise
