"""Run ids: ULIDs (26 characters of Crockford base 32: 48 bits of milliseconds, 80 random bits). They sort by time.

Where runs are kept in a RunLog, the first ten bits behind the time name its object. Where they are kept in KV, the runs
that an isolate starts within a moment share the first 40 random bits, their batch: they are stored together.
"""

import re

from arcrun.ports import Clock, Random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_INVERTED = str.maketrans(_ALPHABET, _ALPHABET[::-1])
_PATTERN = re.compile(f"[{_ALPHABET}]{{26}}")
_TIME_CHARACTERS, _HALF_CHARACTERS = 10, 8  # 48 bits of time; twice 40 random bits
_OBJECT_CHARACTERS = 2
_OWN_BITS = 70  # of a run in an object
MAX_OBJECTS = len(_PAIRS)
_MAX_TIME = 2**48 - 1


def build_batch_id(random: Random) -> str:
    return _encode(int.from_bytes(random.token_bytes(5)), _HALF_CHARACTERS)


def build_run_id(clock: Clock, random: Random, batch_id: str) -> str:
    own = _encode(int.from_bytes(random.token_bytes(5)), _HALF_CHARACTERS)
    return _encode(int(clock.now_ms()), _TIME_CHARACTERS) + batch_id + own


def build_run_id_in(clock: Clock, random: Random, number: int) -> str:
    """That of a run which object `number` keeps."""
    own = int.from_bytes(random.token_bytes(9)) >> 9 * 8 - _OWN_BITS
    return first_id_at(clock.now_ms()) + _PAIRS[number] + _encode(own, _OWN_BITS // 5)


def object_of(run_id: str) -> int:
    return _PAIRS.index(run_id[_TIME_CHARACTERS : _TIME_CHARACTERS + _OBJECT_CHARACTERS])


def first_id_at(ms: float) -> str:
    """What the ids of the runs that start at this moment begin with: it sorts before them all."""
    return _encode(min(max(int(ms), 0), _MAX_TIME), _TIME_CHARACTERS)


def time_of(run_id: str) -> int:
    """Milliseconds since 1970."""
    number = 0
    for character in run_id[:_TIME_CHARACTERS]:
        number = number << 5 | _ALPHABET.index(character)
    return number


def batch_of(run_id: str) -> str:
    return run_id[_TIME_CHARACTERS : _TIME_CHARACTERS + _HALF_CHARACTERS]


def is_run_id(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def invert_run_id(run_id: str) -> str:
    """A text that sorts the other way round, the newest first; inverted again it is the id."""
    return run_id.translate(_INVERTED)


def _encode(number: int, length: int) -> str:
    """Of an even length: two characters at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (length - 2), -1, -10)])
