"""Orphans: generations on record whose files no tailer holds.

After a start all are; while running, those that rest because too many files are open.

Rule 1: "could not look" changes nothing. An orphan is missing only if its directory was listed,
        or does not exist, and no file there has its inode; or if another generation has it.
Rule 2: a missing orphan waits for the grace time before it is given up: its file may be on the
        way (a copy being restored, a mount that is late), and then it is read on.
Rule 3: orphans of a source that is not configured are left alone, unless another one reads their
        log: it may come back.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from shipper.tail.checkpoint import Checkpoint, Node


class Orphans:
    """The orphans by row. *sources* are the configured ones, *grace* is in seconds."""

    def __init__(
        self, checkpoints: Iterable[Checkpoint], sources: Collection[str], grace: float
    ) -> None:
        self._all: dict[int, Checkpoint] = {}
        self._of: dict[str, dict[int, Checkpoint]] = defaultdict(dict)
        self._on: dict[Node, set[int]] = defaultdict(set)
        for checkpoint in checkpoints:
            self.add(checkpoint)
        self._sources = sources
        self._grace = grace
        self._missing: dict[int, float] = {}
        self._ousted: dict[int, str] = {}

    def __contains__(self, checkpoint: Checkpoint) -> bool:
        return checkpoint.row in self._all

    def __len__(self) -> int:
        return len(self._all)

    def all(self) -> list[Checkpoint]:
        """Return the orphans."""
        return list(self._all.values())

    def add(self, checkpoint: Checkpoint) -> None:
        """Take in a generation whose file was closed."""
        self._all[checkpoint.row] = self._of[checkpoint.canonical][checkpoint.row] = checkpoint
        self._on[checkpoint.node].add(checkpoint.row)

    def remove(self, checkpoint: Checkpoint) -> None:
        """Let go of a generation, if it is here: it has a tailer, or is over."""
        if known := self._all.pop(checkpoint.row, None):
            del self._of[known.canonical][known.row]
            self._on[known.node].remove(known.row)
            if not self._on[known.node]:
                del self._on[known.node]
        self._missing.pop(checkpoint.row, None)
        self._ousted.pop(checkpoint.row, None)

    def miss(self, checkpoint: Checkpoint, now: float) -> None:
        """Note that the file of *checkpoint*, if that is an orphan, is not where it was."""
        if checkpoint in self:
            self._missing.setdefault(checkpoint.row, now)

    def displace(self, checkpoint: Checkpoint, now: float) -> None:
        """Note that the file of *checkpoint* is read: that of others on its inode is gone."""
        for row in self._on.get(checkpoint.node, ()):
            if row != checkpoint.row and self._all[row].source in self._sources:
                self._missing.setdefault(row, now)

    def oust(self, checkpoint: Checkpoint, why: str) -> None:
        """Note that the file of *checkpoint*, if that is an orphan, is another now: *why*."""
        if checkpoint in self:
            self._all[checkpoint.row] = checkpoint
            self._ousted[checkpoint.row] = why

    def seek(self, seen: Collection[Node], now: float) -> Iterator[tuple[Checkpoint, str]]:
        """Look for files that are in no source's sight, in the directories where they were.

        Yields each orphan that may have been renamed, with a path at which its inode stands.
        """
        folders: dict[str, dict[int, str] | None] = {}
        for checkpoint in list(self._all.values()):
            if checkpoint.node in seen or checkpoint.source not in self._sources:
                continue
            folder = os.path.dirname(checkpoint.path)  # noqa: PTH120  # a str, as everywhere here
            if folder not in folders:
                folders[folder] = _inodes(folder)
            names = folders[folder]
            if names is None:
                self._wait_anew(checkpoint, now)
                continue
            if path := names.get(checkpoint.node.inode):
                yield checkpoint, path
            else:
                self.miss(checkpoint, now)

    def _wait_anew(self, checkpoint: Checkpoint, now: float) -> None:
        """Let the time of a missing orphan begin again: nobody can look for it now (rule 1)."""
        if checkpoint.row in self._missing:
            self._missing[checkpoint.row] = now

    def heirless(self) -> list[Checkpoint]:
        """Return the orphans that a file with an unknown inode may continue.

        Those whose file is another now are over.
        """
        foreign = [c for c in self._all.values() if c.source not in self._sources]
        missing = [self._all[row] for row in self._missing if row not in self._ousted]
        return missing + [self._all[row].ended() for row in self._ousted] + foreign

    def unsettled(self, canonical: str) -> list[Checkpoint]:
        """Return the orphans of the log *canonical* that may still have their files.

        They rest, or whatever has their inodes is to be opened yet.
        """
        decided = self._missing.keys() | self._ousted.keys()
        mine = self._of.get(canonical, {})
        return [c for row, c in mine.items() if row not in decided and c.source in self._sources]

    def given_up(self, now: float) -> list[tuple[Checkpoint, str]]:
        """Return the orphans that were ousted, or missing for the grace time, and why."""
        late = [row for row, since in self._missing.items() if now - since >= self._grace]
        return [(self._all[row].ended(), why) for row, why in self._ousted.items()] + [
            (self._all[row], "gone") for row in late if row not in self._ousted
        ]


def _inodes(folder: str) -> dict[int, str] | None:
    """Return the files of *folder* by inode (signed), or None if it could not be looked at."""
    try:
        with os.scandir(folder) as entries:
            files = [e for e in entries if e.is_file(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError:
        return None
    return {Node.of(0, entry.inode()).inode: entry.path for entry in files}
