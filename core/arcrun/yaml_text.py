"""YAML with JSON values, from untrusted strings; and JSON values as YAML.

Plain scalars are read according to YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), with numbers
in JSON's notation:

- null: `null`, `Null`, `NULL`, `~` and nothing; booleans: `true`, `True`, `TRUE`, `false`, `False`, `FALSE`
- numbers: RFC 8259's, such as `-1`, `0.5`, `1e3`. The core schema's other forms `+1`, `.5`, `1.`, `0x1F`, `0o17`,
  `.inf`, `.nan` are strings, and so are `12:30`, `NO`, `on`, `0123`, `1_000` and `2026-11-01`. Scalars that begin with
  a zero or a plus are usually postcodes or telephone numbers, and must stay unchanged
- keys are always strings, exactly as written: also `12`, `true` and `1.0`

There are no tags, no aliases (a few lines of them can expand to gigabytes) and so no merging by `<<`, no duplicate
keys, no numbers that JSON cannot represent, and no depth beyond the stack. PyYAML is the parser; where it differs from
YAML 1.2 apart from the schema (tabs, line breaks, `?` in flow collections), its scanner is modified here.
"""

import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Never

import yaml

from arcrun.interruptible import Steps, run_steps
from arcrun.json_text import parse_json
from arcrun.limits import MAX_YAML_DEPTH, MAX_YAML_LINES, MAX_YAML_MARKS, MAX_YAML_VALUES
from arcrun.yaml_quotes import Quoted, ends_scalar, find_line_start, quote_again, quote_plain

_WORDS = {
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<fraction>\.[0-9]+)?(?P<exponent>[eE][+-]?[0-9]+)?")
_NUMBER_START = frozenset("-0123456789")
# A node's tag before its resolution, as in the specification: "?" for a plain scalar, "!" for a quoted one.
_PLAIN, _QUOTED = "?", "!"

_BLANK = "\0 \t\r\n"
_SPACES = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"[^\0\r\n]*")
_ALL_SPACES = re.compile(" *")
_WORD_IN_BLOCK = r"(?:[^\0 \t\r\n:]++|:(?![\0 \t\r\n]))++"
_WORD_IN_FLOW = r"(?:[^\0 \t\r\n:,\[\]{}]++|:(?![\0 \t\r\n,\[\]{}]))++"
_WORDS_IN_BLOCK, _WORDS_IN_FLOW = (
    re.compile(rf"{word}(?:[ \t]++(?!#){word})*+") for word in (_WORD_IN_BLOCK, _WORD_IN_FLOW)
)
# The contents of quotes on one line, without trailing spaces; and the escapes of double quotes.
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0abt\tnvfre \"/\\N_LP]))")
_INNER_SPACES = r"[ \t]++(?![ \t\r\n\0\x85\u2028\u2029])"
_IN_DOUBLE_QUOTES = re.compile(rf'(?:[^"\\\0 \t\r\n\x85\u2028\u2029]++|{_ESCAPE.pattern}|{_INNER_SPACES})++')
_IN_SINGLE_QUOTES = re.compile(rf"(?:[^'\0 \t\r\n\x85\u2028\u2029]++|''|{_INNER_SPACES})++")
_BREAKS_OF_YAML_1_1 = "\x85\u2028\u2029"  # for PyYAML; in YAML 1.2 they are ordinary characters
_LINE_END = re.compile(r"\r\n?|\n")
_SURROGATE = re.compile("[\ud800-\udfff]")
# A correction of a string that needs quotes is tried with at most this many characters before it, which are read again,
# and about as many after it.
_MAX_TRIED, _TRIED_BEHIND = 16 * 1024, 2 * 1024
VALUE_STEPS = 25  # for reading a value
LINE_STEPS, CHARACTERS_A_STEP = 3, 30  # for a line, and per step
VALUES_A_STEP = 2  # that are constructed
_MAX_SAMPLE = 500  # characters of a string that is shown with its quotes
_PRIVATE_USE = range(0xE000, 0xF900)


