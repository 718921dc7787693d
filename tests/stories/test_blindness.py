"""What could not be looked at changes nothing; what no hint told of is found all the same."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

from tests.shipping import Make, open_descriptors


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user whom permissions bind: tests may run as root, whom none do."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65_534)
    try:
        yield
    finally:
        os.seteuid(0)


def _open_up(shipper_home: str) -> None:
    """Let everybody pass to the logs (pytest's directories are the owner's alone)."""
    path = shipper_home
    while path != "/" and os.stat(path).st_uid == os.getuid():  # noqa: PTH116
        os.chmod(path, os.stat(path).st_mode | 0o055)  # noqa: PTH101, PTH116
        path = os.path.dirname(path)  # noqa: PTH120


def test_no_permission_at_first(ship: Make) -> None:
    """41: a file that may not be read is reported once, and read from 0 when it may be."""
    shipper = ship("*.log")
    _open_up(str(shipper.logs.root))
    shipper.logs.append("app.log", "secret", "open")
    shipper.logs.path("app.log").chmod(0)
    with as_nobody():
        for _ in range(5):
            shipper.fleet.sweep(shipper.clock.monotonic)
    assert len(shipper.reports.of("file.unreadable")) == 1
    shipper.logs.path("app.log").chmod(0o644)

    assert shipper.new_lines() == ["secret", "open"]


def test_a_directory_closed_for_a_while(ship: Make) -> None:
    """42, 44: a directory that can't be listed is not empty: nothing ends or repeats."""
    shipper = ship("*.log")
    _open_up(str(shipper.logs.root))
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.logs.root.chmod(0)
    with as_nobody():
        for _ in range(300):
            shipper.clock.pass_(1)
            shipper.fleet.sweep(shipper.clock.monotonic)
    shipper.logs.root.chmod(0o755)
    shipper.logs.append("app.log", "b")

    assert shipper.new_lines() == ["b"]
    assert "file.rotated" not in shipper.reports.names()


def test_a_file_grows_while_its_directory_is_closed(ship: Make) -> None:
    """42, 44: what was last seen of a file is old news by the time that its directory opens."""
    shipper = ship("*.log")
    _open_up(str(shipper.logs.root))
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.logs.append("app.log", "b")
    shipper.turn()
    with shipper.logs.path("app.log").open("a") as log:
        shipper.logs.root.chmod(0)
        with as_nobody():
            for number in range(100):
                log.write(f"line {number}\n")
                log.flush()
                shipper.clock.pass_(1)
                shipper.turn()
        shipper.logs.root.chmod(0o755)

    assert shipper.new_lines() == ["a", "b", *(f"line {number}" for number in range(100))]
    assert "file.truncated" not in shipper.reports.names()


