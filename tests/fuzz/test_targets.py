"""The fuzz targets by themselves: their seeds, what broke them once, and bytes of Hypothesis."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS

_EACH = 40  # of the samples of grammars: `make fuzz` has time for all


def test_every_target_has_seeds() -> None:
    """What is fuzzed starts from something, and nothing is kept for a target that is gone."""
    assert set(SEEDS) == set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_keep_the_promises(name: str) -> None:
    """What fuzzing starts from passes."""
    seeds = list(islice(SEEDS[name](), 0, None, _EACH if name == "grammars" else 1))
    assert seeds
    for seed in seeds:
        TARGETS[name](seed)


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, max_examples=50)  # the first ones load all grammars
@given(data=st.binary(max_size=300))
def test_any_bytes_keep_the_promises(name: str, data: bytes) -> None:
    """So do bytes that nobody chose."""
    TARGETS[name](data)


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, max_examples=50)  # the first ones load all grammars
@given(data=st.data())
def test_bent_seeds_keep_the_promises(name: str, data: st.DataObject) -> None:
    """And seeds in which something was exchanged, cut out or doubled."""
    seed = data.draw(st.sampled_from(list(islice(SEEDS[name](), 40))))
    begin = data.draw(st.integers(0, len(seed)))
    end = data.draw(st.integers(begin, len(seed)))
    middle = data.draw(st.sampled_from([b"", seed[begin:end] * 2]) | st.binary(max_size=12))
    TARGETS[name](seed[:begin] + middle + seed[end:])
