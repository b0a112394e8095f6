"""Run ids: ULIDs (26 characters of Crockford base 32: 48 bits of milliseconds, 80 random bits). They sort by time.

In a RunLog, the first ten bits after the time name the object that keeps the run. In KV, the runs that an isolate
starts at about the same time share the first 40 random bits, their batch, and are stored together.
"""

import hashlib
import re

from arcrun.ports import Clock, Random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_INVERTED = str.maketrans(_ALPHABET, _ALPHABET[::-1])
_PATTERN = re.compile(f"[{_ALPHABET}]{{26}}")
_TIME_CHARACTERS, _HALF_CHARACTERS = 10, 8  # 48 bits of time; twice 40 random bits
_OBJECT_CHARACTERS = 2
_OWN_BITS = 70  # random bits of a run in an object
MAX_OBJECTS = len(_PAIRS)
_MAX_TIME = 2**48 - 1


def build_batch_id(random: Random) -> str:
    return _encode(int.from_bytes(random.token_bytes(5)), _HALF_CHARACTERS)


def build_run_id(clock: Clock, random: Random, batch_id: str) -> str:
    own = _encode(int.from_bytes(random.token_bytes(5)), _HALF_CHARACTERS)
    return _encode(int(clock.now_ms()), _TIME_CHARACTERS) + batch_id + own


def build_run_id_in(clock: Clock, random: Random, number: int) -> str:
    """The id of a run that object `number` keeps."""
    own = int.from_bytes(random.token_bytes(9)) >> 9 * 8 - _OWN_BITS
    return first_id_at(clock.now_ms()) + _PAIRS[number] + _encode(own, _OWN_BITS // 5)


def derive_run_id(run_id: str, name: str, now_ms: float) -> str:
    """The id of a run that `run_id` starts now: always the same for a `name`. The same object keeps both."""
    own = int.from_bytes(hashlib.sha256(f"{run_id} {name}".encode()).digest()) & (1 << _OWN_BITS) - 1
    kept_in = run_id[_TIME_CHARACTERS : _TIME_CHARACTERS + _OBJECT_CHARACTERS]
    return first_id_at(now_ms) + kept_in + _encode(own, _OWN_BITS // 5)


def build_derived_id(at_ms: float, number: int, digest: bytes) -> str:
    """The id of a run for the moment `at_ms` that object `number` keeps, made of a digest."""
    own = int.from_bytes(digest) & (1 << _OWN_BITS) - 1
    return first_id_at(at_ms) + _PAIRS[number] + _encode(own, _OWN_BITS // 5)


def object_of(run_id: str) -> int:
    return _PAIRS.index(run_id[_TIME_CHARACTERS : _TIME_CHARACTERS + _OBJECT_CHARACTERS])


def first_id_at(ms: float) -> str:
    """The prefix of the ids of runs that start at this moment. It sorts before all of them."""
    return _encode(min(max(int(ms), 0), _MAX_TIME), _TIME_CHARACTERS)


def time_of(run_id: str) -> int:
    """The start of a run in milliseconds since 1970."""
    number = 0
    for character in run_id[:_TIME_CHARACTERS]:
        number = number << 5 | _ALPHABET.index(character)
    return number


def batch_of(run_id: str) -> str:
    return run_id[_TIME_CHARACTERS : _TIME_CHARACTERS + _HALF_CHARACTERS]


def is_run_id(text: str) -> bool:
    return _PATTERN.fullmatch(text) is not None


def invert_run_id(run_id: str) -> str:
    """A string with the reverse sort order, newest first. Inverting it again yields the id."""
    return run_id.translate(_INVERTED)


def _encode(number: int, length: int) -> str:
    """`length` is even: two characters at a time."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(5 * (length - 2), -1, -10)])
