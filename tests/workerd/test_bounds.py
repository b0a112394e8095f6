"""No request holds the isolate from others for long, or fills it: with this machine's clock, and with production's,
which stands still while code computes.
"""

from collections.abc import Iterator

import pytest

from workerd.heavy_requests import HeavyRequest, heavy_requests
from workerd.held import Held, Watch
from workerd.local_platform import LocalPlatform, running_platform

pytestmark = pytest.mark.workerd

MOST_HELD_MS, MOST_GROWN_MIB = 250, 50
ROUNDS = 3  # one of which is not disturbed by other work on the machine, or by the collector


@pytest.fixture(scope="module", params=["own clock", "production clock"])
def platform(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    options = ["--production-clock"] if request.param == "production clock" else []
    with running_platform(tmp_path_factory.mktemp("bounds"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def watch(platform: LocalPlatform) -> Watch:
    return Watch(platform.urls["executor"], platform.process.pid)


@pytest.mark.parametrize("heavy", [pytest.param(heavy, id=heavy.name) for heavy in heavy_requests()])
def test_nobody_waits_long_for_it(platform: LocalPlatform, watch: Watch, heavy: HeavyRequest) -> None:
    codes = []

    def work() -> None:
        with platform.executor as client:
            answer = client.post(
                "/execute", params=heavy.query, json={"workflow": heavy.workflow, "input": heavy.input}
            )
            codes.append(answer.json().get("error", {}).get("code"))

    rounds = list[Held]()
    while len(rounds) < ROUNDS and not any(map(_is_bounded, rounds)):
        rounds.append(watch.during(work))
    for held in rounds:
        print(f"held {held.longest_ms:.0f} ms, grown {held.grown_mib:.0f} MiB")
    assert set(codes) == {heavy.code}
    assert _is_bounded(rounds[-1]), rounds


def _is_bounded(held: Held) -> bool:
    return held.longest_ms <= MOST_HELD_MS and held.grown_mib <= MOST_GROWN_MIB
