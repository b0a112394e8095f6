"""Proves what arcrun relies on in the local engine of Workflows, Miniflare's, and where it differs from Cloudflare's.

Instances of the Worker `player` do what their scripts say (player/src/entry.py). `kill` is a kill -9 of the runtime,
which is then started again.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from acr.config.worker_variables import FREE, PLAN
from arcrun.limits import INSTANCE_STEPS_FREE, MIB
from workerd.durable.instances import Player, playing, wait_until

pytestmark = pytest.mark.workerd

LONG_MS = 60_000
WAIT = ["wait", "a wait", "go", LONG_MS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("player")


@pytest.fixture(scope="module")
def player(folder: Path) -> Iterator[Player]:
    with playing(folder) as running:
        yield running


@pytest.fixture(scope="module")
def state(folder: Path) -> Path:
    """Where the instances are stored, a database each."""
    return folder / "state/workflows/miniflare-workflows-player"


def start_held(player: Player, run: str, *following: object, retries: int = 3) -> None:
    """Start an instance whose first step, `{run}-first`, the service has been asked for and does not answer."""
    first = f"{run}-first"
    player.service.hold(first)
    player.create(run, ["do", first, {"retries": retries}], *following)
    player.service.wait_until_asked(first)


# == Steps


def test_results_of_every_kind_of_step(player: Player) -> None:
    acts = (["do", "kinds-a"], ["sleep", "a sleep", 10], ["text", "kinds-text", 10])
    player.create("kinds", *acts, ["do", "kinds-b"])
    assert player.wait("kinds") == ["1", "slept", "10", "1"]


def test_a_finished_step_is_not_run_again_after_a_kill_and_one_under_way_is(player: Player) -> None:
    service = player.service
    service.hold("again-b")
    player.create("again", ["do", "again-a"], ["do", "again-b"], ["do", "again-c"])
    service.wait_until_asked("again-b")
    player.kill()
    service.release("again-b")
    player.wake("again")
    assert player.wait("again") == ["1", "2", "1"]
    assert [service.count(f"again-{name}") for name in "abc"] == [1, 2, 1]


def test_an_attempt_that_a_kill_ends_is_made_again_even_without_retries(player: Player) -> None:
    start_held(player, "lost", retries=0)
    player.kill()
    player.service.release("lost-first")
    player.wake("lost")
    assert player.wait("lost") == ["2"]


def test_an_attempt_that_a_kill_ends_counts_as_one(player: Player) -> None:
    """One retry is allowed: the attempt after the restart is it."""
    start_held(player, "counted", retries=1)
    player.kill()
    player.service.failing["counted-first"] = 9
    player.service.release("counted-first")
    player.wake("counted")
    assert "STEP_FAILED" in player.wait("counted")[0]
    assert player.service.count("counted-first") == 2


@pytest.mark.parametrize(
    ("failures", "retries", "asked", "result"),
    [(2, 2, 3, "3"), (2, 1, 2, "STEP_FAILED"), (1, 0, 1, "STEP_FAILED")],
    ids=["succeeds in the last attempt", "fails too often", "no retries"],
)
def test_a_step_that_raises_is_retried_after_a_second_as_often_as_its_retries(
    player: Player, failures: int, retries: int, asked: int, result: str
) -> None:
    name = f"raises-{failures}-{retries}"
    player.service.failing[name] = failures
    player.create(name, ["do", name, {"retries": retries}])
    assert player.wait(name)[0].startswith(result)
    times = player.service.times(name)
    assert len(times) == asked
    assert all(later - earlier >= 0.9 for earlier, later in pairwise(times))


def test_an_error_of_a_step_shows_nothing_of_its_traceback(player: Player) -> None:
    player.service.failing["quiet"] = 1
    player.create("quiet", ["do", "quiet", {"retries": 0}])
    assert player.wait("quiet") == ["STEP_FAILED: The step quiet failed, and the local runtime did not say why."]


def test_a_step_that_takes_too_long_is_a_timeout_after_its_retries(player: Player) -> None:
    player.service.hold("slow")
    player.create("slow", ["do", "slow", {"retries": 1, "timeout_ms": 200}])
    assert player.wait("slow") == ["timeout"]
    assert player.service.count("slow") == 2
    player.service.release("slow")


def test_concurrent_steps_run_at_the_same_time_and_finished_ones_are_kept(player: Player) -> None:
    service = player.service
    for name in ("same-a", "same-b"):
        service.hold(name)
    player.create("same", ["all", ["do", "same-a"], ["do", "same-b"], ["do", "same-c"], ["sleep", "same", 10]])
    for name in ("same-a", "same-b", "same-c"):
        service.wait_until_asked(name)
    service.release("same-a")
    time.sleep(0.3)  # until its result is stored
    player.kill()
    service.release("same-b")
    player.wake("same")
    assert player.wait("same") == [["1", "2", "1", "slept"]]


def test_steps_of_one_name_are_several_in_the_order_of_their_calls(player: Player) -> None:
    player.create("twins", ["all", ["do", "twin"], ["do", "twin"]], ["do", "twin"])
    first, third = player.wait("twins")
    assert (sorted(first), third) == (["1", "2"], "3")


def test_a_step_may_run_steps_and_keeps_those_that_finished(player: Player) -> None:
    """The outer one is run again after the kill; the inner one's result is read."""
    player.service.hold("outer")
    player.create("nested", ["nested", "an outer step", ["do", "inner"]], ["do", "outer"])
    player.service.wait_until_asked("outer")
    player.kill()
    player.service.release("outer")
    player.wake("nested")
    assert player.wait("nested") == ["1", "2"]


