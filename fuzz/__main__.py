"""Fuzzes one target after the other: `make fuzz SECONDS=60`, or python -m fuzz SECONDS [TARGET...].

1. Each target runs in a process of its own, from its seeds and from what was found before (.fuzz/).
2. What breaks a promise is kept in .fuzz/crashes/ and ends the run with exit code 1. Make it a
   case of tests/fuzz/test_targets.py, then mend what it found.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from fuzz.seeds import SEEDS

_PLACE = Path(__file__).parents[1] / ".fuzz"
_MOST_BYTES = 4_096
_SLOWEST_SECONDS = 20


def _corpus(target: str) -> Path:
    folder = _PLACE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[target]():
        (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    return folder


def _fuzz(target: str, seconds: int) -> bool:
    """Fuzz for so long; tell whether all promises were kept."""
    crashes = _PLACE / "crashes"
    crashes.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "fuzz.run", target, str(_corpus(target))]
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={_MOST_BYTES}",
        f"-timeout={_SLOWEST_SECONDS}",
    ]
    told = ["-print_final_stats=1", f"-artifact_prefix={crashes}/{target}-", "-verbosity=1"]
    print(f"== {target}: {seconds} s", flush=True)
    return subprocess.run([*command, *limits, *told], check=False).returncode == 0


def main() -> int:
    """Run the command; return its exit code."""
    seconds, *targets = sys.argv[1:]
    kept = [_fuzz(target, int(seconds)) for target in targets or SEEDS]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
