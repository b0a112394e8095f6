"""The hint that names what was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

_MAX_CHARACTERS, _MAX_COMPARED = 100, 50  # to compare two names takes up to a millisecond on Pyodide


def suggest_nearest(name: str, known: Iterable[str], otherwise: str = "", *, ignore_case: bool = False) -> str:
    """Did you mean `x`? Or `otherwise`, if nothing is near. Of very many names, some that begin alike are looked at."""
    names = list(known)
    near = [other for other in names if ignore_case and other.casefold() == name.casefold()]
    near = near or find_nearest(name, names)
    return f"Did you mean `{near[0]}`?" if near else otherwise


def find_nearest(name: str, names: list[str]) -> list[str]:
    """The nearest, or none."""
    if len(name) > _MAX_CHARACTERS:
        return []
    if len(names) > _MAX_COMPARED:
        names = [other for other in names if other[:1] == name[:1]][:_MAX_COMPARED]
    return get_close_matches(name, [other for other in names if len(other) <= _MAX_CHARACTERS], n=1)
