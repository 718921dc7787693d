"""The steps of the sending side, and of its collector."""

from __future__ import annotations

from contextlib import nullcontext
from random import Random
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shipper.emitter import Emitter, Sending
from shipper.sending.outbox import Outbox
from tests.model.delivery import BUSY, CUT, DOWN, REFUSE, TAKE, Delivery, Post
from tests.model.fates import Fates, dying_before, locked_state
from tests.shipping import FakeClock

IDLE = 1.0  # seconds after which a sender with nothing to do looks again, as in the service
answers = st.lists(st.sampled_from([TAKE, REFUSE, BUSY, CUT, DOWN]), max_size=4)


class Senders(Fates):
    """The steps of sending. `post` is the collector of the process."""

    post: ClassVar[Post]

    def __init__(self) -> None:
        super().__init__()
        self.delivery = Delivery(self.oracle)
        self._time = FakeClock()

    def woken(self) -> None:
        outbox = Outbox(self.shipper.store, self.shipper.reports, self._time.clock())
        sending = Sending(max_bytes=self.setup.request)
        self.emitter = Emitter(outbox, self.post, sending=sending, rng=Random(7))

    @precondition(lambda self: self.up)
    @rule(answers=answers, times=st.integers(1, 4), locked=st.booleans())
    def send(self, answers: list[str], times: int, locked: bool) -> None:
        """Requests are taken, refused, put off or cut; what came of them may have to wait."""
        with locked_state(self.shipper) if locked else nullcontext():
            self._emit(answers, times)

    @precondition(lambda self: self.up)
    @rule(answers=answers)
    def die_amid_sending(self, answers: list[str]) -> None:
        """The process dies when the collector has answered, before that is on record."""
        with dying_before(self.shipper, 1) as remains:
            self._emit(answers, 1)
        self.shipper.kill(*remains)
        self.dead()

    def _emit(self, answers: list[str], times: int) -> None:
        """Take turns."""
        self.post.script[:], self.post.seen[:] = answers, []
        for _ in range(times):
            wait = self.emitter.turn()
            self._time.pass_(IDLE if wait is None else wait)
        self.delivery.check(self.shipper, self.post.seen)

    def last_steps(self) -> None:
        super().last_steps()
        self.what_comes_is_right()
        for _ in range(200):
            if not self.shipper.store.backlog().batches:
                return
            self._emit([], 10)
        raise AssertionError("not everything was sent")
