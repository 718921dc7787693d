"""Tests of orphans: looked for, waited for, given up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shipper.tail.checkpoint import Checkpoint, Node
from shipper.tail.orphans import Orphans
from tests.tail.samples import checkpoint


@pytest.fixture
def orphan(tmp_path: Path) -> Checkpoint:
    (tmp_path / "app.log").write_bytes(b"line\n")
    status = (tmp_path / "app.log").stat()
    node = Node.of(status.st_dev, status.st_ino)
    return checkpoint(path=str(tmp_path / "app.log"), node=node)


def test_a_renamed_file_is_found_by_its_inode(orphan: Checkpoint, tmp_path: Path) -> None:
    """A file that was renamed inside its directory is found under its new name."""
    (tmp_path / "app.log").rename(tmp_path / "kept")
    orphans = Orphans([orphan], {"web"}, 60)
    assert list(orphans.seek([], 0)) == [(orphan, str(tmp_path / "kept"))]
    assert orphans.given_up(1_000) == []


def test_a_file_that_was_seen_is_not_looked_for(orphan: Checkpoint) -> None:
    """An orphan whose inode the sweep met is the sweep's business."""
    assert list(Orphans([orphan], {"web"}, 60).seek([orphan.node], 0)) == []


@pytest.mark.parametrize("folder", ["same", "gone"])
def test_a_missing_file_is_waited_for(orphan: Checkpoint, tmp_path: Path, folder: str) -> None:
    """A missing file, or directory, is given up after the grace time, and may have an heir."""
    (tmp_path / "app.log").unlink()
    if folder == "gone":
        orphan = replace(orphan, path=f"{tmp_path}/no/such/app.log")
    orphans = Orphans([orphan], {"web"}, 60)
    assert list(orphans.seek([], 100)) == []
    assert orphans.heirless() == [orphan]
    assert orphans.given_up(159) == []
    assert list(orphans.seek([], 160)) == []
    assert orphans.given_up(160) == [(orphan, "gone")]


def test_a_directory_that_cannot_be_listed_proves_nothing(orphan: Checkpoint) -> None:
    """Where the directory can't be looked at, the file is not missing."""
    unlisted = replace(orphan, path="/" + "x" * 300 + "/app.log")
    orphans = Orphans([unlisted], {"web"}, 60)
    assert list(orphans.seek([], 0)) == []
    assert orphans.given_up(1_000) == []


def test_a_loop_of_links_beside_it_does_not_matter(orphan: Checkpoint, tmp_path: Path) -> None:
    """Entries that are no regular files are not looked at."""
    (tmp_path / "loop").symlink_to("loop")
    found = list(Orphans([orphan], {"web"}, 60).seek([], 0))
    assert found == [(orphan, str(tmp_path / "app.log"))]


def test_another_source_is_left_alone(orphan: Checkpoint, tmp_path: Path) -> None:
    """An orphan of a source that is not configured is neither sought nor given up."""
    (tmp_path / "app.log").unlink()
    orphans = Orphans([orphan], {"other"}, 60)
    assert list(orphans.seek([], 0)) == []
    assert orphans.given_up(1_000) == []
    assert orphans.heirless() == [orphan]


def test_an_ousted_file_is_over_for_good(orphan: Checkpoint) -> None:
    """A file that turned out to be another is given up at once, and never taken up again."""
    orphans = Orphans([orphan], {"web"}, 60)
    orphans.oust(orphan, "truncated")
    assert orphans.heirless() == [orphan.ended()]  # it may go on in a copy
    assert orphans.given_up(0) == [(orphan.ended(), "truncated")]
    orphans.remove(orphan)
    assert orphans.given_up(0) == []
    assert orphan not in orphans
    orphans.oust(orphan, "truncated")
    assert orphans.given_up(0) == []


def test_whose_fate_is_open(orphan: Checkpoint) -> None:
    """Of one log, those that are neither missing nor ousted, of sources that are configured."""
    rows = {name: replace(orphan, row=row) for row, name in enumerate(["rests", "gone", "anew"], 2)}
    other = replace(orphan, row=7, canonical="/logs/other.log")
    foreign = replace(orphan, row=8, source="no more")
    orphans = Orphans([orphan, *rows.values(), other, foreign], {"web"}, 60)
    orphans.miss(rows["gone"], 0)
    orphans.oust(rows["anew"], "truncated")
    assert orphans.unsettled(orphan.canonical) == [orphan, rows["rests"]]
    orphans.remove(orphan)
    orphans.remove(orphan)
    assert orphans.unsettled(orphan.canonical) == [rows["rests"]]
    assert orphans.unsettled("/logs/unknown.log") == []


def test_whose_inode_another_has_is_missing(orphan: Checkpoint) -> None:
    """Rule 1: of two generations on record for one inode, the one that is not read has no file."""
    older = replace(orphan, row=2)
    orphans = Orphans([older, orphan], {"web"}, 60)
    assert orphans.unsettled(orphan.canonical) == [older, orphan]
    orphans.remove(orphan)
    orphans.displace(orphan, 100)
    assert orphans.unsettled(orphan.canonical) == []
    assert list(orphans.seek([orphan.node], 159)) == []
    assert orphans.given_up(159) == []
    assert orphans.given_up(160) == [(older, "gone")]


def test_a_generation_displaces_neither_itself_nor_those_on_other_inodes(
    orphan: Checkpoint,
) -> None:
    """Rules 1 and 3: nor one whose source is not configured: it is left alone."""
    elsewhere = replace(orphan, row=2, node=Node(orphan.node.device, orphan.node.inode + 1))
    foreign = replace(orphan, row=3, source="gone")
    orphans = Orphans([orphan, elsewhere, foreign], {"web"}, 60)
    orphans.displace(orphan, 0)
    assert orphans.given_up(60) == []
