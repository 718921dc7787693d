"""One target under atheris: what `shipper` does with one input guides what is tried next."""

from __future__ import annotations

import sys
from itertools import islice

import atheris

with atheris.instrument_imports(include=["shipper"]):
    from fuzz.seeds import SEEDS
    from fuzz.targets import TARGETS

_WARM = 8  # seeds that are run first: what is loaded once is no part of the time of an input


def main() -> None:
    """Fuzz the target that the first argument names; the others are libFuzzer's."""
    name, *options = sys.argv[1:]
    for seed in islice(SEEDS[name](), _WARM):
        TARGETS[name](seed)
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
