"""The ground that all rules of a walk stand on: the shipper, the files, the oracle.

Rule 1: of a file, only what is certain is noted as `held`, `recorded` and so on. Where it is not,
        its words are excused, never owed.
Rule 2: after each step the oracle looks at what came, and the ledger has to add up.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import ClassVar, NamedTuple

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from shipper.formats.rotation import canonical_path
from shipper.pump import Pace
from shipper.service.audit import audit
from shipper.store.store import DATABASE, Store
from shipper.tail.chunk import Limits
from shipper.tail.fleet import Source
from shipper.tail.glob import Exclude, Glob
from tests.model.disk import Disk
from tests.model.oracle import Oracle
from tests.model.world import LINE_BYTES, LINES, Dialect, File, Piece
from tests.shipping import FIRST_STATE, SWEEP, Shipper, recipe

ROTATED = ["app.log.1", "app.log.2", "app.log.3"]
NAMES = ["app.log", *ROTATED, "other.log"]

names = st.sampled_from(NAMES)
which = st.integers(0, 3)


class Then(NamedTuple):
    """What follows a step at once: lines that are written into the log, and turns."""

    lines: int = 0
    turns: int = 0


NOTHING = Then()
thens = st.sampled_from(
    [NOTHING, Then(1, 0), Then(2, 0), Then(0, 1), Then(0, 2), Then(1, 1), Then(2, 2), Then(1, 3)]
)


class Setup(NamedTuple):
    """A configuration: bytes of a read, of a turn and of a request; globs and sources.

    `wide`: the glob takes rotated names too. `banner`: all files begin alike.
    """

    chunk: int = 4096
    room: int = 4096
    request: int = 180_000
    wide: bool = True
    order: int = 1
    split: bool = False
    renamed: bool = False
    banner: bool = False


setups = st.builds(
    Setup,
    chunk=st.sampled_from([8, 40, 4096]),
    room=st.sampled_from([60, 4096]),
    request=st.sampled_from([1500, 180_000]),
    wide=st.booleans(),
    order=st.sampled_from([1, -1]),
    split=st.booleans(),
    renamed=st.booleans(),
    banner=st.booleans(),
)


@cache
def _new_state() -> bytes:
    """Return a state that nothing is in, made once: to make it takes longer than most steps."""
    with tempfile.TemporaryDirectory() as directory:
        Store.open(Path(directory)).close()
        return Path(directory, DATABASE).read_bytes()


class Ground(RuleBasedStateMachine):
    """A walk without steps. `place` is where it makes its directory."""

    dialect: ClassVar[Dialect] = LINES
    place: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(dir=self.place))
        state = self.home / FIRST_STATE
        state.mkdir()
        (state / DATABASE).write_bytes(_new_state())
        self.disk = Disk(self.home / "logs")
        self.files: list[File] = []
        self.oracle = Oracle(self.dialect)
        self.up = True
        self.marks = 0

    @initialize(setup=setups)
    def begin(self, setup: Setup) -> None:
        self.setup = setup
        self.shipper = Shipper(
            self.home,
            sources=self.sources(),
            policy=self.dialect.policy,
            max_bytes=setup.request,
            limits=self._limits(),
            pace=self._pace(),
        )
        self.woken()

    def woken(self) -> None:
        """Make what lives in the process of the shipper, which has just been started."""

    # The configuration

    def configure(self) -> None:
        """Let the next start of the shipper obey the setup."""
        self.shipper.recipe = recipe(self.dialect.policy, self.setup.request)
        self.shipper.limits, self.shipper.pace = self._limits(), self._pace()

    def sources(self) -> list[Source]:
        setup = self.setup
        patterns = ["app.log*" if setup.wide else "app.log", "other.log"][:: setup.order]
        name = "renamed" if setup.renamed else "logs"
        if not setup.split:
            return [Source(name, self._globs(*patterns), Exclude(()))]
        return [Source(f"{name}-{p[:3]}", self._globs(p), Exclude(())) for p in patterns]

    def _globs(self, *patterns: str) -> tuple[Glob, ...]:
        return tuple(Glob(str(self.disk.path(pattern))) for pattern in patterns)

    def _limits(self) -> Limits:
        return Limits(chunk_bytes=self.setup.chunk, kept_bytes=LINE_BYTES)

    def _pace(self) -> Pace:
        return Pace(sweep=SWEEP, turn_bytes=self.setup.room)

    # Files

    def named(self, file: File) -> bool:
        """Tell whether the globs name the file."""
        wide = self.setup.wide and (file.name in ROTATED or file.packed)
        return file.beside and (file.name in ("app.log", "other.log") or wide)

    def inside(self, file: File) -> bool:
        """Tell whether a sweep would find the file."""
        return self.disk.here and self.named(file)

    def at(self, name: str) -> File:
        """Return the file *name*, which is made if need be."""
        for file in self.files:
            if file.name == name:
                return file
        file = File(name, canonical_path(name))
        self.files.append(file)
        return file

    def free(self, *names: str) -> list[str]:
        """Return those of *names* that no file has."""
        taken = {file.name for file in self.files}
        return [name for name in names if name not in taken]

    def there(self) -> list[File]:
        """Return the files that somebody may work on."""
        return [f for f in self.files if f.name and not f.packed and not f.busy and self.disk.here]

    def writable(self, file: File) -> bool:
        """Tell whether an application may write into the file: nobody adds to a backup."""
        return not file.busy and (self.setup.wide or not file.copied)

    def read_in_part(self) -> list[File]:
        """Return the files under their log's name of which something came: it can prove a copy."""
        return [
            file
            for file in self.there()
            if file.beside
            and not self.oracle.came.isdisjoint(file.life.words)
            and canonical_path(file.name or "") == file.log
        ]

    def write(self, file: File, piece: Piece, *, end: bool = True) -> None:
        """Let an application write at the end of a file."""
        assert file.name is not None
        data = piece.text.encode() + b"\n" * end
        if self.setup.banner and self.dialect.rules is None and not file.life.lines:
            data = self.oracle.banner(file.life) + data
        self.disk.write(file.name, data)
        owed = self.inside(file) or file.held or (not self.up and file.findable)
        at = self.shipper.clock.monotonic if file.name in ("app.log", "other.log") else None
        self.oracle.write(file.life, piece, end=end, owed=owed, at=at)

    # Turns

    def go_on(self, then: Then) -> None:
        """Let an application write into its log, and take turns."""
        if then.lines and self.disk.here and self.writable(self.at("app.log")):
            for kind in range(then.lines):
                self.write(self.at("app.log"), self.oracle.piece(kind))
        self.take(then.turns)

    def take(self, times: int) -> None:
        """Take turns that see and read."""
        for _ in range(times if self.up else 0):
            self.shipper.turn()
            self.looked()

    def looked(self, *, read: bool = True) -> None:
        """Note what is certain after a sweep, and after reading."""
        for file in self.files:
            file.fresh = False
            if self.inside(file):
                file.held, file.detached, file.closed = True, False, False
                file.missed = False
                if not file.copied and not file.packed:
                    self.oracle.owe(file.life)
            elif file.held or (file.findable and self.disk.here):
                file.held = file.detached = True
            if read and file.held and any(line.done for line in file.life.lines):
                file.life.sweeps += 1

    # What always holds

    @invariant()
    def what_comes_is_right(self) -> None:
        """Rule 2."""
        if self.up and hasattr(self, "shipper"):
            self.oracle.harvest(self.shipper)
            self._books_balance()

    def _books_balance(self) -> None:
        accounts = self.shipper.store.accounts()
        for account in accounts:
            assert account.ledger.adds_up(account.held.lines, account.held.width), account
        ledger = self.shipper.ledger()
        oracle = self.oracle
        assert ledger.events == len(oracle.events), ledger
        assert ledger.lines_emitted == oracle.lines_emitted, ledger
        assert ledger.bytes_read + ledger.bytes_lost <= oracle.written, ledger
        assert oracle.gaps == oracle.rejected, "a gap is an event and a dead letter"
        assert ledger.bytes_lost <= oracle.lost, f"{ledger}, but gaps tell of {oracle.lost}"

    def teardown(self) -> None:
        failed = sys.exc_info()[0] is not None
        try:
            if hasattr(self, "shipper") and not failed:
                self.last_steps()
                self.what_comes_is_right()
                faults = list(audit(self.shipper.store).faults())
                assert not faults, faults
        finally:
            if hasattr(self, "shipper"):
                self.shipper.stop()
            shutil.rmtree(self.home)

    def last_steps(self) -> None:
        """Let everything come that still can."""
        raise NotImplementedError
