"""Tests of troubles: each is said once."""

from __future__ import annotations

from pathlib import Path

from shipper.tail.troubles import Troubles, printable
from tests.shipping import Reports


def test_the_same_trouble_is_said_once(tmp_path: Path) -> None:
    """The same trouble again says nothing; another one does, and so does one that came back."""
    reports = Reports()
    troubles = Troubles(reports)
    path = str(tmp_path / "a.log")
    for why in ("no", "no", "never", "never"):
        troubles.note(path, why)
    assert [facts["why"] for _, facts in reports.all] == ["no", "never"]
    troubles.ended(path)
    troubles.note(path, "never")
    assert len(reports.all) == 3


def test_a_path_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    """A trouble with a path that no longer exists is over, unless it could not be looked at."""
    reports = Reports()
    troubles = Troubles(reports)
    for name in ("gone", "blind"):
        troubles.note(str(tmp_path / name), "no")
    troubles.forget({str(tmp_path / "blind")})
    for name in ("gone", "blind"):
        troubles.note(str(tmp_path / name), "no")
    assert [str(facts["path"])[-4:] for _, facts in reports.all] == ["gone", "lind", "gone"]


def test_an_error_says_what_the_system_says() -> None:
    """An OSError counts by its words, and any path can be printed."""
    reports = Reports()
    Troubles(reports).note("/caf\udce9", PermissionError(13, "Permission denied"))
    assert reports.all == [("file.unreadable", {"path": "/caf\\xe9", "why": "Permission denied"})]
    assert printable("/ä") == "/ä"
