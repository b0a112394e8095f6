"""Run ids are ULIDs: 26 characters that sort by time, are unique, and identify the batch of a run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arcrun.engine.run_id import batch_of, build_batch_id, build_run_id, invert_run_id, is_run_id
from arcrun.ports import Clock, Random
from fakes.ports.system import FixedClock, SeededRandom

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WIDEST_MS = 2**48 - 1
RUN_IDS = st.text(alphabet=ALPHABET, min_size=26, max_size=26)


class ZeroRandom:
    def token_bytes(self, count: int) -> bytes:
        return bytes(count)


class FullRandom:
    def token_bytes(self, count: int) -> bytes:
        return b"\xff" * count


def new_id(clock: Clock, random: Random) -> str:
    """An id in a new batch."""
    return build_run_id(clock, random, build_batch_id(random))


def test_known_ids() -> None:
    """The time is that of the example in the ULID specification."""
    assert new_id(FixedClock(1469918176385), ZeroRandom()) == "01ARYZ6S410000000000000000"
    assert new_id(FixedClock(0), FullRandom()) == "0000000000ZZZZZZZZZZZZZZZZ"
    assert new_id(FixedClock(WIDEST_MS), FullRandom()) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(st.integers(0, WIDEST_MS), st.integers())
def test_an_id_has_26_characters_of_the_alphabet(now_ms: int, seed: int) -> None:
    run_id = new_id(FixedClock(now_ms), SeededRandom(seed))
    assert len(run_id) == 26
    assert set(run_id) <= set(ALPHABET)
    assert is_run_id(run_id)


@given(st.integers(0, WIDEST_MS - 1), st.integers(1, 10**9))
def test_ids_sort_by_time_whatever_the_randomness(now_ms: int, later_ms: int) -> None:
    earlier = new_id(FixedClock(now_ms), FullRandom())
    later = new_id(FixedClock(min(now_ms + later_ms, WIDEST_MS)), ZeroRandom())
    assert earlier < later


def test_a_fraction_of_a_millisecond_does_not_matter() -> None:
    assert new_id(FixedClock(1000.9), ZeroRandom()) == new_id(FixedClock(1000), ZeroRandom())


def test_ids_of_the_same_millisecond_differ() -> None:
    clock, random = FixedClock(), SeededRandom()
    batch_id = build_batch_id(random)
    assert len({build_run_id(clock, random, batch_id) for _ in range(1000)}) == 1000


def test_the_ids_of_a_batch_have_it_in_common() -> None:
    clock, random = FixedClock(), SeededRandom()
    batch_id = build_batch_id(random)
    ids = [build_run_id(clock, random, batch_id)]
    clock.advance(50)
    ids.append(build_run_id(clock, random, batch_id))
    assert [batch_of(run_id) for run_id in ids] == [batch_id, batch_id]
    assert batch_of(new_id(clock, random)) != batch_id


@given(RUN_IDS, RUN_IDS)
def test_inverted_ids_sort_the_other_way_round(one: str, other: str) -> None:
    assert (invert_run_id(one) < invert_run_id(other)) == (one > other)


@given(RUN_IDS)
def test_an_inverted_id_is_an_id_and_inverted_again_the_first(run_id: str) -> None:
    assert is_run_id(invert_run_id(run_id))
    assert invert_run_id(invert_run_id(run_id)) == run_id


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("0" * 25, id="too short"),
        pytest.param("0" * 27, id="too long"),
        pytest.param("0" * 25 + "I", id="letter that is left out"),
        pytest.param("0" * 25 + "a", id="small letter"),
        pytest.param("0" * 25 + "\n", id="line feed"),
        pytest.param("０" * 26, id="full-width digits"),
    ],
)
def test_what_is_no_run_id(text: str) -> None:
    assert not is_run_id(text)