@pytest.mark.parametrize(
    ("length", "result"),
    [(MIB, str(MIB)), (3 * MIB, str(3 * MIB)), (9 * MIB, "STEP_FAILED: The step {name} failed: Workflow")],
    ids=["1 MiB", "3 MiB", "9 MiB"],
)
def test_a_result_above_1_mib_is_refused_at_cloudflare_and_here_when_it_is_much_larger(
    player: Player, length: int, result: str
) -> None:
    name = f"large-{length}"
    player.create(name, ["text", name, length])
    assert player.wait(name)[0].startswith(result.format(name=name))


def test_the_steps_of_an_instance_are_the_plan_s(tmp_path: Path) -> None:
    """The step beyond them fails; sleeps and waits do not count."""
    with playing(tmp_path, {PLAN: FREE}) as free:
        free.create("many", ["sleep", "a sleep", 1], ["many", INSTANCE_STEPS_FREE], ["do", "beyond"])
        done, beyond = free.wait("many")[1:]
        assert (done, "The limit of 1024 steps" in beyond) == (INSTANCE_STEPS_FREE, True)


# == Instances


def test_an_id_can_be_used_once(player: Player) -> None:
    """Also one whose instance has ended, or been terminated."""
    assert player.create("once", ["do", "once"]) is True
    assert player.create("once", ["do", "once"]) is False
    player.wait("once")
    player.kill()
    assert player.create("once", ["do", "once"]) is False
    assert player.service.count("once") == 1


def test_creations_at_the_same_time_make_one_instance(player: Player) -> None:
    """Though several may be told that theirs did."""
    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda _: player.create("race", ["do", "race"]), range(8)))
    player.wait("race")
    assert (any(created), player.service.count("race")) == (True, 1)


def test_an_instance_whose_status_is_known_is_stored(player: Player) -> None:
    """`create` alone answers before that."""
    player.create("stored", WAIT)
    wait_until(lambda: player.status("stored") != "missing")
    player.kill()
    assert player.status("stored") != "missing"
    player.call("terminate", "stored")


def test_what_an_instance_raises_is_its_error(player: Player) -> None:
    player.create("raising", ["raise", "on purpose"])
    wait_until(lambda: player.status("raising") == "errored")
    error = player.call("status", "raising")["error"]
    assert error["message"].startswith("PythonError: Traceback")
    assert error["message"].rstrip().endswith("ValueError: on purpose")


@pytest.mark.parametrize("method", ["pause", "resume", "terminate"])
def test_there_is_no_such_instance(player: Player, method: str) -> None:
    assert (player.call(method, "nobody"), player.status("nobody")) == ("INSTANCE_NOT_FOUND", "missing")


@pytest.mark.parametrize(
    ("message", "method", "result"),
    [
        ("(instance.already_exists) Instance already exists", "create", False),
        ("(instance.not_found) Instance not found", "status", None),
        ("(instance.not_found) Instance not found", "send_event", "INSTANCE_NOT_FOUND"),
        ("(instance.in_finite_state) Instance reached a finite state, cannot ...", "send_event", "INSTANCE_ENDED"),
        ("HTTP 429: rate limited", "create", "TOO_MANY_INSTANCES"),
        ("internal error; reference = 0123456789", "create", "WORKFLOWS_FAILED"),
    ],
)
def test_what_cloudflare_says_is_understood(player: Player, message: str, method: str, result: object) -> None:
    arguments: dict[str, list[Any]] = {"create": [{}], "send_event": ["go", 1], "status": []}
    assert player.call("refused", message, method, "it", *arguments[method]) == result


def test_a_terminated_instance_takes_no_further_step(player: Player) -> None:
    start_held(player, "ended", ["do", "ended-next"])
    assert player.call("terminate", "ended") is None
    player.service.release("ended-first")
    time.sleep(0.5)
    assert (player.status("ended"), player.service.count("ended-next")) == ("terminated", 0)
    assert player.call("terminate", "ended") == "INSTANCE_ENDED"
    assert player.call("send_event", "ended", "go", 1) is None  # at Cloudflare INSTANCE_ENDED
    assert player.create("ended") is False