def test_a_mount_that_is_missing_at_the_start(ship: Make) -> None:
    """44: a mount that comes back after the restart is read on where it was left."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.new_lines()
    shipper.kill()
    shipper.logs.append("app.log", "b")
    away = shipper.home / "unmounted"
    shipper.logs.root.rename(away)
    shipper.start()
    for _ in range(300):
        shipper.clock.pass_(1)
        shipper.turn()
    away.rename(shipper.logs.root)

    assert shipper.new_lines() == ["b"]


def test_an_empty_mount_point_for_a_while(ship: Make) -> None:
    """44: a mount point without its mount looks empty; when the mount is back, nothing repeats."""
    shipper = ship("*.log")
    shipper.logs.append("app.log", "a")
    shipper.logs.write("app.log", b"half")
    shipper.new_lines()
    shipper.kill()
    away = shipper.home / "unmounted"
    shipper.logs.root.rename(away)
    shipper.logs.root.mkdir()
    shipper.start()
    shipper.after_grace()
    shipper.logs.root.rmdir()
    away.rename(shipper.logs.root)
    shipper.logs.write("app.log", b" a line\n")

    assert shipper.new_lines() == ["half a line"]
    assert shipper.ledger().bytes_lost == 0


def test_a_mount_that_is_late_and_closed_for_a_while(ship: Make) -> None:
    """44: time in which nobody can look is no time in which a file was not there."""
    shipper = ship("app.log")
    _open_up(str(shipper.logs.root))
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    shipper.kill()
    away = shipper.home / "unmounted"
    shipper.logs.root.rename(away)
    shipper.start()
    shipper.turn()
    away.rename(shipper.logs.root)
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.logs.root.chmod(0)
    with as_nobody():
        for _ in range(300):
            shipper.clock.pass_(1)
            shipper.fleet.sweep(shipper.clock.monotonic)
    shipper.logs.root.chmod(0o755)

    assert shipper.after_grace().lines() == ["a", "b"]


def test_rotated_away_after_its_mount_was_back(ship: Make) -> None:
    """44, 16: a file that was let go and is back is looked for again, if nobody saw it renamed."""
    shipper = ship("app.log")
    shipper.logs.append("app.log", "a")
    shipper.catch_up()
    away = shipper.home / "unmounted"
    shipper.logs.root.rename(away)
    shipper.after_grace()
    away.rename(shipper.logs.root)
    assert shipper.new_lines() == ["a"]
    shipper.kill()
    shipper.logs.append("app.log", "b")
    shipper.logs.rename("app.log", "app.log.1")
    shipper.start()

    assert shipper.after_grace().new_lines() == ["b"]


def test_without_any_hint(ship: Make) -> None:
    """45: hints only make it quicker: sweeps alone find new, grown, renamed and deleted files."""
    shipper = ship("**/*.log")
    shipper.logs.append("a/b/deep.log", "1")
    shipper.turn()
    shipper.logs.append("a/b/deep.log", "2")
    shipper.logs.append("new.log", "3")
    shipper.turn()
    shipper.logs.rename("new.log", "a/renamed.log")
    shipper.logs.append("a/renamed.log", "4")
    shipper.logs.append("a/b/deep.log", "5")
    shipper.logs.delete("a/b/deep.log")

    assert sorted("12345") == sorted(shipper.new_lines())


def test_a_directory_made_after_the_start(ship: Make) -> None:
    """76: a directory that is not there at the start is looked for again and again."""
    shipper = ship("var/app/*.log")
    assert shipper.turn(3).new_lines() == []
    assert shipper.reports.names() == []
    shipper.logs.append("var/app/app.log", "hello")

    assert shipper.new_lines() == ["hello"]


def test_a_directory_that_vanishes_and_returns(ship: Make) -> None:
    """40, 76: a removed directory's last lines arrive, and its successor is read as well."""
    shipper = ship("pods/*/*.log")
    shipper.logs.append("pods/one/0.log", "a")
    shipper.turn()
    shipper.logs.append("pods/one/0.log", "b")
    shipper.logs.delete("pods/one/0.log")
    shipper.logs.path("pods/one").rmdir()
    assert shipper.new_lines() == ["a", "b"]
    shipper.logs.append("pods/one/0.log", "c")

    assert shipper.after_grace().new_lines() == ["c"]


def test_too_few_descriptors(ship: Make) -> None:
    """43: out of descriptors, no state is wiped, and what could not be opened is read later."""
    shipper = ship("*.log")
    shipper.logs.append("first.log", "first")
    shipper.catch_up()
    for number in range(100):
        shipper.logs.append(f"{number}.log", f"line {number}")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = open_descriptors()
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        shipper.turn(5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert sorted(["first", *(f"line {n}" for n in range(100))]) == sorted(shipper.new_lines())


def test_too_few_descriptors_for_a_file_that_goes_away(ship: Make) -> None:
    """43: a file that could not be opened, and is gone by now, is not waited for."""
    shipper = ship("first.log", "second.log")
    shipper.logs.append("first.log", "first")
    shipper.catch_up()
    shipper.logs.append("second.log", "second")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        shipper.turn()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "files.crowded" in shipper.reports.names()
    shipper.logs.delete("second.log")

    assert shipper.catch_up().lines() == ["first"]
