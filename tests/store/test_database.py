"""Tests of the connection: who may use which file, and what happens when that fails."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from shipper.errors import StateBusyError, StateError
from shipper.store.database import Database
from shipper.store.schema import MIGRATIONS
from shipper.store.writer import writer
from tests.store.samples import first_schema


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """The state holds log lines: nobody else may read it, whatever the umask is."""
    old = os.umask(0)
    try:
        database = Database(tmp_path / "state.db")
    finally:
        os.umask(old)
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    database.close()
    assert set(modes) == {"state.db", "state.db-wal", "state.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    """What fails half-way leaves nothing behind, and the next transaction works."""
    database = Database(tmp_path / "state.db")
    with pytest.raises(ZeroDivisionError):
        _insert_and_fail(database)
    with database.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('b', '2')")
    with database.reading() as db:
        assert db.execute("SELECT key FROM meta").fetchall() == [("b",)]
    database.close()


def test_closing_twice_is_harmless(tmp_path: Path) -> None:
    """A close that comes twice does nothing the second time."""
    database = Database(tmp_path / "state.db")
    database.close()
    database.close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A state file of a later version is refused with both numbers, and not touched."""
    path = tmp_path / "state.db"
    Database(path).close()
    _pragma(path, f"user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(StateError, match=f"schema {len(MIGRATIONS) + 1}.*{len(MIGRATIONS)}"):
        Database(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """A database with tables that are not ours is refused, and not touched."""
    path = tmp_path / "state.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE file (theirs TEXT)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StateError, match="another program"):
        Database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage " * 1_000, b"SQLite format 3\0" + b"\xff" * 5_000])
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that is no database is refused with the remedy, and not touched."""
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StateError) as caught:
        Database(path)
    assert not isinstance(caught.value, StateBusyError)
    assert "move it away" in caught.value.remedy
    assert path.read_bytes() == content


def test_an_empty_file_is_a_new_state(tmp_path: Path) -> None:
    """An empty file, as a crash at the very first start leaves it, is used."""
    (tmp_path / "state.db").touch()
    Database(tmp_path / "state.db").close()


@pytest.mark.parametrize("path", ["no/such/state.db", "file/state.db", "directory"])
def test_a_path_that_cannot_be(tmp_path: Path, path: str) -> None:
    """A path that can't be made is a lasting StateError with a remedy, not "try again"."""
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(StateError) as caught:
        Database(tmp_path / path)
    assert caught.value.exit_code == 73
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("free", "pages"),
    [(1 << 40, 4096), (128 << 20, 4096), (64 << 20, 2048), (4 << 20, 128), (0, 64)],
)
def test_on_a_small_disk_the_log_is_written_back_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, pages: int
) -> None:
    """What the log holds needs room in the file beside it, or nothing can be settled any more."""
    real = os.statvfs(tmp_path)
    values = list(real)
    values[1], values[4] = 512, free // 512  # f_frsize, f_bavail
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(values))
    database = Database(tmp_path / "state.db")
    with database.reading() as db:
        assert db.execute("PRAGMA wal_autocheckpoint").fetchone() == (pages,)
    database.close()


def test_released_migrations_do_not_change() -> None:
    """State files in the field have seen these very scripts: a change is a new one at the end."""
    digests = [hashlib.sha256(script.encode()).hexdigest()[:16] for script in MIGRATIONS]
    assert digests == [
        "a1ed29a1fa29f982",
        "c7979a77d7a97f7e",
        "f00e9bb3a7434592",
        "ec9264f5a6b74d85",
        "8c3669bfabc22ed8",
        "e3eddb53d86dfb1b",
    ]


def test_a_state_of_the_first_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    """A state file of schema 1 is opened, keeps what it holds, and is as good as a new one."""
    first_schema(tmp_path / "old.db").close()
    old, new = Database(tmp_path / "old.db"), Database(tmp_path / "new.db")
    sql = "SELECT name, group_concat(DISTINCT column) FROM (SELECT m.name, i.name AS column "
    sql += "FROM sqlite_master AS m, pragma_table_info(m.name) AS i ORDER BY 1, 2) GROUP BY 1"
    with old.reading() as was, new.reading() as fresh:
        assert was.execute(sql).fetchall() == fresh.execute(sql).fetchall()
        assert was.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
        assert was.execute("SELECT path, offset, lost_why FROM file").fetchall() == [
            ("/logs/web.log", 10, None),
            ("/logs/web.log.1", 20, None),
        ]
        assert was.execute("SELECT * FROM tally ORDER BY name").fetchall() == [
            ("letters", 0, 0, 0),
            ("queue", 2, 2, *was.execute("SELECT sum(length(body)) FROM batch").fetchone()),
        ]
        ((seen,),) = was.execute("SELECT last_seen FROM stream").fetchall()
    assert abs(seen / 1000 - time.time()) < 60
    old.close()
    new.close()


