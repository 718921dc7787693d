"""How many requests are in flight, against collectors that are simulated in virtual time."""

from __future__ import annotations

import heapq
from random import Random

import pytest

from shipper.sending.concurrency import Concurrency


class World:
    """A collector of *workers*, each of which takes *seconds* for a request; the rest queues.

    Its answers are off by up to a tenth. Beyond *fuse* requests it fails all it gets.
    """

    def __init__(self, workers: int, seconds: float, *, fuse: int = 10_000) -> None:
        self.now = 0.0
        self.workers, self.seconds, self.fuse = workers, seconds, fuse
        self.rng = Random(3)
        self.free = [0.0] * workers
        self.flying: list[tuple[float, float]] = []
        self.answered = 0
        self.limits: list[int] = []

    def resize(self, workers: int) -> None:
        self.workers = workers
        self.free = [self.now] * workers

    def run(self, level: Concurrency, seconds: float) -> float:
        """Send all the time; return the answers a second."""
        end, before, self.limits = self.now + seconds, self.answered, []
        while self.now < end:
            while level.enter():
                started = max(self.now, heapq.heappop(self.free))
                done = started + self.seconds * self.rng.uniform(0.9, 1.1)
                heapq.heappush(self.free, done)
                heapq.heappush(self.flying, (done, self.now))
            self.now, sent = heapq.heappop(self.flying)
            level.leave()
            if len(self.flying) > self.fuse:
                level.failed()
            else:
                level.answered(self.now - sent)
                self.answered += 1
            self.limits.append(level.limit)
        return (self.answered - before) / seconds


def level_in(world: World, least: int = 1, most: int = 64) -> Concurrency:
    return Concurrency(least, most, lambda: world.now)


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("seconds", [0.01, 0.1, 1.0])
def test_it_settles_near_the_capacity(workers: int, seconds: float) -> None:
    """All workers are busy nine tenths of the time, and no more than that is queued."""
    world = World(workers, seconds)
    level = level_in(world)
    world.run(level, 150 * seconds)
    rate = world.run(level, 200 * seconds)
    assert rate >= 0.9 * workers / seconds
    mean = sum(world.limits) / len(world.limits)
    assert 0.9 * workers <= mean <= 1.6 * workers + 1


def test_it_follows_a_capacity_that_changes() -> None:
    """Down at once when the collector loses three quarters, up again when it has them back."""
    world = World(16, 0.1)
    level = level_in(world)
    world.run(level, 30)
    world.resize(4)
    world.run(level, 20)
    assert world.run(level, 20) >= 0.9 * 40
    assert sum(world.limits) / len(world.limits) < 9
    world.resize(16)
    world.run(level, 20)
    assert world.run(level, 20) >= 0.9 * 160


def test_a_way_that_became_longer_is_learnt() -> None:
    """After minutes with a slower network the limit is that of the workers again."""
    world = World(8, 0.1)
    level = level_in(world)
    world.run(level, 60)
    world.seconds = 0.25
    world.run(level, 400)
    assert world.run(level, 60) >= 0.9 * 8 / 0.25


def test_failures_make_it_smaller() -> None:
    """A collector that fails above six in flight sees hardly more than six."""
    world = World(32, 0.1, fuse=6)
    level = level_in(world)
    world.run(level, 30)
    world.run(level, 60)
    assert 3 <= sum(world.limits) / len(world.limits) <= 8


def test_failures_of_one_moment_are_one() -> None:
    """Ten requests that fail together take a part off once."""
    level = Concurrency(1, 64, lambda: 5.0)
    level.limit = 40
    for _ in range(10):
        level.failed()
    assert level.limit == 28


@pytest.mark.parametrize(("least", "most"), [(1, 1), (3, 5), (8, 8)])
def test_the_bounds_hold(least: int, most: int) -> None:
    """Whatever the collector does, the limit stays between them."""
    for fuse in (1, 10_000):
        world = World(4, 0.01, fuse=fuse)
        level = level_in(world, least, most)
        world.run(level, 5)
        assert set(world.limits) <= set(range(least, most + 1))


def test_no_more_are_granted_than_allowed() -> None:
    """The one that is over the limit is told no, until one leaves."""
    level = Concurrency(2, 8, lambda: 0.0)
    assert [level.enter() for _ in range(3)] == [True, True, False]
    level.leave()
    assert [level.enter() for _ in range(2)] == [True, False]


def test_what_is_not_used_does_not_grow() -> None:
    """Answers to one request at a time are no reason to allow twenty."""
    now = [0.0]
    level = Concurrency(2, 64, lambda: now[0])
    for _ in range(500):
        assert level.enter()
        now[0] += 0.05
        level.leave()
        level.answered(0.05)
    assert level.limit == 2
