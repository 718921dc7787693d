"""Defects of a log shipper, each planted by one small change of this one: the walks have to see it.

They are the faults that shippers are known for. A defect is a function that patches the program
until its `MonkeyPatch` is undone; its docstring says what is wrong then.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shipper import turn
from shipper.collector.verdict import Delivered, Fate, Rejected, Unavailable, Verdict
from shipper.errors import StateBusyError
from shipper.event.chunk import Parse
from shipper.event.piece import Piece
from shipper.formats.fingerprint import Fingerprint
from shipper.formats.held import Held
from shipper.model import Ledger
from shipper.pump import Pump
from shipper.sending.delivery import Delivery
from shipper.sending.halving import Group, Halving
from shipper.service import books
from shipper.store.dead_letters import insert_batches
from shipper.store.order import Order, Queued
from shipper.store.store import Progress, Store
from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.chunk import Chunk
from shipper.tail.face import Face
from shipper.tail.fleet import Fleet
from shipper.tail.kin import Kin
from shipper.tail.orphans import Orphans
from shipper.tail.reception import Reception
from shipper.tail.survey import Place
from shipper.tail.tailer import Tailer

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]

# The commit


def checkpoint_committed_after_the_events(patch: Patch) -> None:
    """Events are queued in one transaction, and the checkpoint moves in the next."""

    def commit(store: Store, moves: Any, now_ms: int, **options: Any) -> None:
        moves = list(moves)
        _queue(store, moves, now_ms)
        whole(store, map(_without_events, moves), now_ms, **options)

    whole = Store.commit
    patch.setattr(Store, "commit", commit)


def checkpoint_committed_before_the_events(patch: Patch) -> None:
    """The checkpoint moves in one transaction, and events are queued in the next."""

    def commit(store: Store, moves: Any, now_ms: int, **options: Any) -> None:
        moves = list(moves)
        whole(store, map(_without_events, moves), now_ms, **options)
        _queue(store, moves, now_ms)

    whole = Store.commit
    patch.setattr(Store, "commit", commit)


def _queue(store: Store, moves: list[Progress], now_ms: int) -> None:
    with store._database.transaction() as db:
        for move in moves:
            insert_batches(db, move.checkpoint.source, move.parse.packed().batches, now_ms)


def _without_events(move: Progress) -> Progress:
    return move._replace(parse=replace(move.parse, batches=(), loose=None))


def failed_commit_taken_for_made(patch: Patch) -> None:
    """Reading moves on, whether the state could be written or not."""

    def commit(pump: Pump, chunks: Any, *rest: Any, **options: Any) -> None:
        try:
            whole(pump, chunks, *rest, **options)
        except StateBusyError:
            for tailer, chunk in chunks:
                tailer.advance(chunk)
            raise

    whole = Pump._commit
    patch.setattr(Pump, "_commit", commit)


def id_of_the_time_of_reading(patch: Patch) -> None:
    """What is read again after a crash gets other ids."""

    def piece(**fields: Any) -> Piece:
        time = str(fields["read_us"])
        return Piece(**{**fields, "generation": uuid.uuid5(fields["generation"], time)})

    patch.setattr(turn, "Piece", piece)


# Identity


def name_for_identity(patch: Patch) -> None:
    """After a start, a file is read on as what was read at its name."""

    def recognise(
        reception: Reception, place: Place, node: Node, face: Face, now: float
    ) -> Checkpoint | None:
        known = reception._roster.orphans.all()
        size = face.size() or 0
        return next((c for c in known if c.path == place.path and c.offset <= size), None)

    patch.setattr(Reception, "_recognise", recognise)


def inode_for_identity(patch: Patch) -> None:
    """What stands in a file is never compared with what was read of it."""
    patch.setattr(Fingerprint, "matches", lambda _self, data: True)


def copy_for_another_log(patch: Patch) -> None:
    """What copytruncate and compressors make is read from its beginning."""
    patch.setattr(Reception, "_kin", lambda *_: Kin.STRANGER)


# The end of a file


def rotated_file_let_go_at_once(patch: Patch) -> None:
    """What was not read yet of a file when it left its path is never read."""

    def miss(self: Fleet, now: float) -> None:
        roster = self._roster
        for node in self._news.gone:
            if tailer := roster.tailers.get(node):
                roster.finish(tailer.checkpoint, "file.finished", tailer.lost_bytes)
                roster.drop(tailer)
        whole(self, now)

    whole = Fleet._miss
    patch.setattr(Fleet, "_miss", miss)


def late_lines_unheard(patch: Patch) -> None:
    """A rotated file is let go once it is read, though its writer may have it open still."""

    def final(_self: Fleet, tailer: Tailer, _now: float) -> bool:
        return not tailer.ready and tailer.detached_at is not None

    patch.setattr(Fleet, "final", final)


def last_words_dropped(patch: Patch) -> None:
    """A last line without an end is never taken."""
    patch.setattr(Tailer, "_last", lambda *_: False)


def half_lines_taken(patch: Patch) -> None:
    """What stands at the end of a file is taken for a line, whether it is whole or not."""
    patch.setattr(Tailer, "_last", lambda *_: True)


def held_lines_dropped_at_a_rotation(patch: Patch) -> None:
    """What is held of a rotated file counts as filtered when the next file is begun."""

    def read(self: turn.Turn, tailer: Tailer, chunk: Chunk, before: Tailer | None) -> None:
        if before is not None:
            parse = _filtered(before.checkpoint.held)
            self._moves.append(turn._Move(before, None, lambda: parse))
        whole(self, tailer, chunk, None)

    whole = turn.Turn.read
    patch.setattr(turn.Turn, "read", read)


def held_lines_dropped_at_the_end(patch: Patch) -> None:
    """The last record of a file that is let go counts as filtered."""
    patch.setattr(books, "flush_held", lambda held, *_: _filtered(held))


def _filtered(held: Held) -> Parse:
    ledger = Ledger(lines_filtered=held.lines, bytes_filtered=held.width)
    return Parse((), (), ledger, held.without_lines())


def gaps_untold(patch: Patch) -> None:
    """What was cut off before it was read is counted, and no event tells of it."""
    patch.setattr(books, "with_gap", lambda parse, *_: parse)


# Sending


def unanswered_taken_for_delivered(patch: Patch) -> None:
    """What went out leaves the queue before the collector has said that it has it."""

    def attempt(delivery: Delivery, group: Group) -> Verdict:
        verdict = whole(delivery, group)
        if isinstance(verdict, Unavailable):
            delivery.last = verdict = Delivered()
            delivery._halving.note(group, verdict)
        return verdict

    whole = Delivery._try
    patch.setattr(Delivery, "_try", attempt)


def newest_first(patch: Patch) -> None:
    """The batches of a log are sent in the wrong order."""

    def peek(order: Order, max_bytes: int) -> list[Queued]:
        return whole(order, max_bytes)[::-1]

    whole = Order.peek
    patch.setattr(Order, "peek", peek)


def refused_together_buried_together(patch: Patch) -> None:
    """Of a request that is refused, all events are dead letters, for the fault of one."""

    def note(halving: Halving, group: Group, fate: Fate) -> None:
        if isinstance(fate, Rejected):
            halving.groups.remove(group)
            halving.fates[group.start : group.start + group.size] = [fate] * group.size
        else:
            whole(halving, group, fate)

    whole = Halving.note
    patch.setattr(Halving, "note", note)


# While no shipper ran


def nobody_looks_for_what_was_renamed(patch: Patch) -> None:
    """A file that was renamed out of sight while no shipper ran is given up."""
    patch.setattr(Orphans, "seek", lambda *_: iter(()))


DEFECTS: dict[Plant, str] = {
    checkpoint_committed_after_the_events: "lines",
    checkpoint_committed_before_the_events: "lines",
    failed_commit_taken_for_made: "lines",
    id_of_the_time_of_reading: "lines",
    name_for_identity: "lines",
    inode_for_identity: "lines",
    copy_for_another_log: "lines",
    rotated_file_let_go_at_once: "lines",
    late_lines_unheard: "lines",
    last_words_dropped: "lines",
    half_lines_taken: "lines",
    held_lines_dropped_at_the_end: "stacks",
    held_lines_dropped_at_a_rotation: "stacks",
    gaps_untold: "lines",
    unanswered_taken_for_delivered: "lines",
    newest_first: "lines",
    refused_together_buried_together: "lines",
    nobody_looks_for_what_was_renamed: "lines",
}
"""The defects, each with the kind of walks that it shows in."""
