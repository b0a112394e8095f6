"""Run ids: ULIDs (26 characters of Crockford base 32: 48 bits of milliseconds, 80 random bits). They sort by time."""

from arcrun.ports import Clock, Random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def build_run_id(clock: Clock, random: Random) -> str:
    number = int(clock.now_ms()) << 80 | int.from_bytes(random.token_bytes(10))
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))
