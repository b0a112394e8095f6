"""Suggestions for authors who misspelt a name, or used another language's syntax.

Only what `can_be_read` accepts, given an expression without its braces, is suggested.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches

CanBeRead = Callable[[str], bool]

_MAX_SUGGESTED = 200  # maximum characters of a reference that is corrected
COMPARE = "Templates cannot compare. Use a line with IF(...) or the component if_control."
CALCULATE = "To calculate, use one filter per operation: | add(1), | subtract(1), | multiply(2), | divide(2), | round."
_SAME_NAMES = (
    "upper lower trim replace truncate split join length first last slice reverse sort map unique flatten sum min max "
    "keys values round abs int string json date default number"
).split()
# The names of filters, and other languages' names for them.
FILTERS_BY_NAME = {
    **{name: name for name in _SAME_NAMES},
    **dict.fromkeys(("toUpperCase", "uppercase", "upcase", "ucase"), "upper"),
    **dict.fromkeys(("toLowerCase", "lowercase", "downcase", "lcase"), "lower"),
    "strip": "trim",
    **dict.fromkeys(("len", "size", "count"), "length"),
    **dict.fromkeys(("toString", "str", "String"), "string"),
    "toFixed": "round",
    "parseInt": "int",
    **dict.fromkeys(("parseFloat", "float", "Number"), "number"),
    **dict.fromkeys(("stringify", "tojson", "to_json", "toJSON"), "json"),
    "replaceAll": "replace",
    **dict.fromkeys(("substring", "substr"), "slice"),
}
_ARITHMETIC = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}

_STRAIGHT = str.maketrans("“”„‘’", '"""\'\'')
_QUOTED = re.compile(r""""(?:[^"\\]|\\.)*"|(?<![\w"'])'[^']*'""", re.DOTALL)
_INNERMOST = re.compile(r"\([^()\[\]{}]*\)|\[[^()\[\]{}]*\]|\{[^()\[\]{}]*\}")
_PIPE = re.compile(r"(?<!\|)\|(?!\|)")
_OR = re.compile(r"\?\?|\|\||(?<=\s)or(?=\s)|\?:")
_COMPARISON = re.compile(
    r"[=!]==?|[<>]|&&|(?<=\s)(?:and|in|is|not|if|contains|matches)(?=\s)|^(?:not\s|!)|\s\?\s|\?[^.\[|]*:", re.IGNORECASE
)
_SIGN = re.compile(r"\s*[+*%~]\s*|\s+[-/]\s+|/(?=[0-9.]+\s*(?:$|[-+*/]))")
_COMMA = re.compile(",")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SINGLE_QUOTED = re.compile(r"'([^']*)'")
_FILTER = re.compile(r"(?P<name>[A-Za-z_]\w*)\s*(?:\((?P<arguments>.*)\)|[:=]?\s*(?P<bare>.*))", re.DOTALL)
_METHODS = re.compile(r"(?P<head>.+?)(?P<calls>(?:\.\w+\([^()]*\))+)", re.DOTALL)
_METHOD = re.compile(r"\.(\w+)\(([^()]*)\)")
_FUNCTION = re.compile(r"(?P<name>\w+)\((?P<arguments>.*)\)", re.DOTALL)
_EACH = re.compile(r"(?P<head>.+?)\[\s*\*?\s*\](?:\.(?P<path>[^*]+))?", re.DOTALL)
_SLICE = re.compile(r"(?P<head>.+?)\[\s*(?P<start>-?\d*)\s*:\s*(?P<end>-?\d*)\s*\](?:\.(?P<path>.+))?", re.DOTALL)
_INDEXED = re.compile(r"""(?P<head>.+?)\[(?P<index>[^\[\]"']*\.[^\[\]"']*)\]""", re.DOTALL)
_NAME = re.compile(r"[\w-]+")
_INTEGER = re.compile(r"-?[0-9]{1,15}")
_STEP = re.compile(
    r"""\s*\.\s*(?P<field>"[^"]*"|'[^']*'|[^.\[\]{}|?]+)|\s*\[\s*(?P<index>"(?:[^"\\]|\\.)*"|[^\[\]{}|"]*)\s*\]"""
)
_PLAUSIBLE_KEY = re.compile(r"""(?!.*\s[-/]\s)[\w $'"@#/-]+""")
_WORDS = ("true", "false", "null")
_MAX_CHARACTERS, _MAX_COMPARED = 100, 50  # comparing two names takes up to a millisecond on Pyodide


def suggest_reference(source: str, can_be_read: CanBeRead) -> str | None:
    """A sentence that says what to write instead of `source`; None if there is no suggestion."""
    if len(source) > _MAX_SUGGESTED:
        return None
    core, *filters = _split(source.strip().translate(_STRAIGHT), _PIPE)
    return _Author(can_be_read).suggest(core.strip(), filters)