# Durability


_COMMITS = """
import os, sys
from pathlib import Path
from shipper.store.database import Database

database = Database(Path(sys.argv[1]))
for name in ("first", "usual", "durable", "usual again"):
    with database.transaction(durable=name == "durable") as db:
        db.execute("INSERT INTO meta VALUES (?, '')", (name,))
    os.write(1, f"committed: {name}.".encode())
database.close()
"""


def test_what_is_durable_is_flushed_to_the_disk(tmp_path: Path) -> None:
    """A durable commit flushes the write-ahead log before it returns; the usual ones don't."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is missing (Debian package strace)")
    trace = tmp_path / "trace"
    command = [strace, "-f", "-y", "-e", "trace=write,fsync,fdatasync", "-o", str(trace)]
    child = [sys.executable, "-c", _COMMITS, str(tmp_path / "state.db")]
    root = Path(__file__).parents[2]
    traced = subprocess.run(
        [*command, *child], cwd=root, capture_output=True, text=True, check=False
    )
    if "ptrace" in traced.stderr:
        pytest.skip("strace may not trace here: the system forbids ptrace")
    assert traced.returncode == 0, traced.stderr
    flushes = [0]
    for call in trace.read_text().splitlines():
        if "committed: " in call:
            flushes.append(0)
        elif "sync(" in call and "state.db-wal" in call:
            flushes[-1] += 1
    first, usual, durable, again, _ = flushes
    assert (usual, durable, again) == (0, 1, 0), f"{flushes}, {first} before the first"


@pytest.mark.parametrize("fails", [False, True])
def test_only_what_is_durable_waits_for_the_disk(tmp_path: Path, fails: bool) -> None:
    """SQLite is told to flush one transaction and, whatever comes of it, not the next."""
    database = Database(tmp_path / "state.db")
    assert _flushing(database) == "NORMAL"
    with suppress(ZeroDivisionError), database.transaction(durable=True) as db:
        assert _level(db) == "FULL"
        _ = 1 / (not fails)
    assert _flushing(database) == "NORMAL"
    database.close()


def _flushing(database: Database) -> str:
    with database.transaction() as db:
        return _level(db)


def _level(db: sqlite3.Connection) -> str:
    (level,) = db.execute("PRAGMA synchronous").fetchone()
    return ("OFF", "NORMAL", "FULL", "EXTRA")[level]


# Trouble


def test_a_full_disk_is_worth_another_try(tmp_path: Path) -> None:
    """A transaction that finds no room is undone, says so, and succeeds when there is room."""
    database = Database(tmp_path / "state.db")
    with database.reading() as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StateBusyError, match="disk is full"):
        _fill(database)
    with database.reading() as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone() == (0,)
        db.execute("PRAGMA max_page_count = 1000000")
    _fill(database)
    database.close()


def test_a_lock_held_too_long_is_worth_another_try(tmp_path: Path) -> None:
    """A write lock that another process keeps is a StateBusyError."""
    database = Database(tmp_path / "state.db")
    other = sqlite3.connect(tmp_path / "state.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database.patience = 0.0
    with pytest.raises(StateBusyError, match="another process"):
        _fill(database)
    other.execute("ROLLBACK")
    other.close()
    _fill(database)
    database.close()


def _insert(database: Database) -> None:
    with database.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('late', '')")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Database]:
    """A state whose write lock another connection holds, and a thread that waits for it."""
    database = Database(tmp_path / "state.db")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield database
    database.close()


def test_who_waits_for_the_lock_keeps_nobody_from_reading(held: Database) -> None:
    """Rule 4: readings go on beside a transaction that waits for another process."""
    with suppress(StateBusyError), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_insert, held)
        for _ in range(3):
            began = time.monotonic()
            with held.reading() as db:
                assert db.execute("SELECT count(*) FROM meta").fetchone() == (0,)
            assert time.monotonic() - began < 5
            assert not waiting.done(), "it waits yet"
        held.wait_until(0.0)
        waiting.result()


@pytest.mark.parametrize("how", ["transaction", "durable", "write"])
def test_a_stop_ends_the_waiting_for_the_lock(held: Database, how: str) -> None:
    """Who waits when the end is set ends by then; who comes later tries once; then all is well."""

    def work() -> None:
        if how == "write":
            held.write("INSERT INTO meta VALUES (?, '')", ("late",))
            return
        with held.transaction(durable=how == "durable") as db:
            db.execute("INSERT INTO meta VALUES ('late', '')")

    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(work)
        held.wait_until(began + 0.3)
        with pytest.raises(StateBusyError, match="locked by another process"):
            waiting.result()
    with pytest.raises(StateBusyError):
        work()
    assert time.monotonic() - began < 5, "not the ten seconds of a usual day"
    with held.reading() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (1,), "as usual"


def test_who_holds_the_lock_is_named(tmp_path: Path) -> None:
    """Another process that is in a transaction: its pid and its name, so that it can be seen to."""
    path = tmp_path / "state.db"
    database = Database(path)
    database.patience = 0.0
    assert writer(path) is None
    _insert(database)
    assert writer(path) is None, "this process is no other"
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "db.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert writer(path) == (other.pid, Path(f"/proc/{other.pid}/comm").read_text().strip())
        with pytest.raises(StateBusyError, match=rf"another process \(pid {other.pid}, "):
            _fill(database)
    assert writer(path) is None
    _fill(database)
    database.close()


@pytest.mark.parametrize(
    "line",
    [
        b"1: POSIX  ADVISORY  READ 77 PLACE 120 120",
        b"1: POSIX  ADVISORY  WRITE 77 PLACE 121 121",
        b"1: POSIX  ADVISORY  WRITE 77 fe:01:1 120 120",
        b"1: POSIX  ADVISORY  WRITE 0 PLACE 120 120",
        b"1: POSIX  ADVISORY  WRITE -1 PLACE 120 120",
        b"1: -> POSIX  ADVISORY  WRITE 77 PLACE 120 120",
        b"7: LEASE",
        b"",
    ],
)
def test_nobody_is_named_who_does_not_write(tmp_path: Path, line: bytes) -> None:
    """Readers, those who wait, other files, processes of other containers: nobody is named."""
    shared, locks = tmp_path / "state.db-shm", tmp_path / "locks"
    shared.touch()
    status = shared.stat()
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}"
    place = f"{device}:{status.st_ino}".encode()
    locks.write_bytes(line.replace(b"PLACE", place) + b"\n")
    assert writer(tmp_path / "state.db", locks) is None
    locks.write_bytes(b"1: POSIX  ADVISORY  WRITE 77777777 " + place + b" 120 120\n")
    assert writer(tmp_path / "state.db", locks) == (77777777, "")
    assert writer(tmp_path / "state.db", tmp_path / "none") is None


def test_a_transaction_started_in_a_failing_block_is_over(tmp_path: Path) -> None:
    """Threads take turns: a failure in one leaves the connection fit for the others."""
    database = Database(tmp_path / "state.db")
    failures: list[BaseException] = []

    def work(number: int) -> None:
        for count in range(30):
            try:
                with database.transaction() as db:
                    db.execute("INSERT INTO meta VALUES (?, '')", (f"{number}-{count}",))
                    _ = 1 / (count % 3)
            except ZeroDivisionError:
                pass
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with database.reading() as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone() == (4 * 20,)
    database.close()


def test_processes_that_create_the_state_at_once(tmp_path: Path) -> None:
    """Processes that open a new state at the same moment all get it, and migrate it once."""
    code = (
        "import sys; from pathlib import Path; from shipper.store.database import Database\n"
        "sys.stdin.readline()\n"
        "database = Database(Path(sys.argv[1]))\n"
        "with database.transaction() as db: db.execute(\"INSERT INTO meta VALUES (?, '')\","
        " (sys.argv[2],))\n"
        "database.close()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "state.db")]
    processes = [
        subprocess.Popen([*command, str(n)], stdin=subprocess.PIPE, cwd=Path(__file__).parents[2])
        for n in range(3)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.close()
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    database = Database(tmp_path / "state.db")
    with database.reading() as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone() == (3,)
    database.close()


def test_threads_that_create_the_state_at_once(tmp_path: Path) -> None:
    """Twenty new states, each opened by two connections at once: no race between them shows."""
    for number in range(20):
        path = tmp_path / f"{number}.db"
        barrier = threading.Barrier(2)
        failures: list[BaseException] = []

        def use(path: Path = path, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            try:
                Database(path).close()
            except BaseException as error:
                failures.append(error)  # noqa: B023  # joined before the next round

        threads = [threading.Thread(target=use) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures


def _insert_and_fail(database: Database) -> None:
    with database.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('a', '1')")
        _ = 1 / 0


def _fill(database: Database) -> None:
    with database.transaction() as db:
        for number in range(50):
            db.execute("INSERT INTO meta VALUES (?, ?)", (f"key {number}", "x" * 1_000))


def _pragma(path: Path, text: str) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA {text}")
    db.close()
