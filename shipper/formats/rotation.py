"""The name a log had before it was rotated.

``app.log.1``, ``app.log-20261123.gz``, ``app-2026-11-23.log`` and ``0.log.20261123-065544`` all
continue a log whose name is found by cutting what rotators add: a counter, a date, a time, the
suffix of a compressor. Cutting too much is harmless (the first line and an ordinal still tell
generations apart), so the rules are wide.
"""

from __future__ import annotations

import re

_COMPRESSED = re.compile(r"\.(?:gz|bz2|xz|zst)$")
_DATE = (
    r"[.\-_](?:\d{4}-?\d{2}-?\d{2})(?:[T\-_.]?\d{2}[:\-]?\d{2}(?:[:\-]?\d{2})?)?(?:[.\-]\d{1,10})?"
)
_ROTATED = re.compile(rf"(?:\.\d{{1,5}}|\.old|\.bak|{_DATE}|[.\-]\d{{10,}})$")
_DATED_STEM = re.compile(rf"{_DATE}(?=\.[A-Za-z]\w*$)")


def canonical_path(path: str) -> str:
    """Return *path* as it was before any rotation; the directory is left alone."""
    folder, slash, name = path.rpartition("/")
    bare = _COMPRESSED.sub("", name)
    cut = _ROTATED.sub("", bare)
    cut = cut if cut != bare else _DATED_STEM.sub("", bare)
    return folder + slash + (cut or name)


def bears_archive_name(path: str) -> bool:
    """Tell whether *path* ends like that of a compressed file."""
    return _COMPRESSED.search(path) is not None
