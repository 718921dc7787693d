"""A random walk over everything that happens to logs, against an oracle in memory.

Each line is written once and is unique. A line is *owed* when it must come into the queue, exactly
once; it is *excused* when it may be missing, because its bytes were truncated or deleted, or its
file left all sight, before a sweep could take hold of it. Nothing else ever comes into the queue.

`MODEL_EXAMPLES` in the environment says how many walks to take (default 40).
"""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shipper.formats.rotation import canonical_path
from shipper.pump import Pace
from shipper.tail.chunk import Limits
from tests.shipping import SWEEP, Shipper

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "40"))
NAMES = ["app.log", "app.log.1", "app.log.2", "other.log"]
PATTERNS = ("app.log*", "other.log")


@dataclass(eq=False)
class Life:
    """What was written into a file since it was made or last truncated."""

    lines: list[str] = field(default_factory=list)
    partial: str = ""
    turns: int = 0


@dataclass(eq=False)
class File:
    """A file: where it stands (None: deleted), and whether the shipper has it open."""

    name: str | None
    life: Life = field(default_factory=Life)
    held: bool = False
    log: str = ""
    recorded: bool = True
    copied: bool = False
    packed: bool = False

    @property
    def in_glob(self) -> bool:
        return self.name is not None and (self.name in NAMES or self.name.endswith(".gz"))

    @property
    def findable(self) -> bool:
        """Whether a restarted shipper finds the file by its inode where it was last seen."""
        seen = self.recorded and self.life.turns > 2
        return seen and self.name is not None and "/" not in self.name


