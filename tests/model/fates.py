"""What befalls the shipper: turns, trouble, death, other configurations, and time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shipper.store.database import PATIENCE
from tests.model.disk import no_descriptors
from tests.model.ground import Ground, Setup, names, setups
from tests.model.world import File
from tests.shipping import GRACE, Shipper


class Fates(Ground):
    """The steps of fate."""

    @precondition(lambda self: self.up)
    @rule(times=st.integers(1, 4))
    def turn(self, times: int) -> None:
        self.take(times)

    @precondition(lambda self: self.up)
    @rule(name=st.none() | names)
    def turn_on_a_hint(self, name: str | None) -> None:
        """A turn before the next sweep is due, for a notification told of a file, or of any."""
        self.shipper.clock.pass_(0.03)
        self.shipper.pump.nudge(name and str(self.disk.path(name)))
        self.shipper.pump.turn()
        self._blurred()

    @precondition(lambda self: self.up)
    @rule(how=st.sampled_from(["full disk", "locked state"]), times=st.integers(1, 2))
    def turn_without_state(self, how: str, times: int) -> None:
        """Turns that can't write, or not all they want to, do a part of their work or nothing."""
        with full_disk(self.shipper) if how == "full disk" else locked_state(self.shipper):
            self.shipper.turn(times)
        self.shipper.clock.pass_(1.0)  # a state that was busy is asked again a second later
        self._blurred()

    def _blurred(self) -> None:
        for file in self.files:
            file.fresh = False
            file.missed = file.missed or (file.held and not self.inside(file))
        self.oracle.disturb()

    @precondition(lambda self: self.up)
    @rule(times=st.integers(1, 2))
    def turn_with_a_full_queue(self, times: int) -> None:
        """Files that are rotated away meanwhile are held, and nothing is read."""
        self.shipper.pump._pace = replace(self.shipper.pace, queue_bytes=0)
        for _ in range(times):
            self.shipper.turn()
            self.looked(read=False)
        self.shipper.pump._pace = self.shipper.pace
        self.oracle.disturb()

    @precondition(lambda self: self.up and self.disk.here and not self._unseen())
    @rule(how=st.sampled_from(["forbidden", "no descriptors"]), long=st.booleans())
    def turn_blindly(self, how: str, long: bool) -> None:
        """What can't be looked at has not changed, however long that lasts."""
        with self.disk.forbidden() if how == "forbidden" else no_descriptors():
            self.shipper.turn(2)
            # A file that may not be opened for so long is not known for what it replaced.
            long = long and (how == "forbidden" or self.setup.wide)
            if long:
                self.shipper.clock.pass_(GRACE + 1)
                self.shipper.turn(3)
        if how == "no descriptors" and not self.setup.wide:
            self._missed()
        for file in [f for f in self.files if long and self._perhaps_detached(f)]:
            self._maybe_over(file)
        self._blurred()

    def _perhaps_detached(self, file: File) -> bool:
        """Tell whether the file may be held without its path: it may be found by its record."""
        found = file.beside and not file.held and not self.named(file)
        return file.detached or file.missed or found

    def _missed(self) -> None:
        """Note which files were looked for by name, and not found."""
        for file in self.files:
            file.detached = file.detached or (file.held and not self.inside(file))

    def _maybe_over(self, file: File) -> None:
        """Note that a file out of sight may have been read to its end and let go."""
        self.oracle.may_close(file.life)
        file.held = file.detached = file.missed = False
        file.closed = True

    # Death and what follows

    @precondition(lambda self: self.up)
    @rule(orderly=st.booleans())
    def die(self, orderly: bool) -> None:
        (self.shipper.stop if orderly else self.shipper.kill)()
        self.dead()

    @precondition(lambda self: self.up)
    @rule(commit=st.integers(1, 3))
    def die_amid_a_turn(self, commit: int) -> None:
        """The process dies just before a commit; what came after that never was."""
        with dying_before(self.shipper, commit) as remains:
            self.shipper.turn()
        if not self.setup.banner:  # which of several that begin alike is the first may change
            self.oracle.glimpse(self.shipper)
        self.shipper.kill(*remains)
        self.dead()

    def dead(self) -> None:
        """Note that nothing is held any more."""
        self.up = False
        for file in self.files:
            file.held = file.detached = file.missed = False
            if not self.named(file) and not file.findable:
                self.oracle.excuse(file.life)
        self.files = [file for file in self.files if file.name]

    @precondition(lambda self: not self.up)
    @rule(setup=setups, turns=st.integers(0, 1))
    def start(self, setup: Setup, turns: int) -> None:
        """Start again, perhaps with another configuration."""
        self._reconfigure(setup)
        self.shipper.start(*self.sources())
        self._woken(turns)

    def _woken(self, turns: int) -> None:
        self.up = True
        self.woken()
        self.take(turns)
        self.oracle.disturb()

    @precondition(lambda self: self.up)
    @rule(setup=setups, turns=st.integers(0, 1))
    def reload(self, setup: Setup, turns: int) -> None:
        """Go on with another configuration, in the same process."""
        self.dead()
        self._reconfigure(setup)
        self.shipper.reconfigure(*self.sources())
        self._woken(turns)

    def _reconfigure(self, setup: Setup) -> None:
        self.setup = setup._replace(wide=self.setup.wide, banner=self.setup.banner)
        self.configure()

    # Time, and the directory

    @precondition(lambda self: self.up)
    @rule()
    def wait_for_the_grace_time(self) -> None:
        """What is out of sight is read to its end and let go; its last words count as a line."""
        if not self.disk.here and self._unseen():
            return
        self.shipper.catch_up()
        self.looked()
        self.shipper.after_grace()
        for file in [f for f in self.files if not self.inside(f)]:
            self._over(file)
        self.files = [file for file in self.files if file.name]
        self.looked()
        for file in self.files:
            file.recorded = file.recorded or self.inside(file)
        self.oracle.disturb()
        self.oracle.harvest(self.shipper)
        missing = self.oracle.missing()
        assert not missing or not self.disk.here, f"never came: {missing}"

    def _over(self, file: File) -> None:
        if file.held:
            self.oracle.close(file.life, owed=True)
        elif not self.named(file):
            self.oracle.may_close(file.life)
            self.oracle.excuse(file.life)
        file.held = file.detached = file.missed = False
        file.closed = True

    def _unseen(self) -> bool:
        """Tell whether there are copies that would be met too late (docs/known-limits.md)."""
        return any(not file.held and not file.recorded for file in self.files)

    @precondition(lambda self: self.disk.here and not self._unseen())
    @rule(empty=st.booleans())
    def take_the_directory_away(self, empty: bool) -> None:
        self.disk.take_away(empty=empty)

    @precondition(lambda self: not self.disk.here)
    @rule()
    def bring_the_directory_back(self) -> None:
        self.disk.bring_back()

    def last_steps(self) -> None:
        if not self.disk.here:
            self.bring_the_directory_back()
        if not self.up:
            self.start(self.setup, 0)
        self.wait_for_the_grace_time()