def correct_path(path: str, can_be_read: CanBeRead) -> str | None:
    """A path with quotes around the keys that need them, `["a b"].c`; None if there is none."""
    rest = path.strip() if path.startswith("[") else f".{path.strip()}"
    written = _correct_steps(rest)
    return written.removeprefix(".") if written and can_be_read(f"x{written}") else None


class _Author:
    """Rewrites expressions. Each method handles one form, and returns None for others and if it would not help."""

    def __init__(self, can_be_read: CanBeRead) -> None:
        self._can_be_read = can_be_read

    def suggest(self, core: str, filters: Sequence[str]) -> str | None:
        tail = self._write_filters(filters)
        meant = self._write_default(core)
        if meant is None and _COMPARISON.search(_mask(core)):
            return COMPARE
        if meant is None and (hint := self._suggest_calculation(core, tail)) is not None:
            return hint
        meant = meant or self._write_list(core) or self._write_calls(core) or self._correct(core)
        if meant is not None and tail is not None and self._can_be_read(meant + tail):
            return f"Write {{{{{meant}{tail}}}}}."
        indexed = _INDEXED.fullmatch(core)
        if indexed is None or _NUMBER.fullmatch(indexed["index"].strip()):
            return None
        meant = f"{indexed['head']} | slice({indexed['index'].strip()}) | first"
        return f"For an element of a list write {{{{{meant}}}}}." if self._can_be_read(meant) else None

    def _write_default(self, core: str) -> str | None:
        """Handles `x ?? "y"`, `x || "y"`, `x or "y"`."""
        first, *others = _split(core, _OR)
        head, arguments = self._correct(first.strip()), [self._write_argument(other) for other in others]
        if head is None or not others or None in arguments:
            return None
        return head.removesuffix("?") + "".join(f" | default({argument})" for argument in arguments)

    def _suggest_calculation(self, core: str, tail: str | None) -> str | None:
        signs = [match.group().strip() for match in _SIGN.finditer(_mask(core))]
        operands = [operand.strip() for operand in _split(core, _SIGN)]
        if not signs or not all(operands):
            return None
        texts = [self._read_text(operand) for operand in operands]
        if "~" in signs or any(text is not None for text in texts):
            return self._suggest_joining(signs, operands, texts)
        head, *others = [self._correct(operand) or _read_number(operand) for operand in operands]
        if head is None or None in others:
            return CALCULATE
        ranks = [sign in "+-" for sign in signs]
        is_number = [other is not None and _NUMBER.fullmatch(other) for other in (head, *others)]
        if (
            not set(signs) <= set(_ARITHMETIC)
            or ranks != sorted(ranks)
            or is_number[0]
            or {head, *others} & set(_WORDS)
        ):
            return CALCULATE
        steps = [f" | {_ARITHMETIC[sign]}({other})" for sign, other in zip(signs, others, strict=True)]
        meant = head + "".join(steps) + (tail or "")
        return f"To calculate, write {{{{{meant}}}}}." if self._can_be_read(meant) else CALCULATE

    def _suggest_joining(
        self, signs: Sequence[str], operands: Sequence[str], texts: Sequence[str | None]
    ) -> str | None:
        """Handles `x + "a"`: strings are written side by side, without an operator."""
        if not set(signs) <= {"+", "~"}:
            return None
        heads = [self._correct(operand) if text is None else "" for operand, text in zip(operands, texts, strict=True)]
        if any(head is None for head in heads) or any("{{" in text for text in texts if text):
            return "To join strings, write them side by side."
        pieces = [text if text is not None else f"{{{{{head}}}}}" for head, text in zip(heads, texts, strict=True)]
        return f"To join strings, write {''.join(pieces)} without an operator."

    def _write_list(self, core: str) -> str | None:
        """Handles `l[*].id`, `l[].id`, `l[0:2]`."""
        each, part = _EACH.fullmatch(core), _SLICE.fullmatch(core)
        match = each or part
        if match is None:
            return None
        head, path, steps = self._correct(match["head"]), match["path"], ""
        if each is None:
            steps = f" | slice({match['start'] or 0}" + (f", {match['end']})" if match["end"] else ")")
        inner = correct_path(path, self._can_be_read) if path else None
        if head is None or (path and inner is None):
            return None
        return head + steps + (f" | map({json.dumps(inner, ensure_ascii=False)})" if inner else "")

    def _write_calls(self, core: str) -> str | None:
        """Handles `s.upper()`, `upper(s)`."""
        if methods := _METHODS.fullmatch(core):
            head, calls = methods["head"], _METHOD.findall(methods["calls"])
        elif function := _FUNCTION.fullmatch(core):
            head, *others = _split(function["arguments"], _COMMA)
            calls = [(function["name"], ",".join(others))]
        else:
            return None
        known = self._correct(head.strip())
        if known is None or any(name not in FILTERS_BY_NAME for name, _ in calls):
            return None
        filters = self._write_filters([f"{FILTERS_BY_NAME[name]}({arguments})" for name, arguments in calls])
        return None if filters is None else known + filters

    def _write_filters(self, filters: Sequence[str]) -> str | None:
        """` | name(arguments)` for each, also for `name: argument` and `name "argument"`."""
        written = ""
        for text in filters:
            match = _FILTER.fullmatch(text.strip())
            if match is None:
                return None
            given = match["arguments"] or match["bare"] or ""
            arguments = [self._write_argument(one) for one in _split(given, _COMMA)] if given.strip() else []
            if None in arguments:
                return None
            written += f" | {match['name']}" + (f"({', '.join(map(str, arguments))})" if arguments else "")
        return written

    def _write_argument(self, text: str) -> str | None:
        for written in (text.strip(), _use_double_quotes(text.strip())):
            if written and len(_split(written, _COMMA)) == 1 and self._can_be_read(f"x | default({written})"):
                return written
        return None

    def _read_text(self, operand: str) -> str | None:
        """The value of a quoted string; None if it is not one."""
        written = _use_double_quotes(operand)
        if not _STRING.fullmatch(written) or not self._can_be_read(written):
            return None
        return str(json.loads(written, strict=False))

    def _correct(self, text: str) -> str | None:
        """The path with `?` only at its end, and quotes around the keys that need them."""
        if self._can_be_read(text) or not text:
            return text or None
        required = re.sub(r"\?(?=\s*[.\[])\.?(?=\s*\[)|\?(?=\s*[.\[])", "", text)
        optional = "?" if required != text or text.endswith("?") else ""
        required = required.removesuffix("?")
        head = _NAME.match(required)
        if self._can_be_read(required + optional):
            return required + optional
        steps = _correct_steps(required[head.end() :]) if head else None
        written = f"{head.group() if head else ''}{steps}{optional}"
        return written if steps and self._can_be_read(written) else None


