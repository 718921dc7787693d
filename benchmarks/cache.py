"""Where the benchmarks keep what they make once: peers, the compiled sink, results."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".bench"


def kept(*parts: str) -> Path:
    """Return a path in the cache; its directory is there."""
    path = CACHE.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
