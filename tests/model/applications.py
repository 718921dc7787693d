"""What applications do: they write lines, and pieces of lines."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.model.ground import Ground, Then, names, thens, which
from tests.model.world import File

kinds = st.integers(0, 3)


class Applications(Ground):
    """The steps of applications."""

    @precondition(lambda self: self.disk.here)
    @rule(name=names, kinds=st.lists(kinds, min_size=1, max_size=5), then=thens)
    def append(self, name: str, kinds: list[int], then: Then) -> None:
        file = self.at(name)
        for kind in kinds if self.writable(file) else ():
            self.write(file, self.oracle.piece(kind))
        self.go_on(then)

    @precondition(lambda self: self.disk.here)
    @rule(name=names, kind=kinds, end=st.booleans(), then=thens)
    def write_a_piece(self, name: str, kind: int, end: bool, then: Then) -> None:
        """The end of the line may be in the next piece."""
        file = self.at(name)
        if self.writable(file):
            self.write(file, self.oracle.piece(kind), end=end)
        self.go_on(then)

    @precondition(lambda self: self.disk.here)
    @rule(name=names, kind=kinds, then=thens)
    def write_too_much(self, name: str, kind: int, then: Then) -> None:
        """A line is longer than the limit."""
        file = self.at(name)
        if self.writable(file):
            self.write(file, self.oracle.piece(kind, long=True))
        self.go_on(then)

    @precondition(lambda self: self._out_of_sight())
    @rule(which=which, kind=kinds, end=st.booleans(), then=thens)
    def write_late(self, which: int, kind: int, end: bool, then: Then) -> None:
        """A process goes on writing into a file that was rotated out of sight."""
        hidden = self._out_of_sight()
        self.write(hidden[which % len(hidden)], self.oracle.piece(kind), end=end)
        self.go_on(then)

    def _out_of_sight(self) -> list[File]:
        return [f for f in self.there() if not self.named(f) and not f.copied]

    @rule(which=which, then=thens)
    def take_back(self, which: int, then: Then) -> None:
        """A writer cuts off the piece that it has just written, and writes a line instead."""
        fit = [f for f in self.there() if f.life.open_line and not f.copied]
        fit = [f for f in fit if f.fresh or (self.up and f.held)]
        if fit:
            file = fit[which % len(fit)]
            assert file.name is not None
            size = self.disk.size(file.name) - self.oracle.take_back(file.life)
            self.disk.truncate(file.name, size)
            self.oracle.written += size  # what is left may count as lost, and be read after that
            if not file.fresh:
                self._write_instead(file)
        self.go_on(then)

    def _write_instead(self, file: File) -> None:
        """Write a line, and have it read: before that, the unread end counts for what it was."""
        self.take(1)
        piece = self.oracle.piece(0)
        self.write(file, piece)
        for _ in range(50):
            if piece.word in self.oracle.came:
                break
            self.take(1)
            self.oracle.harvest(self.shipper)