def _correct_steps(rest: str) -> str | None:
    """`.a b[c]` as `["a b"]["c"]`; None if a step is not a plausible key."""
    written = ""
    while rest:
        match = _STEP.match(rest)
        step = _correct_step(match) if match else None
        if match is None or step is None:
            return None
        written, rest = written + step, rest[match.end() :]
    return written


def _correct_step(match: re.Match[str]) -> str | None:
    field, index = match["field"], (match["index"] or "").strip()
    if field is None and (_INTEGER.fullmatch(index) or _STRING.fullmatch(index)):
        return f"[{index}]"
    key = _strip_quotes(field.strip()) if field is not None else index.strip("'")
    if field is not None and _NAME.fullmatch(key) and key == field.strip():
        return f".{key}"
    return f"[{json.dumps(key, ensure_ascii=False)}]" if _PLAUSIBLE_KEY.fullmatch(key) else None


def _strip_quotes(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "\"'" and text[-1] == text[0] else text


def _read_number(operand: str) -> str | None:
    return operand if _NUMBER.fullmatch(operand) else None


def _use_double_quotes(text: str) -> str:
    match = _SINGLE_QUOTED.fullmatch(text)
    return json.dumps(match[1], ensure_ascii=False) if match else text


def _mask(text: str) -> str:
    """A string as long as `text`, in which quoted and bracketed parts are masked."""
    masked = _QUOTED.sub(_cover, text)
    while (deeper := _INNERMOST.sub(_cover, masked)) != masked:
        masked = deeper
    return masked


def _cover(match: re.Match[str]) -> str:
    return "\0" * len(match.group())


def _split(text: str, separator: re.Pattern[str]) -> list[str]:
    """The pieces between separators outside of quotes and brackets."""
    pieces, start = [], 0
    for match in separator.finditer(_mask(text)):
        pieces.append(text[start : match.start()])
        start = match.end()
    return [*pieces, text[start:]]


def suggest_nearest(name: str, known: Iterable[str], otherwise: str = "", *, ignore_case: bool = False) -> str:
    """A sentence with the nearest known name, or `otherwise`. Of very many names, only some with the same first letter
    are compared.
    """
    names = list(known)
    near = [other for other in names if ignore_case and other.casefold() == name.casefold()]
    near = near or find_nearest(name, names)
    return f"Did you mean `{near[0]}`?" if near else otherwise


def find_nearest(name: str, names: list[str]) -> list[str]:
    """The nearest name in a list of its own; empty if there is none."""
    if len(name) > _MAX_CHARACTERS:
        return []
    swapped = next((other for other in names if _is_swapped(name, other)), None)
    if swapped is not None:
        return [swapped]
    if len(names) > _MAX_COMPARED:
        names = [other for other in names if other[:1] == name[:1]][:_MAX_COMPARED]
    return get_close_matches(name, [other for other in names if len(other) <= _MAX_CHARACTERS], n=1)


def _is_swapped(name: str, other: str) -> bool:
    """Whether two letters close to each other have changed places, which difflib counts as two changes: `tydi`."""
    if len(name) != len(other):
        return False
    differing = [at for at, (one, two) in enumerate(zip(name, other, strict=True)) if one != two]
    if len(differing) != 2 or differing[1] - differing[0] > 2:
        return False
    first, second = differing
    return name[first] == other[second] and name[second] == other[first]
