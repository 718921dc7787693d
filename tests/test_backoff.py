"""Pauses after failures: how long, for whom, and who may try."""

from __future__ import annotations

import threading
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from benchmarks.herd import Setting, simulate
from shipper.backoff import Backoff, Leave

DAY = 86_400.0
seconds = st.floats(min_value=0.01, max_value=DAY)


class Longest(Random):
    """Draws the upper end, so that ceilings can be seen."""

    def uniform(self, a: float, b: float) -> float:
        return b


@given(
    first=seconds,
    longest=seconds,
    count=st.integers(1, 80),
    at_least=st.floats(0, 2 * DAY),
    seed=st.integers(0, 99),
)
def test_pauses_lie_within_their_bounds(
    first: float, longest: float, count: int, at_least: float, seed: int
) -> None:
    """The n-th pause is at least what was asked for, at most that plus first × 2ⁿ or longest."""
    backoff = Backoff(first, longest, Random(seed))
    now = 0.0
    for number in range(count):
        leave = backoff.enter(now)
        assert leave.wait == 0
        pause = backoff.fail(leave, now, at_least)
        ceiling = min(longest, first * 2.0**number)
        assert min(DAY, at_least) <= pause <= min(DAY, at_least + ceiling)
        waiting = backoff.enter(now).wait
        assert waiting == pytest.approx(pause)
        now += pause + 1e-6


def test_pauses_are_spread_over_the_whole_range() -> None:
    """Full jitter: of many first pauses some are short and some long, none favoured."""
    drawn = []
    for seed in range(400):
        backoff = Backoff(1.0, 60.0, Random(seed))
        drawn.append(backoff.fail(backoff.enter(0), 0))
    assert 0.4 < sum(drawn) / len(drawn) < 0.6
    assert min(drawn) < 0.05
    assert max(drawn) > 0.95


def test_the_ceiling_doubles_up_to_the_longest() -> None:
    """0.5, 1, 2, 4, 5, 5."""
    backoff = Backoff(0.5, 5.0, Longest())
    now, pauses = 0.0, []
    for _ in range(6):
        pauses.append(backoff.fail(backoff.enter(now), now))
        now += pauses[-1]
    assert pauses == [0.5, 1, 2, 4, 5, 5]


@pytest.mark.parametrize(("successes", "pause"), [(1, 8.0), (2, 4.0), (5, 1.0), (9, 0.5)])
def test_successes_forget_by_and_by(successes: int, pause: float) -> None:
    """After six failures the first success takes one or two off, the ninth the last."""
    backoff = Backoff(0.5, 600.0, Longest())
    now = 0.0
    for _ in range(6):
        now += backoff.fail(backoff.enter(now), now)
    for _ in range(successes):
        backoff.succeed(backoff.enter(now))
    assert backoff.fail(backoff.enter(now), now) == pause


def test_a_long_outage_is_forgotten_as_quickly() -> None:
    """A thousand failures are remembered as eight."""
    backoff = Backoff(0.5, 600.0, Longest())
    now = 0.0
    for _ in range(1000):
        now += backoff.fail(backoff.enter(now), now)
    for _ in range(10):
        backoff.succeed(backoff.enter(now))
    assert backoff.fail(backoff.enter(now), now) == 0.5


def test_one_failure_is_nothing_to_remember() -> None:
    """After a success the next failure begins anew, as long as they are few."""
    backoff = Backoff(0.5, 600.0, Longest())
    for now in range(0, 1000, 100):
        assert backoff.fail(backoff.enter(now), now) == 0.5
        backoff.succeed(backoff.enter(now + 50))
        backoff.succeed(backoff.enter(now + 51))


@pytest.mark.parametrize("seed", [1, 2])
def test_a_herd_comes_back_apart(seed: int) -> None:
    """With full jitter the busiest second of an outage has a fifth of what it has without."""
    setting = Setting(shippers=200, backlog=20, outage=600.0, workers=10, queue=40)
    jitter, plain = (simulate(kind, setting, seed) for kind in ("full jitter", "plain"))
    for outcome in (jitter, plain):
        assert len(outcome.drained) == 200, "all come to their end"
    busiest = [
        max(n for second, n in each.load.items() if 60 <= second < 600) for each in (jitter, plain)
    ]
    assert busiest[0] < busiest[1] / 5
    assert jitter.refused < 200 * 20


def test_a_thousand_failures_are_no_overflow() -> None:
    """An outage of a week neither overflows nor exceeds the longest pause."""
    backoff = Backoff(0.5, 60.0, Longest())
    now = 0.0
    for _ in range(2000):
        now += backoff.fail(backoff.enter(now), now)
    assert backoff.fail(backoff.enter(now), now, float("inf")) == DAY


def test_nobody_enters_during_a_pause_and_one_after_it() -> None:
    """The pause is for all; after it one tries, and the others look again soon."""
    backoff = Backoff(0.4, 60.0, Longest())
    backoff.fail(backoff.enter(100.0), 100.0)
    assert [backoff.enter(100.3).wait for _ in range(3)] == pytest.approx([0.1] * 3)
    assert [backoff.enter(100.5).wait for _ in range(3)] == [0.0, 0.4, 0.4]


