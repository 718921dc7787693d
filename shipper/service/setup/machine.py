"""What a machine says of itself: its time zone, and where this user may keep a state."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from shipper.grammar.zones import find_zone

STATE: Final = Path("/var/lib/shipper")
_UTC = ("UTC", "Etc/UTC", "Etc/UCT", "Universal", "Etc/Universal", "GMT", "Etc/GMT")


def local_zone(root: Path, environ: Mapping[str, str]) -> str:
    """Return the IANA name of the zone of the machine at *root*: UTC where it names none."""
    try:
        link = str((root / "etc/localtime").readlink())
    except OSError:  # a copy in place of a link does not say its name
        link = ""
    for name in (environ.get("TZ", "").removeprefix(":"), link.rpartition("zoneinfo/")[2]):
        if name and find_zone(name) is not None:
            return "UTC" if name in _UTC else name
    return "UTC"


def state_directory(environ: Mapping[str, str], usual: Path = STATE) -> Path:
    """Return the *usual* directory, or the user's own where that can't be made."""
    there = next(path for path in (usual, *usual.parents) if os.path.lexists(path))
    if os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        return usual
    home = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "shipper"
