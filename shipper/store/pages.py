"""The pages of a state file, read without SQLite, so that one bad page costs only what is on it.

Rule 1: of the write-ahead log counts what SQLite would take: frames up to the first whose checksum
        is wrong, as far as a transaction was committed.
Rule 2: a row is read whole or not at all: its lengths, and the chain of its overflow pages, have to
        be consistent. What is in the columns is for the caller to judge.
Rule 3: nothing here raises for what a page holds.

The format is https://www.sqlite.org/fileformat2.html, which SQLite promises to keep.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

TABLE_LEAF, INDEX_LEAF, TABLE_INNER, INDEX_INNER = 0x0D, 0x0A, 0x05, 0x02

_MAGIC = b"SQLite format 3\0"
_MASK = 0xFFFFFFFF
_SIZES = frozenset(1 << n for n in range(9, 17))
_USUAL_SIZE = 4096
_MOST_PAYLOAD = 1_000_000_000
_FREE = 2  # the kind of a page that is free, in a pointer map
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}

Value = None | int | float | str | bytes


class Row(NamedTuple):
    """A row as it stands on its page; `rowid` is None on the page of an index."""

    rowid: int | None
    values: tuple[Value, ...]


class _BrokenError(Exception):
    """A cell that can't be read."""


class Pages:
    """An open file and its write-ahead log."""

    def __init__(self, path: Path) -> None:
        """Open *path*. Raises OSError."""
        self._file: BinaryIO = path.open("rb")
        wal = path.with_name(f"{path.name}-wal")
        log = wal.read_bytes() if wal.exists() else b""
        head = self._file.read(100)
        self.size = _page_size(head, log)
        self._newer, pages = _committed(log, self.size)
        self.count = max(path.stat().st_size // self.size, pages)
        first = self.page(1)
        self.sound_head = first.startswith(_MAGIC)
        self._usable = self.size - (first[20] if self.sound_head and len(first) > 20 else 0)
        self.version = int.from_bytes(first[60:64], "big") if self.sound_head else 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def page(self, number: int) -> bytes:
        """Return page *number*, from 1; what is missing of it at the end of the file is missing."""
        newer = self._newer.get(number)
        if newer is not None:
            return newer
        self._file.seek((number - 1) * self.size)
        return self._file.read(self.size)

    def kind(self, number: int) -> int:
        """Return the kind of b-tree page that *number* is, or some other number."""
        page = self.page(number)
        at = 100 if number == 1 else 0
        return page[at] if len(page) == self.size else 0

    def rows(self, number: int) -> Iterator[Row]:
        """Yield the rows on a page that can be read; none on one that holds no rows."""
        page, at = self.page(number), 100 if number == 1 else 0
        if len(page) < self.size or page[at] not in (TABLE_LEAF, INDEX_LEAF, INDEX_INNER):
            return
        for cell in self._cells(page, at):
            try:
                yield self._row(page, page[at], cell)
            except (_BrokenError, IndexError, UnicodeDecodeError, struct.error):
                continue

    def children(self, number: int) -> list[int]:
        """Return the pages below an inner page; none below any other."""
        page, at = self.page(number), 100 if number == 1 else 0
        if len(page) < self.size or page[at] not in (TABLE_INNER, INDEX_INNER):
            return []
        cells = [*self._cells(page, at), at + 8]
        below = [int.from_bytes(page[cell : cell + 4], "big") for cell in cells]
        return [child for child in below if 1 < child <= self.count]

    def free(self) -> set[int]:
        """Return the pages that hold nothing any more, as far as the file can tell."""
        listed = self._free_list()
        return self._free_by_map() if listed is None else listed

    def _free_list(self) -> set[int] | None:
        """Return the pages on the free list; None if it is broken."""
        first = self.page(1)
        if not self.sound_head or len(first) < self.size:
            return None
        trunk, due = struct.unpack_from(">II", first, 32)
        found: set[int] = set()
        while trunk:
            page = self.page(trunk) if trunk <= self.count and trunk not in found else b""
            if len(page) < self.size:
                return None
            found.add(trunk)
            trunk, leaves = struct.unpack_from(">II", page)
            if leaves > self.size // 4 - 2:
                return None
            found.update(struct.unpack_from(f">{leaves}I", page, 8))
        return found if len(found) == due else None

    def _free_by_map(self) -> set[int]:
        each = self._usable // 5
        found: set[int] = set()
        for at in range(2, self.count + 1, each + 1):
            kinds = self.page(at)[: each * 5 : 5]
            found.update(at + 1 + n for n, kind in enumerate(kinds) if kind == _FREE)
        return found

    def _cells(self, page: bytes, at: int) -> list[int]:
        inner = page[at] in (TABLE_INNER, INDEX_INNER)
        count = int.from_bytes(page[at + 3 : at + 5], "big")
        first = at + (12 if inner else 8)
        if first + 2 * count > self.size:
            return []
        cells = struct.unpack_from(f">{count}H", page, first)
        return [cell for cell in cells if first + 2 * count <= cell < self.size - 3]

    def _row(self, page: bytes, kind: int, at: int) -> Row:
        at += 4 if kind == INDEX_INNER else 0
        length, at = _varint(page, at)
        rowid: int | None = None
        if kind == TABLE_LEAF:
            rowid, at = _varint(page, at)
            rowid -= (rowid >> 63) << 64
        return Row(rowid, _values(self._payload(page, kind, at, length)))

    def _payload(self, page: bytes, kind: int, at: int, length: int) -> bytes:
        local = self._local(kind, length)
        if length > _MOST_PAYLOAD or at + local > self.size:
            raise _BrokenError
        if local == length:
            return page[at : at + local]
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        return page[at : at + local] + b"".join(self._overflow(following, length - local))

    def _local(self, kind: int, length: int) -> int:
        """Return how many bytes of a payload stand on the page of its cell itself."""
        room = self._usable
        most = room - 35 if kind == TABLE_LEAF else (room - 12) * 64 // 255 - 23
        if length <= most:
            return length
        least = (room - 12) * 32 // 255 - 23
        local = least + (length - least) % (room - 4)
        return local if local <= most else least

    def _overflow(self, number: int, left: int) -> Iterator[bytes]:
        """Yield *left* bytes from a chain of pages, which has to end with them."""
        seen: set[int] = set()
        while left:
            page = self.page(number) if 1 < number <= self.count and number not in seen else b""
            seen.add(number)
            take = min(left, self._usable - 4)
            if len(page) < 4 + take:
                raise _BrokenError
            yield page[4 : 4 + take]
            left -= take
            number = int.from_bytes(page[:4], "big")
        if number:
            raise _BrokenError


def _page_size(head: bytes, log: bytes) -> int:
    size = int.from_bytes(head[16:18], "big")
    size = 65_536 if size == 1 else size
    if head.startswith(_MAGIC) and size in _SIZES:
        return size
    logged = int.from_bytes(log[8:12], "big")
    return logged if logged in _SIZES else _USUAL_SIZE


def _committed(log: bytes, size: int) -> tuple[dict[int, bytes], int]:
    """Return the newest committed pages of a write-ahead log, and of how many the file is then."""
    pages: dict[int, bytes] = {}
    waiting: dict[int, bytes] = {}
    count = 0
    order = {0x377F0682: "<", 0x377F0683: ">"}.get(int.from_bytes(log[:4], "big"))
    if order is None or len(log) < 32 or int.from_bytes(log[8:12], "big") != size:
        return pages, 0
    salt, sums = log[16:24], _sums(log[:24], (0, 0), order)
    if sums != struct.unpack(">II", log[24:32]):
        return pages, 0
    for at in range(32, len(log) - 23 - size, 24 + size):
        number, total = struct.unpack_from(">II", log, at)
        page = log[at + 24 : at + 24 + size]
        sums = _sums(page, _sums(log[at : at + 8], sums, order), order)
        if log[at + 8 : at + 16] != salt or sums != struct.unpack_from(">II", log, at + 16):
            break
        waiting[number] = page
        if total:
            pages |= waiting
            waiting, count = {}, total
    return pages, count


def _sums(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for n in range(8):
        byte = data[at + n]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + n + 1
    return value << 8 | data[at + 8], at + 9


def _values(payload: bytes) -> tuple[Value, ...]:
    end, at = _varint(payload, 0)
    if end > len(payload):
        raise _BrokenError
    kinds = []
    while at < end:
        kind, at = _varint(payload, at)
        kinds.append(kind)
    values = []
    for kind in kinds:
        value, at = _value(payload, kind, at)
        values.append(value)
    if at != len(payload):
        raise _BrokenError
    return tuple(values)


def _value(payload: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind in (0, 8, 9):
        return (None if kind == 0 else kind - 8), at
    size = _INTEGERS.get(kind, 8 if kind == 7 else (kind - 12) // 2)
    data = payload[at : at + size]
    if len(data) != size or kind in (10, 11):
        raise _BrokenError
    at += size
    if kind in _INTEGERS:
        return int.from_bytes(data, "big", signed=True), at
    if kind == 7:
        return struct.unpack(">d", data)[0], at
    return (data.decode() if kind % 2 else data), at