class YamlTextError(ValueError):
    """`line` and `column` count from 1; None if the position is unknown."""

    def __init__(self, problem: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.column = column


@dataclass(frozen=True)
class YamlText:
    """The value, and PyYAML's node tree with positions; None for an empty document."""

    value: Any
    root: yaml.Node | None


def parse_yaml(text: str) -> YamlText:
    """Parse YAML. Raises YamlTextError."""
    return run_steps(parse_yaml_in_steps(text))


def parse_yaml_in_steps(text: str) -> Steps[YamlText]:
    """Like `parse_yaml`, in steps, to yield to other requests.

    A scalar and lines without values are read without a step, however long; MAX_YAML_LINES bounds them.
    """
    if text.count("\n") + text.count("\r") > MAX_YAML_LINES:  # lines that end in both count twice here
        line = len(_LINE_END.findall(text))
        if line > MAX_YAML_LINES:
            raise YamlTextError(f"it has more than {MAX_YAML_LINES:,} lines", MAX_YAML_LINES + 1, 1)
    standins = _choose_standins(text)
    try:
        root = yield from _Loader(text.translate(standins) if standins else text, standins).read()
        return YamlText((yield from _construct(root)) if root else None, root)
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise YamlTextError(f"the character U+{ord(text[error.position]):04X} is not allowed", line, column) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise YamlTextError(error.problem or str(error), *place) from None
    except (yaml.YAMLError, RecursionError, ValueError):
        raise YamlTextError("a value in it is out of range") from None


def parse_json_or_yaml(text: str) -> Any:
    """The value of a string in JSON or YAML. JSON is valid YAML, but a hundred times faster to parse in a Worker.

    Raises YamlTextError.
    """
    return run_steps(parse_json_or_yaml_in_steps(text))


def parse_json_or_yaml_in_steps(text: str) -> Steps[Any]:
    if text.lstrip().startswith("{"):
        with suppress(ValueError):
            return parse_json(text)
    return (yield from parse_yaml_in_steps(text)).value


def render_yaml(value: Any, *, is_ascii: bool = False) -> str:
    """A JSON value as readable YAML, which parse_yaml and YAML 1.1 parsers read as the same value. With `is_ascii`, all
    other characters are escaped.
    """
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=not is_ascii, sort_keys=False, width=120)


def _choose_standins(text: str) -> dict[int, int]:
    """Unused private-use characters as placeholders for characters that PyYAML would treat as line breaks."""
    breaks = [ord(char) for char in _BREAKS_OF_YAML_1_1 if char in text]
    unused = (code for code in _PRIVATE_USE if chr(code) not in text)
    return dict(zip(breaks, unused, strict=False)) if breaks else {}


class _QuotesError(yaml.MarkedYAMLError):
    """A string that needs quotes, or other ones."""


