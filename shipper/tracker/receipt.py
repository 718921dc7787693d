"""What `track` hands back: the event's id, and whether it is safe in the queue."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Final


class Receipt(Future[str]):
    """Done when the event is in the queue; its result is `event_id`, or why it is not there.

    From a blocking emitter it is done from the start. It can't be cancelled: what was tracked is
    on its way.
    """

    def __init__(self, event_id: str) -> None:
        super().__init__()
        self.set_running_or_notify_cancel()  # from here on `cancel` does nothing
        self.event_id = event_id

    def settle(self, error: BaseException | None = None) -> None:
        """Say that the event is safe, or what went wrong."""
        if error is None:
            self.set_result(self.event_id)
        else:
            self.set_exception(error)


_LATE: Final = frozenset(vars(Future()))


class Settled(Receipt):
    """A receipt that is done from the start: all that only waiting needs is made when asked for.

    A condition and its lock for each event would cost a blocking caller a tenth of its time.
    """

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id

    def __getattr__(self, name: str) -> Any:
        if name not in _LATE:
            raise AttributeError(name)
        done = Receipt(self.event_id)
        done.settle()
        vars(self).update(vars(done))  # at once: no other thread sees one that is not done
        return vars(self)[name]

    def result(self, timeout: float | None = None) -> str:
        """Return the id."""
        return self.event_id

    def done(self) -> bool:
        """Say that it is."""
        return True
