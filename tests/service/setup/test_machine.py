"""The zone of a machine, and where a user may keep a state."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.service.setup.machine import local_zone, state_directory
from tests.nobody import as_nobody


@pytest.mark.parametrize(
    ("zone", "link", "expected"),
    [
        ("", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("", "../usr/share/zoneinfo/Etc/UTC", "UTC"),
        ("", None, "UTC"),
        (":Asia/Kolkata", "/usr/share/zoneinfo/Europe/Berlin", "Asia/Kolkata"),
        ("Nowhere/Land", "/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_the_zone_of_the_machine(
    zone: str, link: str | None, expected: str, tmp_path: Path
) -> None:
    """What the environment says goes before the machine's own setting."""
    (tmp_path / "etc").mkdir()
    if link:
        (tmp_path / "etc/localtime").symlink_to(link)
    assert local_zone(tmp_path, {"TZ": zone}) == expected


def test_the_state_goes_where_it_can_be_made(tmp_path: Path) -> None:
    """Below the home directory where the usual place is not the user's to write."""
    usual, own = tmp_path / "lib/shipper", {"XDG_STATE_HOME": str(tmp_path / "home")}
    assert state_directory(own, usual) == usual
    tmp_path.chmod(0o555)
    try:
        with as_nobody():
            assert state_directory(own, usual) == tmp_path / "home/shipper"
    finally:
        tmp_path.chmod(0o755)