class _Loader(yaml.SafeLoader):
    """Source -> nodes. Only its reader, scanner and parser are PyYAML's; `_construct` makes the value."""

    def __init__(self, text: str, standins: dict[int, int], *, is_trial: bool = False) -> None:
        super().__init__(text)
        self._depth = 0
        self._is_trial = is_trial  # tries a correction, and suggests no further one
        self._values = 0
        self._marks = 0  # directives and document markers
        self._read = (0, 0)  # the lines and characters that are counted as steps
        self._plain = (0, 0)  # start and end of the last plain scalar
        self._originals = {standin: original for original, standin in standins.items()}

    # The composer: https://pyyaml.org/wiki/PyYAMLDocumentation#nodes

    def read(self) -> Steps[yaml.Node | None]:
        """The root of the only document; None if there is none."""
        self.get_event()  # type: ignore[no-untyped-call]
        root = None
        if not self.check_event(yaml.StreamEndEvent):
            start: Any = self.get_event()  # type: ignore[no-untyped-call]
            root = yield from self._compose()
            self.get_event()  # type: ignore[no-untyped-call]
            if not self.check_event(yaml.StreamEndEvent):
                other: Any = self.get_event()  # type: ignore[no-untyped-call]
                problem = "expected a single document in the stream", start.start_mark
                raise yaml.composer.ComposerError(*problem, "but found another document", other.start_mark)
        return root

    def _compose(self) -> Steps[Any]:
        event: Any = self.get_event()  # type: ignore[no-untyped-call]
        self._values += 1
        if self._values > MAX_YAML_VALUES:
            _refuse(f"it has more than {MAX_YAML_VALUES:,} values", event.start_mark)
        if isinstance(event, yaml.ScalarEvent):
            tag = _PLAIN if event.implicit[0] else _QUOTED
            text = self._restore(event) if self._originals or event.style == '"' else event.value
            start: Any = event.start_mark
            end: Any = event.end_mark
            return yaml.ScalarNode(tag, text, start, end, style=event.style)
        if self._depth >= MAX_YAML_DEPTH - 1:
            _refuse(f"it is nested more than {MAX_YAML_DEPTH} levels deep", event.start_mark)
        self._depth += 1
        is_list = isinstance(event, yaml.SequenceStartEvent)
        node = yield from self._compose_list(event) if is_list else self._compose_mapping(event)
        self._depth -= 1
        return node

    def _compose_list(self, start: Any) -> Steps[yaml.Node]:
        items = []
        while not self.check_event(yaml.SequenceEndEvent):
            items.append((yield from self._compose()))
            yield VALUE_STEPS + self._count_read()
        end: Any = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.SequenceNode(_PLAIN, items, start.start_mark, end.end_mark, flow_style=start.flow_style)

    def _compose_mapping(self, start: Any) -> Steps[yaml.Node]:
        entries, seen = [], set()
        while not self.check_event(yaml.MappingEndEvent):
            key = yield from self._compose()
            if not isinstance(key, yaml.ScalarNode):
                kind = "list" if isinstance(key, yaml.SequenceNode) else "mapping"
                _refuse(f"a key must be a string, not a {kind}", key.start_mark)
            if key.value in seen:
                _refuse(f"{key.value!r} is a duplicate key", key.start_mark)
            seen.add(key.value)
            entries.append((key, (yield from self._compose())))
            yield 2 * VALUE_STEPS + self._count_read()
        end: Any = self.get_event()  # type: ignore[no-untyped-call]
        return yaml.MappingNode(_PLAIN, entries, start.start_mark, end.end_mark, flow_style=start.flow_style)

    def _count_read(self) -> int:
        """The steps for the lines and characters since the last call."""
        lines: int = self.line - self._read[0]
        characters: int = self.index - self._read[1]
        self._read = self.line, self.index
        return LINE_STEPS * lines + characters // CHARACTERS_A_STEP

    def _restore(self, event: yaml.ScalarEvent) -> str:
        """The string with its original characters, and with surrogate pairs from JSON's escapes joined."""
        text: str = event.value.translate(self._originals)
        if _SURROGATE.search(text):
            try:
                return text.encode("utf-16", "surrogatepass").decode("utf-16")
            except UnicodeDecodeError:
                _refuse("it has half of a surrogate pair", event.start_mark)
        return text

    # The scanner. Methods that skip characters without line breaks need not examine each of them.

    def _skip(self, length: int) -> None:
        self.pointer += length
        self.index += length
        self.column += length

    def _skip_spaces(self) -> int:
        match = _SPACES.match(self.buffer, self.pointer)
        length = match.end() - self.pointer if match else 0
        self._skip(length)
        return length

    def scan_to_next_token(self) -> None:
        """Like PyYAML's, but a tab may separate tokens where it is not indentation."""
        if self.index == 0 and self.buffer.startswith("\ufeff"):
            self.forward()
        while True:
            is_indentation, start = self.column == 0 and not self.flow_level, self.pointer
            self._skip_spaces()
            char = self.buffer[self.pointer]
            if char == "#" and (comment := _COMMENT.match(self.buffer, self.pointer)):
                self._skip(comment.end() - self.pointer)
                char = self.buffer[self.pointer]
            if char not in "\r\n":
                tab = self.buffer.find("\t", start, self.pointer)
                if is_indentation and char != "\0" and tab >= 0:
                    self._skip(tab - self.pointer)
                    raise yaml.scanner.ScannerError(None, None, "a tab cannot indent: use spaces", self.get_mark())
                return
            self.scan_line_break()  # type: ignore[no-untyped-call]
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        self._skip_spaces()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_block_scalar_indentation(self) -> Any:
        breaks, widest, end_mark = [], 0, self.get_mark()
        while self.buffer[self.pointer] in " \r\n":
            self._skip_indentation(len(self.buffer))
            widest = max(widest, self.column)
            if self.buffer[self.pointer] in "\r\n":
                breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
                end_mark = self.get_mark()
        return breaks, widest, end_mark

    def scan_block_scalar_breaks(self, indent: int) -> Any:
        breaks, end_mark = [], self.get_mark()
        self._skip_indentation(indent)
        while self.buffer[self.pointer] in "\r\n":
            breaks.append(self.scan_line_break())  # type: ignore[no-untyped-call]
            end_mark = self.get_mark()
            self._skip_indentation(indent)
        return breaks, end_mark

    def _skip_indentation(self, most: int) -> None:
        """Skip spaces, up to the column `most`."""
        match = _ALL_SPACES.match(self.buffer, self.pointer, self.pointer + max(0, most - self.column))
        if match:
            self._skip(match.end() - self.pointer)

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        """Like PyYAML's, which continues where a line ends or is invalid."""
        match = (_IN_DOUBLE_QUOTES if double else _IN_SINGLE_QUOTES).match(self.buffer, self.pointer)
        if match is None:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        self._skip(match.end() - self.pointer)
        text = _ESCAPE.sub(self._read_escape, match[0]) if double else match[0].replace("''", "'")
        return [text, *super().scan_flow_scalar_non_spaces(double, start_mark)]

    def _read_escape(self, match: re.Match[str]) -> str:
        digits = match[1] or match[2] or match[3]
        return chr(int(digits, 16)) if digits else str(self.ESCAPE_REPLACEMENTS[match[4]])

    def check_key(self) -> bool:
        return self.peek(1) in (_BLANK + ",[]{}" if self.flow_level else _BLANK)

    def check_plain(self) -> bool:
        """PyYAML checks this last: anything that is not a plain scalar is invalid."""
        if self.peek() != "?" and not super().check_plain():
            self._refuse_start()
        return True

    def scan_plain(self) -> Any:
        """Like PyYAML's, but a line at a time; tabs may be inside, and `?` in flow collections."""
        words = _WORDS_IN_FLOW if self.flow_level else _WORDS_IN_BLOCK
        indent = self.indent + 1
        start_mark = end_mark = self.get_mark()
        start = self.pointer
        chunks: list[str] = []
        spaces: list[str] = []
        while self.buffer[self.pointer] != "#" and (match := words.match(self.buffer, self.pointer)):
            self.allow_simple_key = False
            chunks += [*spaces, match.group()]
            self._skip(match.end() - self.pointer)
            end_mark = self.get_mark()
            self._plain = (start, self.pointer)
            if self.buffer[self.pointer] not in " \t\r\n":
                break
            spaces = self.scan_plain_spaces(indent, start_mark)
            if not spaces or (not self.flow_level and self.column < indent):
                break
        return yaml.ScalarToken("".join(chunks), True, start_mark, end_mark)

    def scan_plain_spaces(self, indent: int, start_mark: Any) -> list[str]:
        """The folded spaces between two words; empty where the scalar ends."""
        start = self.pointer
        self._skip_spaces()
        if self.buffer[self.pointer] not in "\r\n":
            return [self.buffer[start : self.pointer]]
        breaks = -1
        while self.buffer[self.pointer] in "\r\n":
            self.scan_line_break()  # type: ignore[no-untyped-call]
            breaks += 1
            self.allow_simple_key = True
            if self._is_at_document_mark():
                return []
            while self.buffer[self.pointer] == " ":
                self._skip(1)
            if self.flow_level or self.column >= indent:
                self._skip_spaces()
        return ["\n" * breaks or " "]

    def _is_at_document_mark(self) -> bool:
        return self.prefix(3) in ("---", "...") and self.peek(3) in _BLANK

    # Messages for authors who left out quotes.

    def fetch_flow_mapping_start(self) -> None:
        if self.prefix(2) == "{{":
            # In YAML this could only be a mapping as the key of a mapping.
            self._refuse_braces()
        super().fetch_flow_mapping_start()

    def fetch_alias(self) -> None:
        self._refuse_start("aliases are not allowed; ")

    def fetch_tag(self) -> None:
        self._refuse_start("tags are not allowed; ")

    def fetch_anchor(self) -> None:
        self._fetch_or_refuse_start(super().fetch_anchor)

    def fetch_document_indicator(self, token_class: Any) -> None:
        self._count_mark()
        super().fetch_document_indicator(token_class)

    def _count_mark(self) -> None:
        self._marks += 1
        if self._marks > MAX_YAML_MARKS:
            problem = f"it has more than {MAX_YAML_MARKS} directives and document markers"
            raise yaml.scanner.ScannerError(None, None, problem, self.get_mark())

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        """Collections are composed one at a time, and each open one makes the next one slower."""
        if self.flow_level > MAX_YAML_DEPTH:
            problem = f"it is nested more than {MAX_YAML_DEPTH} levels deep"
            raise yaml.scanner.ScannerError(None, None, problem, self.get_mark())
        super().fetch_flow_collection_start(token_class)

    def fetch_directive(self) -> None:
        self._count_mark()
        self._fetch_or_refuse_start(super().fetch_directive)

    def fetch_block_scalar(self, style: str) -> None:
        self._fetch_or_refuse_start(lambda: super(_Loader, self).fetch_block_scalar(style))

    def fetch_block_entry(self) -> None:
        self._fetch_or_refuse_start(super().fetch_block_entry)

    def fetch_flow_entry(self) -> None:
        self._refuse_flow_sign_in_block()
        super().fetch_flow_entry()

    def fetch_flow_collection_end(self, token_class: Any) -> None:
        self._refuse_flow_sign_in_block()
        super().fetch_flow_collection_end(token_class)

    def fetch_value(self) -> None:
        try:
            super().fetch_value()
        except yaml.scanner.ScannerError:
            start = self._find_plain_before()
            is_of_this_line = start is not None and start >= find_line_start(self.buffer, self.pointer)
            if start is None or not is_of_this_line or not self._is_behind_key(start):
                raise
            self._refuse_unquoted("a string that contains `: ` needs quotes", start)

    def fetch_flow_scalar(self, style: str) -> None:
        start, mark = self.pointer, self.get_mark()
        super().fetch_flow_scalar(style)
        if not ends_scalar(self.buffer, self.pointer, in_flow=bool(self.flow_level)):
            self._refuse_quotes(start, mark, self.pointer)

    def _fetch_or_refuse_start(self, fetch: Callable[[], None]) -> None:
        start, mark = self.pointer, self.get_mark()
        try:
            fetch()
        except yaml.scanner.ScannerError:
            self._refuse_start("", start, mark)

    def _refuse_flow_sign_in_block(self) -> None:
        if not self.flow_level and self._is_behind_key(self.pointer):
            self._refuse_start()

    def _refuse_start(self, reason: str = "", start: int | None = None, mark: Any = None) -> Never:
        """Report what may not begin an unquoted string: here, or at `start`."""
        start = self.pointer if start is None else start
        problem = f"{reason}a string that begins with {self.buffer[start]} needs quotes"
        self._refuse_unquoted(problem, start, mark)

    def _refuse_braces(self) -> Never:
        start = self._find_plain_before()
        if start is None:
            self._refuse_unquoted("a string that begins with braces needs quotes", self.pointer)
        self._refuse_unquoted("a string with braces needs quotes between other brackets", start)

    def _refuse_unquoted(self, problem: str, start: int, mark: Any = None) -> Never:
        quoted = quote_plain(self.buffer, start, in_flow=bool(self.flow_level), indent=self.indent)
        sample = self._choose_sample(quoted) or "put quotes around the whole string"
        raise _QuotesError(problem=f"{problem}: {sample}", problem_mark=mark or self.get_mark())

    def _refuse_quotes(self, start: int, mark: Any, end: int) -> Never:
        quote, char = self.buffer[start], self.buffer[end]
        quoted = quote_again(self.buffer, start, in_flow=bool(self.flow_level))
        is_clear = quoted is not None and ("{{" in quoted.text or (char not in " \t\"'" and not self.flow_level))
        sample = self._choose_sample(quoted) if is_clear else None
        name, other = ("double", "single") if quote == '"' else ("single", "double")
        if sample is None:
            problem = f"something follows the closing {name} quote of a string"
            raise _QuotesError(problem=problem, problem_mark=self.get_mark())
        problem = f"a string in {name} quotes ends at the next one: use {other} quotes outside: {sample}"
        raise _QuotesError(problem=problem, problem_mark=mark)

    def _choose_sample(self, quoted: Quoted | None) -> str | None:
        """The sample, if trying it shows that it helps; else None."""
        if quoted is None or self._is_trial or len(quoted.sample) > _MAX_SAMPLE or quoted.start > _MAX_TRIED:
            return None
        after = self.buffer[quoted.end : -1]
        some = after[: after.find("\n", _TRIED_BEHIND) + 1 or None]
        corrected = self.buffer[: quoted.start] + quoted.text + some
        end = quoted.start + len(quoted.text)
        try:
            run_steps(_Loader(corrected, {}, is_trial=True).read())
        except _QuotesError as error:
            if error.problem_mark is None or error.problem_mark.index < end:
                return None
        except yaml.MarkedYAMLError as error:
            if error.problem_mark is None or "\n" not in corrected[end : error.problem_mark.index + 1]:
                return None
        return quoted.sample.translate(self._originals)

    def _find_plain_before(self) -> int | None:
        """The start of the plain scalar that ends here."""
        start, end = self._plain
        return start if end and not self.buffer[end : self.pointer].strip(" \t") else None

    def _is_behind_key(self, at: int) -> bool:
        before: str = self.buffer[find_line_start(self.buffer, at) : at]
        return before.rstrip(" \t").endswith(":")