def test_looking_again_is_soon_whatever_the_first_pause() -> None:
    """With a first pause of an hour, nobody sleeps through the success for an hour."""
    backoff = Backoff(3600.0, 3600.0, Longest())
    backoff.fail(backoff.enter(0.0), 0.0)
    prober = backoff.enter(3600.0)
    assert backoff.enter(3600.0).wait <= 0.5
    backoff.succeed(prober)
    assert backoff.enter(3600.0).wait == 0


def test_leave_given_back_lets_the_next_try() -> None:
    """A prober that finds nothing to send does not shut the gate."""
    backoff = Backoff(0.4, 60.0, Longest())
    backoff.fail(backoff.enter(0.0), 0.0)
    prober = backoff.enter(1.0)
    backoff.leave(prober)
    assert backoff.enter(1.0).wait == 0


def test_one_outage_met_by_many_is_one_failure() -> None:
    """64 requests in flight that fail together make the pause of one, not of 64 in a row."""
    backoff = Backoff(0.5, 60.0, Longest())
    leaves = [backoff.enter(0.0) for _ in range(64)]
    pauses = [backoff.fail(leave, 0.1) for leave in leaves]
    assert pauses == [0.5] * 64
    prober = backoff.enter(0.6)
    assert backoff.fail(prober, 0.6) == 1.0


def test_old_leave_does_not_end_the_present_try() -> None:
    """Whoever entered before the failing began can leave or fail without a second prober."""
    backoff = Backoff(0.5, 60.0, Longest())
    old = [backoff.enter(0.0) for _ in range(3)]
    backoff.fail(old[0], 0.0)
    assert backoff.enter(1.0).wait == 0  # the prober
    backoff.leave(old[1])
    assert backoff.enter(1.0).wait > 0
    backoff.fail(old[2], 1.0)
    assert backoff.enter(1.0).wait > 0


def test_a_late_wish_for_a_pause_counts() -> None:
    """A request from before the failing that brings a Retry-After makes all wait for it."""
    backoff = Backoff(0.5, 60.0, Longest())
    early, late = backoff.enter(0.0), backoff.enter(0.0)
    backoff.fail(early, 0.0)
    assert backoff.fail(late, 0.2, at_least=30.0) == 30.0
    assert backoff.enter(1.0).wait == pytest.approx(29.2)


def test_any_success_sets_all_free() -> None:
    """Also that of a request which was under way when the failing began."""
    backoff = Backoff(10.0, 60.0, Longest())
    slow, quick = backoff.enter(0.0), backoff.enter(0.0)
    backoff.fail(quick, 0.0)
    assert backoff.enter(1.0).wait == 9.0
    backoff.succeed(slow)
    assert [backoff.enter(1.0).wait for _ in range(3)] == [0.0] * 3


def test_threads_share_one_gate() -> None:
    """Of eight threads that ask at once while failing, exactly one may try."""
    backoff = Backoff(0.5, 60.0, Longest())
    backoff.fail(backoff.enter(0.0), 0.0)
    barrier = threading.Barrier(8)
    granted: list[Leave] = []

    def ask() -> None:
        barrier.wait(10)
        leave = backoff.enter(1.0)
        if not leave.wait:
            granted.append(leave)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(granted) == 1


class Gate(RuleBasedStateMachine):
    """Any order of asking, failing, succeeding and leaving, by any number of senders."""

    def __init__(self) -> None:
        super().__init__()
        self.backoff = Backoff(1.0, 8.0, Longest())
        self.now = 0.0
        self.held: list[Leave] = []
        self.probes: list[Leave] = []
        self.failing = False
        self.until = 0.0

    @rule(step=st.floats(0, 10))
    def wait(self, step: float) -> None:
        self.now += step

    @rule()
    def enter(self) -> None:
        leave = self.backoff.enter(self.now)
        if leave.wait:
            assert self.failing, "no pause without a failure"
            return
        self.held.append(leave)
        if self.failing:
            assert self.now >= self.until, "the pause is kept"
            assert not self.probes, "one try at a time"
            self.probes.append(leave)

    def _done(self, index: int) -> Leave:
        leave = self.held.pop(index % len(self.held))
        self.probes = [probe for probe in self.probes if probe is not leave]
        return leave

    @precondition(lambda self: self.held)
    @rule(index=st.integers(0, 9), at_least=st.sampled_from([0.0, 5.0]))
    def fail(self, index: int, at_least: float) -> None:
        pause = self.backoff.fail(self._done(index), self.now, at_least)
        assert pause >= at_least - 1e-9
        self.failing = True
        self.until = max(self.until, self.now + at_least - 1e-9)

    @precondition(lambda self: self.held)
    @rule(index=st.integers(0, 9))
    def succeed(self, index: int) -> None:
        self.backoff.succeed(self._done(index))
        self.failing, self.until, self.probes = False, 0.0, []

    @precondition(lambda self: self.held)
    @rule(index=st.integers(0, 9))
    def leave(self, index: int) -> None:
        self.backoff.leave(self._done(index))

    def teardown(self) -> None:
        """When all have left, and a pause is over, somebody may try: the gate is never stuck."""
        for leave in self.held:
            self.backoff.leave(leave)
        assert self.backoff.enter(self.now + 100).wait == 0


TestGate = Gate.TestCase
TestGate.settings = settings(max_examples=60, stateful_step_count=25)