def test_a_deleted_instance_leaves_nothing_and_its_id_is_free(player: Player, state: Path) -> None:
    start_held(player, "deleted", ["do", "deleted-next"])
    stored = set(state.glob("*.sqlite"))
    assert player.call("delete", "deleted") is None
    player.service.release("deleted-first")
    assert len(stored - set(state.glob("*.sqlite"))) == 1
    assert (player.status("deleted"), player.call("delete", "deleted")) == ("missing", "INSTANCE_NOT_FOUND")
    assert player.create("deleted", ["sleep", "a sleep", 1]) is True
    assert player.wait("deleted") == ["slept"]
    assert player.service.count("deleted-next") == 0


# == Waking after a restart


def test_nothing_goes_on_by_itself_after_a_kill(player: Player) -> None:
    """Not even what slept, though it counts as running."""
    player.create("asleep", ["sleep", "a sleep", 300], ["do", "asleep-next"])
    time.sleep(0.1)
    player.kill()
    time.sleep(1)
    assert (player.status("asleep"), player.service.count("asleep-next")) == ("running", 0)
    player.wake("asleep")
    assert player.wait("asleep") == ["slept", "1"]


def test_an_event_of_a_type_that_nobody_waits_for_wakes_what_ran_once_however_many_come(player: Player) -> None:
    start_held(player, "woken")
    player.kill()
    player.service.release("woken-first")
    started = player.service.count("started")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda i: player.call("send_event", "woken", f"wake-{i}", None), range(6)))
    assert player.wait("woken") == ["2"]
    assert player.service.count("started") == started + 1


def test_what_ran_when_the_interpreter_failed_has_not_failed(player: Player) -> None:
    """It sleeps, as after a kill."""
    start_held(player, "innocent", ["do", "innocent-next"])
    player.client.post("/overflow", json=[])
    player.service.release("innocent-first")
    time.sleep(0.5)
    assert (player.status("innocent"), player.service.count("innocent-next")) == ("running", 0)
    player.wake("innocent")
    assert player.wait("innocent") == ["2", "1"]


def test_pause_and_resume_wake_what_ran(player: Player) -> None:
    start_held(player, "resumed")
    player.kill()
    player.service.release("resumed-first")
    player.call("pause", "resumed")
    assert player.status("resumed") == "paused"
    player.call("resume", "resumed")
    assert player.wait("resumed") == ["2"]


def test_an_event_does_not_wake_what_was_paused_but_resume_does(player: Player) -> None:
    player.create("paused", ["sleep", "a sleep", 500])
    time.sleep(0.1)
    player.call("pause", "paused")
    wait_until(lambda: player.status("paused") == "paused")
    player.kill()
    player.wake("paused")
    time.sleep(0.8)
    assert player.status("paused") == "paused"
    player.call("resume", "paused")
    assert player.wait("paused") == ["slept"]


def test_what_was_to_be_paused_after_its_step_is_paused_after_a_kill(player: Player) -> None:
    start_held(player, "pausing")
    player.call("pause", "pausing")
    assert player.status("pausing") == "waitingForPause"
    player.kill()
    player.service.release("pausing-first")
    player.wake("pausing")
    wait_until(lambda: player.status("pausing") == "paused")
    player.call("resume", "pausing")
    assert player.wait("pausing") == ["2"]


# == Pause without a restart


def test_a_pause_takes_effect_after_the_step_under_way_and_the_run_has_not_failed(player: Player) -> None:
    start_held(player, "held", ["do", "held-next"])
    player.call("pause", "held")
    stopped = player.service.count("stopped")
    player.service.release("held-first")
    player.service.wait_until_asked("stopped", stopped + 1)
    wait_until(lambda: player.status("held") == "paused")
    assert player.service.count("held-next") == 0
    player.call("resume", "held")
    assert player.wait("held") == ["1", "1"]


def test_a_sleep_is_longer_by_the_time_of_a_pause(player: Player) -> None:
    begun_s = time.monotonic()
    player.create("longer", ["sleep", "a sleep", 1_000], ["do", "longer-next"])
    time.sleep(0.2)
    player.call("pause", "longer")
    time.sleep(1)
    player.call("resume", "longer")
    assert player.wait("longer") == ["slept", "1"]
    assert player.service.times("longer-next")[0] - begun_s >= 1.9


