"""What rotators and administrators do: they rename, copy, empty, compress, delete and replace."""

from __future__ import annotations

import gzip

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from shipper.formats.rotation import canonical_path
from tests.model.ground import NAMES, NOTHING, ROTATED, Ground, Then, thens, which
from tests.model.world import File, Life

kinds = st.integers(0, 3)
HOLE = 1024  # fewer NULs would be a part of the line that follows them


class Rotators(Ground):
    """The steps of rotators."""

    packing: tuple[File, str, bytes] | None = None

    # Names

    def _inside(self) -> list[File]:
        return [file for file in self.there() if self.inside(file)]

    @precondition(lambda self: self._inside())
    @rule(which=which, place=st.sampled_from(["inside", "beside", "elsewhere"]), then=thens)
    def rename(self, which: int, place: str, then: Then) -> None:
        files = self._inside()
        file = files[which % len(files)]
        new = {"inside": self._new_name(file), "beside": self._mark("kept-"), "elsewhere": ""}[
            place
        ]
        new = new if new != "" else self._mark("away/")
        if new is not None:
            self._move(file, new)
        self.go_on(then)

    def _new_name(self, file: File) -> str | None:
        free = self.free(*NAMES)
        if file.copied:  # a copy has a rotated name
            free = [name for name in free if name in ROTATED]
        free = [name for name in free if self._known_as(file, name)]
        return free[0] if free else None

    def _known_as(self, file: File, name: str) -> bool:
        """Tell whether the file is known under *name*: a copy is found by the name of its log."""
        return file.held or file.recorded or canonical_path(name) == file.log

    def _mark(self, prefix: str) -> str:
        self.marks += 1
        return f"{prefix}{self.marks}"

    def _move(self, file: File, new: str) -> None:
        """Rename a file; excuse it if nobody can know where it is."""
        assert file.name is not None
        self.disk.rename(file.name, new)
        file.name = new
        if canonical_path(new) != file.log:
            self.oracle.forget(file.life)
        lost = not file.held and (self.up or not file.findable)
        if not self.named(file) and lost:
            self.oracle.excuse(file.life)

    @rule(which=which, name=st.sampled_from(NAMES), then=thens)
    def bring_back(self, which: int, name: str, then: Then) -> None:
        """A file that was out of sight gets a name again that the globs know."""
        hidden = [f for f in self.there() if not self.named(f) and not f.copied]
        hidden = [file for file in hidden if self._known_as(file, name)]
        if hidden and name in self.free(*NAMES):
            self._move(hidden[which % len(hidden)], name)
        self.go_on(then)

    @precondition(lambda self: self.disk.here and self.free("app.log") == [])
    @rule(create=st.booleans(), kind=kinds, then=thens)
    def cascade(self, create: bool, kind: int, then: Then) -> None:
        """Every log gets the name of the one before it, and the last is deleted."""
        chain = ["app.log", *ROTATED]
        here = {file.name: file for file in self.files}
        if any(here[name].busy for name in chain if name in here):
            return
        for suffix in ("", ".gz"):
            for old, new in zip(reversed(chain), [None, *reversed(chain)], strict=False):
                if file := here.get(f"{old}{suffix}"):
                    self._move(file, f"{new}{suffix}") if new else self._remove(file)
        if create:
            self.write(self.at("app.log"), self.oracle.piece(kind))
        self.go_on(then)

    # Contents

    @precondition(lambda self: self._inside())
    @rule(which=which, sparse=st.booleans(), kind=kinds, then=thens)
    def truncate(self, which: int, sparse: bool, kind: int, then: Then) -> None:
        """A file is emptied; a writer without O_APPEND goes on where it was."""
        files = self.there()
        file = files[which % len(files)]
        assert file.name is not None
        size = self.disk.size(file.name)
        self.disk.truncate(file.name)
        self.oracle.excuse(file.life)
        file.life = Life()
        if sparse and not file.copied:
            self.disk.truncate(file.name, size + HOLE)
            self.oracle.written += size + HOLE
            self.write(file, self.oracle.piece(kind))
        self.go_on(then)

    @precondition(lambda self: self._inside())
    @rule(which=which, then=thens)
    def delete(self, which: int, then: Then) -> None:
        files = [file for file in self.files if file.name and not file.busy]
        self._remove(files[which % len(files)])
        self.go_on(then)

    def _remove(self, file: File) -> None:
        assert file.name is not None
        self.disk.delete(file.name)
        file.name = None
        if not file.held:  # for certain: it may be, and then is read to its end
            self.oracle.may_close(file.life)
            self.oracle.excuse(file.life)
            self.files.remove(file)

    @rule(which=which, name=st.sampled_from(NAMES), kind=kinds)
    def use_the_inode_again(self, which: int, name: str, kind: int) -> None:
        """A file is deleted, and another one gets its inode.

        Whoever looks only afterwards can't tell that from a file that was emptied and renamed, and
        that is how it is done here: few file systems give an inode away again at once.
        """
        fit = [f for f in self.there() if not f.held and (f.fresh or not self.up)]
        fit = [f for f in fit if name in (f.name, *self.free(name))]
        if not fit:
            return
        old = fit[which % len(fit)]
        assert old.name is not None
        self.disk.truncate(old.name)
        self.disk.rename(old.name, name)
        self.oracle.excuse(old.life)
        self.files.remove(old)
        self.write(self.at(name), self.oracle.piece(kind))

    @rule(which=which, kind=kinds, then=thens)
    def replace(self, which: int, kind: int, then: Then) -> None:
        """An editor saves the file with a line more, as a new file at the same place."""
        fit = [f for f in self.read_in_part() if not f.life.open_line and self.named(f)]
        fit = [f for f in fit if f.held or (not self.up and f.findable)]
        if fit:
            file = fit[which % len(fit)]
            assert file.name is not None
            self.disk.save_anew(file.name)
            file.held = file.recorded = False
            self.write(file, self.oracle.piece(kind))
        self.go_on(then)

    # Copies

    @rule(late=st.integers(0, 3), seen=st.booleans(), kind=kinds, then=thens)
    def copytruncate(self, late: int, seen: bool, kind: int, then: Then) -> None:
        """The log is copied to a rotated name, and emptied in place."""
        if self.up and seen and self.disk.here:
            self.write(self.at("app.log"), self.oracle.piece(0))
            self.take(2)
        free = self.free(*ROTATED)
        logs = [file for file in self.read_in_part() if file.name == "app.log"]
        # Of a log that nobody reads the copy is a log of its own (docs/known-limits.md).
        known = logs and (logs[0].held or (self.setup.wide and not logs[0].closed))
        if known and free:
            for _ in range(late):
                self.write(logs[0], self.oracle.piece(kind))
            self._copy_and_empty(logs[0], free[0])
        self.go_on(then)

    def _copy_and_empty(self, file: File, new: str) -> None:
        assert file.name is not None
        self.disk.copy(file.name, new)
        self.disk.truncate(file.name)
        copy = File(new, file.log, file.life, copied=True, recorded=False)
        file.life = Life()
        self.files.append(copy)
        if not self.setup.wide:  # it is found when the log turns out to be emptied, if at all
            self.take(3)
            copy.held = True

    @rule(which=which, slowly=st.booleans(), then=thens)
    def compress(self, which: int, slowly: bool, then: Then) -> None:
        """A rotated log is compressed, and taken away; one out of sight, to where it is seen."""
        fit = [file for file in self.read_in_part() if file.name in ROTATED] + self._let_go()
        if fit and not self.packing:
            file = fit[which % len(fit)]
            assert file.name is not None
            for archive in self.free(*_archives(file.name))[:1]:
                packed = gzip.compress(self.disk.path(file.name).read_bytes(), mtime=0)
                cut = len(packed) // 2 if slowly else len(packed)
                self.disk.write(archive, packed[:cut])
                file.busy = True
                self.packing = file, archive, packed[cut:]
                if not slowly:
                    self.finish_compressing(NOTHING)
        self.go_on(then)

    def _let_go(self) -> list[File]:
        """Return the files that are out of sight, and were let go after something was read."""
        hidden = [f for f in self.there() if f.closed and f.recorded and not self.named(f)]
        hidden = [f for f in hidden if self.setup.wide and f.log == "app.log" and not f.copied]
        return [f for f in hidden if not self.oracle.came.isdisjoint(f.life.words)]

    @precondition(lambda self: self.packing and self.disk.here)
    @rule(then=thens)
    def finish_compressing(self, then: Then) -> None:
        assert self.packing is not None
        file, archive, rest = self.packing
        self.packing = None
        if rest:
            self.disk.write(archive, rest)
        file.busy = False
        if self.setup.wide:
            packed = File(archive, file.log, file.life, packed=True, recorded=False)
            self.disk.delete(file.name or "")
            self.files[self.files.index(file)] = packed
            self.oracle.close(file.life, owed=True)  # an archive that is whole is over
        else:
            self._remove(file)
        self.go_on(then)


def _archives(name: str) -> list[str]:
    """Return the names that the archive of a log *name* may get."""
    return [f"{rotated}.gz" for rotated in ([name] if name in ROTATED else ROTATED)]
