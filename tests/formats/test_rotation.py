"""Tests of the names that rotators give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.formats.rotation import canonical_path


@pytest.mark.parametrize(
    "name",
    [
        "app.log",
        "app.log.1",
        "app.log.27",
        "app.log.1.gz",
        "app.log.gz",
        "app.log.zst",
        "app.log.old",
        "app.log.bak",
        "app.log-20261123",
        "app.log-20261123.gz",
        "app.log.2026-11-23",
        "app.log.2026-11-23.1",
        "app.log.2026-11-23_06-55",
        "app.log.20261123-065544",
        "app.log.2026-11-23T06:55:44",
        "app.log-1795416944",
        "app-2026-11-23.log",
        "app-20261123.log.gz",
        "app.2026-11-23.log",
    ],
)
def test_what_rotators_add_is_cut(name: str) -> None:
    """Counters, dates, times and the suffix of a compressor are no part of a log's name."""
    assert canonical_path(f"/var/log/{name}") == "/var/log/app.log"


@pytest.mark.parametrize(
    "name", ["app.log", "syslog", "0.log", "1", "20261123", ".1", ".gz", "a.b"]
)
def test_other_names_stay(name: str) -> None:
    """A name that no rotator made, or that would be nothing without, stays as it is."""
    assert canonical_path(f"/var/log.1/{name}") == f"/var/log.1/{name}"


@given(st.text(alphabet="ab./-_0123456789gzTold\udcff", max_size=30))
def test_any_name_has_one(path: str) -> None:
    """Whatever the name, the directory stays, and something is left of the name."""
    canonical = canonical_path(path)
    assert canonical.rpartition("/")[0] == path.rpartition("/")[0]
    assert bool(canonical.rpartition("/")[2]) is bool(path.rpartition("/")[2])
    assert path.startswith(canonical.rpartition("/")[0])