def test_a_resume_before_the_run_has_left_queues_the_instance_until_an_event_comes(player: Player) -> None:
    """Pause and resume do nothing for it."""
    player.create("stuck", ["sleep", "a sleep", 300], ["do", "stuck-next"])
    time.sleep(0.1)
    stopped = player.service.count("stopped")
    player.service.hold("stopped")
    player.call("pause", "stuck")
    player.service.wait_until_asked("stopped", stopped + 1)
    player.call("resume", "stuck")
    player.service.release("stopped")
    player.call("pause", "stuck")
    player.call("resume", "stuck")
    time.sleep(0.7)
    assert (player.status("stuck"), player.service.count("stuck-next")) == ("queued", 0)
    player.wake("stuck")
    assert player.wait("stuck") == ["slept", "1"]


# == Sleeps


def test_sleeps_keep_their_time_over_a_restart(player: Player) -> None:
    """One that is over meanwhile ends at once, and one that is not ends at its time."""
    begun_s = time.monotonic()
    sleeps = {"short": 500, "long": 6_000}
    for name, duration_ms in sleeps.items():
        player.create(f"sleep-{name}", ["sleep", "a sleep", duration_ms], ["do", f"{name}-next"])
    time.sleep(0.3)
    player.kill()
    woken_s = time.monotonic()
    for name in sleeps:
        player.wake(f"sleep-{name}")
        assert player.wait(f"sleep-{name}") == ["slept", "1"]
    assert player.service.times("short-next")[0] - woken_s < 2
    assert 6 <= player.service.times("long-next")[0] - begun_s < 8


def test_a_sleep_of_another_duration_is_another_sleep(player: Player) -> None:
    """So a replay must give the same duration: the name alone does not find it."""
    player.create("apart", ["sleep", "one name", 10], ["sleep", "one name", 300])
    begun_s = time.monotonic()
    player.wait("apart")
    assert time.monotonic() - begun_s >= 0.25


# == Events


def test_events_before_their_waits_are_kept_in_order(player: Player) -> None:
    player.create("early", ["sleep", "a sleep", 500], WAIT, WAIT)
    for number in (1, 2):
        player.call("send_event", "early", "go", {"n": number})
    assert player.wait("early") == ["slept", {"n": 1}, {"n": 2}]


def test_an_event_that_no_wait_has_taken_survives_a_restart(player: Player) -> None:
    player.create("kept", ["sleep", "a sleep", 500], WAIT)
    player.call("send_event", "kept", "go", {"n": 1})
    player.kill()
    player.wake("kept")
    assert player.wait("kept") == ["slept", {"n": 1}]


def test_a_consumed_event_comes_back_after_a_restart(player: Player) -> None:
    """At Cloudflare it does not. So every event has an id, and a run ignores one that it has consumed."""
    player.create("back", ["wait", "first", "go", LONG_MS], ["do", "back-next"], ["wait", "second", "go", LONG_MS])
    time.sleep(0.3)
    player.call("send_event", "back", "go", {"n": 1})
    player.service.wait_until_asked("back-next")
    time.sleep(0.3)  # until the second one waits
    player.kill()
    player.wake("back")
    assert player.wait("back") == [{"n": 1}, "1", {"n": 1}]


def test_the_first_event_after_a_restart_wakes_and_leaves_the_kept_ones(player: Player) -> None:
    """The engine itself would put it in the place of a kept one of its type, and deliver it twice."""
    waits = [["wait", f"wait {n}", "go", 700] for n in (1, 2, 3)]
    player.create("first", ["sleep", "a sleep", 500], *waits)
    player.call("send_event", "first", "go", {"n": 1})
    player.kill()
    player.call("send_event", "first", "go", {"n": 2})
    assert player.wait("first") == ["slept", {"n": 1}, {"n": 2}, "timeout"]


# == Timeouts of waits


def test_a_wait_that_has_timed_out_has_done_so_in_every_replay(player: Player) -> None:
    """An event after it belongs to the next wait."""
    player.create("late", ["wait", "1", "go", 200], ["do", "late-next"], ["wait", "2", "go", LONG_MS])
    player.service.wait_until_asked("late-next")
    time.sleep(0.3)  # until the second one waits
    player.kill()
    player.wake("late")
    player.call("send_event", "late", "go", {"n": 1})
    assert player.wait("late") == ["timeout", "1", {"n": 1}]


def test_a_wait_whose_time_ends_while_nothing_runs_times_out_at_the_wake(player: Player) -> None:
    player.create("missed", ["wait", "1", "go", 500], ["do", "missed-next"])
    time.sleep(0.1)
    player.kill()
    time.sleep(0.5)
    player.wake("missed")
    assert player.wait("missed") == ["timeout", "1"]


def test_a_wait_keeps_its_time_over_a_restart(player: Player) -> None:
    begun_s = time.monotonic()
    player.create("timed", ["wait", "1", "go", 6_000], ["do", "timed-next"])
    time.sleep(0.3)
    player.kill()
    player.wake("timed")
    assert player.wait("timed") == ["timeout", "1"]
    assert 6 <= player.service.times("timed-next")[0] - begun_s < 8