def _construct(node: yaml.Node) -> Steps[Any]:
    if isinstance(node, yaml.ScalarNode):
        return _construct_scalar(node)
    yield 1 + len(node.value) // VALUES_A_STEP
    if isinstance(node, yaml.SequenceNode):
        items = []
        for item in node.value:
            is_scalar = isinstance(item, yaml.ScalarNode)
            items.append(_construct_scalar(item) if is_scalar else (yield from _construct(item)))
        return items
    entries = {}
    for key, value in node.value:
        entries[key.value] = yield from _construct(value)
    return entries


def _construct_scalar(node: yaml.ScalarNode) -> Any:
    return node.value if node.tag == _QUOTED else _construct_plain(node)


def _construct_plain(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text) if text[0] in _NUMBER_START else None
    if number is None:
        return text
    if number["fraction"] is None and number["exponent"] is None:
        try:
            return int(text)
        except ValueError:  # the limit set by arcrun.json_text
            _refuse(f"the number has {len(text)} digits, which is too many: put it in quotes", node.start_mark)
    value = float(text)
    if math.isinf(value):
        _refuse("the number is too large for JSON: put it in quotes if it is a string", node.start_mark)
    return value


def _refuse(problem: str, mark: Any) -> Never:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


class _Dumper(yaml.SafeDumper):
    """Quotes strings that YAML 1.1 or parse_yaml would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        style = '"' if any(char in text for char in _BREAKS_OF_YAML_1_1) else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_NUMBER.pattern + "$"), sorted(_NUMBER_START))
