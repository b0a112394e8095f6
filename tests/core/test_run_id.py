"""Proves that run ids are ULIDs: 26 characters that sort by time and never repeat."""

from hypothesis import given
from hypothesis import strategies as st

from arcrun.engine.run_id import build_run_id
from fakes.system import FixedClock, SeededRandom

ALPHABET = set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
WIDEST_MS = 2**48 - 1


class ZeroRandom:
    def token_bytes(self, count: int) -> bytes:
        return bytes(count)


class FullRandom:
    def token_bytes(self, count: int) -> bytes:
        return b"\xff" * count


def test_known_ids() -> None:
    """The time is that of the example in the ULID specification."""
    assert build_run_id(FixedClock(1469918176385), ZeroRandom()) == "01ARYZ6S410000000000000000"
    assert build_run_id(FixedClock(0), FullRandom()) == "0000000000ZZZZZZZZZZZZZZZZ"
    assert build_run_id(FixedClock(WIDEST_MS), FullRandom()) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(st.integers(0, WIDEST_MS), st.integers())
def test_an_id_has_26_characters_of_the_alphabet(now_ms: int, seed: int) -> None:
    run_id = build_run_id(FixedClock(now_ms), SeededRandom(seed))
    assert len(run_id) == 26
    assert set(run_id) <= ALPHABET


@given(st.integers(0, WIDEST_MS - 1), st.integers(1, 10**9))
def test_ids_sort_by_time_whatever_the_randomness(now_ms: int, later_ms: int) -> None:
    earlier = build_run_id(FixedClock(now_ms), FullRandom())
    later = build_run_id(FixedClock(min(now_ms + later_ms, WIDEST_MS)), ZeroRandom())
    assert earlier < later


def test_a_fraction_of_a_millisecond_does_not_matter() -> None:
    assert build_run_id(FixedClock(1000.9), ZeroRandom()) == build_run_id(FixedClock(1000), ZeroRandom())


def test_ids_of_the_same_millisecond_differ() -> None:
    clock, random = FixedClock(), SeededRandom()
    assert len({build_run_id(clock, random) for _ in range(1000)}) == 1000