class Tailing(RuleBasedStateMachine):
    """The walk."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="model-"))
        self.files: list[File] = []
        self.owed: set[str] = set()
        self.allowed: set[str] = set()
        self.lives: list[Life] = []
        self.written = 0
        self.count = 0
        self.up = True
        self.queued: set[str] = set()

    @initialize(chunk=st.sampled_from([8, 40, 4096]), room=st.sampled_from([60, 4096]))
    def begin(self, chunk: int, room: int) -> None:
        self.shipper = Shipper(
            self.home,
            *PATTERNS,
            limits=Limits(chunk_bytes=chunk),
            pace=Pace(sweep=SWEEP, turn_bytes=room),
        )
        self.logs = self.shipper.logs

    # What applications do

    def _at(self, name: str) -> File:
        for file in self.files:
            if file.name == name:
                return file
        file = File(name, log=canonical_path(name))
        self._born(file.life)
        self.files.append(file)
        return file

    def _born(self, life: Life) -> None:
        self.lives.append(life)

    def _write(self, file: File, text: str) -> None:
        assert file.name is not None
        self.logs.write(file.name, text.encode())
        self.written += len(text)
        *whole, file.life.partial = (file.life.partial + text).split("\n")
        file.life.lines += whole
        self.allowed.update(whole)
        if file.in_glob or file.held or (not self.up and file.findable):
            self.owed.update(whole)

    def _new(self) -> str:
        self.count += 1
        return f"line-{self.count}" + "." * (self.count * 7 % 30)

    @rule(name=st.sampled_from(NAMES), count=st.integers(1, 5))
    def append(self, name: str, count: int) -> None:
        for _ in range(count):
            self._write(self._at(name), self._new() + "\n")

    @rule(name=st.sampled_from(NAMES), end=st.booleans())
    def write_in_pieces(self, name: str, end: bool) -> None:
        self._write(self._at(name), self._new() + ("\n" if end else ""))

    @rule(data=st.data())
    def write_late(self, data: st.DataObject) -> None:
        """A process goes on writing into a file that was rotated out of sight."""
        hidden = [f for f in self.files if f.name and not f.in_glob and f.held and not f.packed]
        if hidden:
            self._write(data.draw(st.sampled_from(hidden)), self._new() + "\n")

    # What rotators do

    def _existing(self) -> list[File]:
        return [f for f in self.files if f.in_glob]

    @precondition(lambda self: self._existing())
    @rule(data=st.data(), place=st.sampled_from(["inside", "beside", "elsewhere"]))
    def rename(self, data: st.DataObject, place: str) -> None:
        file = data.draw(st.sampled_from(self._existing()))
        free = [name for name in NAMES if all(f.name != name for f in self.files)]
        if not file.held:  # what a copy continues is found by the name of the log
            free = [name for name in free if canonical_path(name) == file.log]
        if file.packed or file.copied:  # nobody appends to an archive; a copy has a rotated name
            free = []
        self.count += 1
        new = {
            "inside": free[0] if free else None,
            "beside": f"kept-{self.count}",
            "elsewhere": f"away/{self.count}",
        }[place]
        if new is None or file.name is None:
            return
        self.logs.rename(file.name, new)
        file.name = new
        if not file.in_glob and not file.held and (self.up or not file.findable):
            self._excuse(file)
        if place == "elsewhere" and not self.up:
            self._excuse(file)

    @precondition(lambda self: self._existing())
    @rule(data=st.data())
    def truncate(self, data: st.DataObject) -> None:
        file = data.draw(st.sampled_from([f for f in self.files if f.name]))
        assert file.name is not None
        if file.packed:
            return
        self.logs.truncate(file.name)
        self._excuse(file)
        file.life = Life()
        self._born(file.life)

    @precondition(lambda self: self._existing())
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        file = data.draw(st.sampled_from([f for f in self.files if f.name]))
        assert file.name is not None
        self.logs.delete(file.name)
        file.name = None
        if not file.held:
            self._excuse(file)

    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        """An editor saves the file with a line more, as a new file at the same place."""
        queued = set(self.shipper.lines()) if self.up else set()
        fit = [f for f in self._existing() if f.life.lines and not f.life.partial and f.held]
        fit = [f for f in fit if not f.packed]
        # A copy is known by the name of the log, too: one that was given another is a stranger.
        fit = [f for f in fit if f.life.lines[0] in queued and f.log == canonical_path(str(f.name))]
        if not fit:
            return
        file = data.draw(st.sampled_from(fit))
        assert file.name is not None
        self.logs.replace(file.name, *file.life.lines)
        self.files.append(File(None, Life(list(file.life.lines)), held=True))
        file.held = file.recorded = False
        self._write(file, self._new() + "\n")

    def _read_in_part(self) -> list[File]:
        """Return the files of the glob of which something was read: what can prove a copy."""
        queued = set(self.shipper.lines()) if self.up else self.queued
        files = [f for f in self._existing() if f.life.lines and not f.packed]
        return [
            f for f in files if f.life.lines[0] in queued and f.log == canonical_path(f.name or "")
        ]

    @rule(late=st.integers(0, 3), seen=st.booleans())
    def copytruncate(self, late: int, seen: bool) -> None:
        """The log is copied to a rotated name, and emptied in place."""
        free = [n for n in NAMES[1:3] if all(f.name != n for f in self.files)]
        if self.up and seen:
            self._write(self._at("app.log"), self._new() + "\n")
            self.turn(2)
        for file in self._read_in_part():
            if file.name == "app.log" and free:
                for _ in range(late):
                    self._write(file, self._new() + "\n")
                self.logs.copy(file.name, free[0])
                self.logs.truncate(file.name)
                self.files.append(File(free[0], file.life, log=file.log, copied=True))
                file.life = Life()
                self._born(file.life)

    @rule(data=st.data())
    def compress(self, data: st.DataObject) -> None:
        """A rotated log is compressed, and taken away."""
        fit = [f for f in self._read_in_part() if f.name in NAMES[1:3]]
        fit = [f for f in fit if all(other.name != f"{f.name}.gz" for other in self.files)]
        if not fit:
            return
        file = data.draw(st.sampled_from(fit))
        assert file.name is not None
        packed = gzip.compress(self.logs.path(file.name).read_bytes())
        self.logs.write(f"{file.name}.gz", packed)
        self.logs.delete(file.name)
        life = file.life
        if life.partial:  # an archive that is whole is over
            life.lines.append(life.partial)
            self.allowed.add(life.partial)
            self.owed.add(life.partial)
            life.partial = ""
        self.files.append(File(f"{file.name}.gz", life, log=file.log, packed=True))
        file.name, file.life = None, Life()

    def _excuse(self, file: File) -> None:
        """Nothing more is owed of what stands in *file*."""
        self.owed.difference_update(file.life.lines)

    # What happens to the shipper

    @precondition(lambda self: self.up)
    @rule(times=st.integers(1, 4))
    def turn(self, times: int) -> None:
        for _ in range(times):
            self.shipper.turn()
            self._swept()

    def _swept(self) -> None:
        for file in self.files:
            file.held = file.held or file.in_glob or (file.findable and not file.held)
            if file.held and file.life.lines:
                file.life.turns += 1

    @precondition(lambda self: self.up)
    @rule()
    def turn_on_a_full_disk(self) -> None:
        """A turn without room in the state may do a part of its work, or nothing."""
        with self.shipper.store._database.reading() as db:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            db.execute(f"PRAGMA max_page_count = {pages}")
            self.shipper.turn()
            db.execute("PRAGMA max_page_count = 1000000")

    @precondition(lambda self: self.up)
    @rule(orderly=st.booleans())
    def die(self, orderly: bool) -> None:
        self.queued = set(self.shipper.lines())
        (self.shipper.stop if orderly else self.shipper.kill)()
        self.up = False
        for file in self.files:
            file.held = False
            if not file.in_glob and not file.findable:
                self._excuse(file)
        self.files = [f for f in self.files if f.name]

    @precondition(lambda self: not self.up)
    @rule()
    def start(self) -> None:
        self.shipper.start()
        self.up = True

    @precondition(lambda self: self.up)
    @rule()
    def wait_for_the_grace_time(self) -> None:
        """What is out of sight is read to its end and let go; its last words count as a line."""
        self.shipper.catch_up()
        self._swept()
        hidden = [f for f in self.files if not f.in_glob]
        for file in hidden:
            self.allowed.add(file.life.partial)
            file.life.lines.append(file.life.partial)
        self.shipper.after_grace()
        self._swept()
        for file in self.files:
            file.recorded = True
        self.files = [f for f in self.files if f.in_glob]
        self._settled()

    def _settled(self) -> None:
        missing = self.owed - set(self.shipper.lines())
        assert not missing, sorted(missing)

    # What always holds

    @invariant()
    def nothing_doubled_nothing_invented(self) -> None:
        if not self.up or not hasattr(self, "shipper"):
            return
        events = self.shipper.events()
        lines = [event.line for event in events]
        assert len(set(lines)) == len(lines), "a line came twice"
        assert set(lines) <= self.allowed, set(lines) - self.allowed
        assert len({event.eid for event in events}) == len(events)
        order = {line: number for number, line in enumerate(lines)}
        for life in self.lives:
            places = [order[line] for line in life.lines if line in order]
            assert places == sorted(places), "the lines of a file came out of order"

    @invariant()
    def the_ledger_adds_up(self) -> None:
        if not self.up or not hasattr(self, "shipper"):
            return
        ledger = self.shipper.ledger()
        assert ledger.adds_up()
        assert ledger.lines_emitted == len(self.shipper.lines())
        assert ledger.bytes_read + ledger.bytes_lost <= self.written

    def teardown(self) -> None:
        if hasattr(self, "shipper"):
            if not self.up:
                self.start()
            try:
                self.wait_for_the_grace_time()
                self.nothing_doubled_nothing_invented()
                self.the_ledger_adds_up()
            finally:
                self.shipper.stop()
        shutil.rmtree(self.home)


TestTailing = Tailing.TestCase
TestTailing.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