@contextmanager
def full_disk(shipper: Shipper) -> Iterator[None]:
    """Let the state grow no more."""
    with shipper.store._database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
        yield
        db.execute("PRAGMA max_page_count = 1000000")


@contextmanager
def locked_state(shipper: Shipper) -> Iterator[None]:
    """Let another process hold the state's lock for too long."""
    with ExitStack() as stack:
        other = sqlite3.connect(shipper.state / "state.db", isolation_level=None)
        stack.callback(other.close)
        other.execute("BEGIN IMMEDIATE")
        database = shipper.store._database
        with database.reading() as db:
            (step,) = db.execute("PRAGMA busy_timeout").fetchone()
            db.execute("PRAGMA busy_timeout = 0")
            database.patience = 0.0
            yield
            database.patience = PATIENCE
            db.execute(f"PRAGMA busy_timeout = {step}")


@contextmanager
def dying_before(shipper: Shipper, commit: int) -> Iterator[list[Path]]:
    """Give a list, for what is left on disk just before a commit; empty if there are too few."""
    remains: list[Path] = []
    count = 0

    def trace(statement: str) -> None:
        nonlocal count
        if statement == "COMMIT":
            count += 1
            if count == commit:
                remains.append(shipper.remains())

    with shipper.store._database.reading() as db:
        db.set_trace_callback(trace)
        yield remains
        db.set_trace_callback(None)
