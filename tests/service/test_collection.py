"""Collecting rows over the weeks: it adds up, and no file that comes back is read again."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.model import Clock
from shipper.service.audit import audit
from shipper.service.books import Books
from shipper.store.collection import MOST
from shipper.store.store import Store
from tests.shipping import Make, Shipper, shippers
from tests.store.samples import NAMESPACE, begin

DAY = 86_400.0


@pytest.fixture
def ship(tmp_path: Path) -> Iterator[Make]:
    with shippers(tmp_path) as make:
        yield make


def books_of(store: Store, days: float) -> Books:
    """Return books whose clock says that so many *days* have passed since 1970."""
    return Books(store, {}, NAMESPACE, Clock(wall=lambda: days * DAY, monotonic=lambda: 0.0))


def pass_days(shipper: Shipper, days: float) -> None:
    """Let time pass, and collect as a running shipper does."""
    shipper.clock.pass_(days * DAY)
    books = Books(shipper.store, {}, NAMESPACE, shipper.clock.clock())
    held = {tailer.checkpoint.row for tailer in shipper.fleet.tailers()}
    while books.collect(held):
        pass


def states(shipper: Shipper) -> list[str]:
    return [account.state for account in shipper.store.accounts()]


def test_a_log_that_is_rotated_and_truncated_for_months(ship: Make) -> None:
    """Rows of what is gone go, each line stays counted, and reading goes on where it was."""
    shipper = ship("app.log")
    for month in range(6):
        shipper.logs.append("app.log", f"rotated {month}")
        shipper.catch_up()
        shipper.logs.rename("app.log", f"app.log.{month}")
        shipper.logs.append("app.log", f"truncated {month}")
        shipper.after_grace()
        shipper.logs.truncate("app.log")
        shipper.logs.append("app.log", "last")
        shipper.after_grace()
        pass_days(shipper, 20)
    assert len(shipper.lines()) == 18
    assert len(states(shipper)) < 6 < shipper.store.collection.sums()["logs"].generations
    found = audit(shipper.store)
    assert list(found.faults()) == []
    assert found.made == 18
    shipper.restart()
    shipper.logs.append("app.log", "more")
    assert shipper.catch_up().lines()[18:] == ["more"]
    assert len({event.eid for event in shipper.events()}) == 19


def test_an_archive_is_made_a_month_later(ship: Make) -> None:
    """What a monthly rotation with delaycompress packs was read as a log, and is known as that."""
    shipper = ship("app.log", "app.log*.gz")
    shipper.logs.append("app.log", "one", "two")
    shipper.catch_up()
    shipper.logs.rotate("app.log")
    shipper.after_grace()
    pass_days(shipper, 31)
    assert states(shipper) == ["finished"]
    shipper.logs.write("app.log.2.gz", gzip.compress(shipper.logs.path("app.log.1").read_bytes()))
    shipper.logs.delete("app.log.1")
    assert shipper.after_grace().lines() == ["one", "two"]
    assert states(shipper) == ["open"]


def test_a_damaged_file_that_stands_there(ship: Make) -> None:
    """What was let go because it is damaged is not read anew years later, but known."""
    shipper = ship("*.gz")
    shipper.logs.write("app.log.gz", gzip.compress(b"good\n") + b"\xff\xff\xff\xff bad")
    assert shipper.after_grace().lines() == ["good"]
    assert states(shipper) == ["finished"]
    pass_days(shipper, 1_000)
    shipper.restart()
    assert shipper.after_grace().lines() == ["good"]
    shipper.logs.delete("app.log.gz")
    pass_days(shipper, 1_000)
    assert states(shipper) == []


def test_what_is_held_stays_whatever_its_file_looks_like(ship: Make) -> None:
    """A file that was out of sight and came back by another name is known for as long as it is."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "one")
    shipper.catch_up()
    shipper.logs.rotate("app.log")
    shipper.after_grace()
    assert states(shipper) == ["finished"]
    shipper.restart(shipper.source("logs", "app.log*"))
    shipper.after_grace()
    pass_days(shipper, 1_000)
    shipper.restart()
    assert shipper.after_grace().lines() == ["one"]
    shipper.logs.append("app.log.1", "two")
    assert shipper.after_grace().lines() == ["one", "two"]


def test_what_cannot_be_looked_at_stays(tmp_path: Path) -> None:
    """A path of which nobody can tell what stands there may be that of a file which does."""
    store = Store.open(tmp_path / "state")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for inode, path in enumerate((loop, tmp_path / "gone", tmp_path / "gone" / "app.log")):
        store.finish(begin(store, path=str(path), inode=inode), 0, 1)
    assert not books_of(store, 100).collect(())
    assert [account.path for account in store.accounts()] == [str(loop)]
    store.close()


def test_what_stays_holds_up_nothing(tmp_path: Path) -> None:
    """More rows that stay than one call looks at: the next call goes on behind them."""
    store = Store.open(tmp_path / "state")
    held = {begin(store, path=f"/gone/{n}", inode=n).row for n in range(MOST + 5)}
    begin(store, path="/gone/last", inode=MOST + 5)
    with store._database.transaction() as db:
        db.execute("UPDATE file SET state = 'finished'")
    books = books_of(store, 100)
    assert books.collect(held)
    assert not books.collect(held)
    assert len(store.accounts()) == MOST + 5
    assert [books.collect(()), books.collect(())] == [True, False]  # and then it begins anew
    assert store.accounts() == []
    store.close()
