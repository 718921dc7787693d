"""The same line has the same id and the same bytes, whatever happened in between."""

from __future__ import annotations

import shutil

from shipper.tail.chunk import Limits
from tests.shipping import Make, stamped


def test_read_again_after_the_state_was_restored(ship: Make) -> None:
    """72: an older state reads lines again, with the ids and the bytes they had."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", stamped(1, "a"))
    shipper.catch_up()
    backup = shipper.home / "backup"
    shipper.kill()
    shutil.copytree(shipper.state, backup)
    shipper.start()
    shipper.logs.append("app.log", stamped(2, "b"), stamped(3, "c"))
    before = shipper.catch_up().events()
    shipper.stop()
    shipper.state = backup
    shipper.start()

    assert before == shipper.catch_up().events()


def test_the_state_is_lost(ship: Make) -> None:
    """82: with the state lost everything is read again, with the ids and bytes it had."""
    shipper = ship("app.log*")
    for number in range(4):
        shipper.logs.append("app.log", stamped(0, "the same first line"), stamped(number, "x"))
        shipper.catch_up()
        if number < 3:
            shipper.logs.rotate("app.log")
            shipper.clock.pass_(1)
            shipper.turn()
    before = set(shipper.catch_up().events())
    shipper.stop()
    shutil.rmtree(shipper.state)
    shipper.start()

    assert before == set(shipper.catch_up().events())
    assert len(before) == 8


def test_other_settings_read_nothing_again(ship: Make) -> None:
    """83: another name of the source, another glob, another chunk size: nothing is read again."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a", "b")
    shipper.new_lines()
    shipper.limits = Limits(chunk_bytes=4_096)
    shipper.restart(shipper.source("renamed", "app*", "*.log"))
    assert shipper.new_lines() == []
    shipper.logs.append("app.log", "c")
    assert shipper.new_lines() == ["c"]
    shipper.kill()
    shipper.start(shipper.source("again", "**/*.log"))
    shipper.logs.append("app.log", "d")

    assert shipper.new_lines() == ["d"]


def test_a_source_that_was_taken_out_and_put_back(ship: Make) -> None:
    """75: files of a source that is gone are left alone, and read on when it is back."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    mine = shipper.sources
    shipper.logs.append("app.log", "b")
    shipper.restart(shipper.source("other", "*.txt"))
    shipper.logs.rename("app.log", "app.log.1")
    shipper.after_grace()
    assert shipper.lines() == ["a"]
    shipper.logs.rename("app.log.1", "app.log")
    shipper.restart(*mine)

    assert shipper.new_lines() == ["b"]
