"""The film of the docs is what was recorded, and shows what the program does today."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from shipper.config.load import load_config
from tests.film.__main__ import AUDIT, BAD_LINE, COLLECTOR, CONFIG, COUNTS, NETWORK, OUT, SHIPPER
from tests.film.cast import Cast, Printed, Shown, load
from tests.film.svg import film

CAST = OUT / "first-events.cast"


@pytest.fixture(scope="module")
def cast() -> Cast:
    """The recording."""
    return load(CAST.read_text(encoding="utf-8"))


def test_the_film_is_made_of_the_recording(cast: Cast) -> None:
    """To the byte: nothing was put right afterwards."""
    pictures = {shown.picture: (OUT / f"{shown.picture}.png").read_bytes() for shown in cast.shown}
    assert film(cast, pictures) == (OUT / "first-events.svg").read_text(encoding="utf-8")
    assert cast.dump() == CAST.read_text(encoding="utf-8")


def test_it_was_typed_as_it_would_be_typed_now(cast: Cast) -> None:
    """The commands are those of the recorder, and what they printed is what they say."""
    typed = cast.text.replace("\n> ", "\n")
    for command in (NETWORK, COLLECTOR, SHIPPER, COUNTS, BAD_LINE, AUDIT):
        assert f"$ {command}\n" in typed
    assert '{"total":2000,"good":2000,"bad":0}' in cast.text
    assert "2,001 lines read = 2,000 emitted + 1 rejected" in cast.text
    assert CONFIG in cast.text
    assert [shown.picture for shown in cast.shown] == ["events", "charts", "letter"]


def test_its_configuration_is_one(tmp_path: Path) -> None:
    """What `cat` prints there loads today."""
    file = tmp_path / "shipper.yaml"
    file.write_text(CONFIG)
    assert load_config(file, {}).sources


def test_it_takes_nothing_from_elsewhere() -> None:
    """The picture is well-formed, without script or address to load from."""
    text = (OUT / "first-events.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(text)  # our own file
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "style", "rect", "text", "tspan", "g", "image"}
    assert all(
        link.startswith("data:image/png;base64,") for link in re.findall(r'href="([^"]*)', text)
    )


def test_equal_times_keep_their_order() -> None:
    """A terminal prints much at once; a picture is dated between two prints."""
    cast = Cast(
        "made", [Printed(1.0, "b"), Printed(1.0, "a"), Printed(2.0, "c")], [Shown(1.5, "p", "seen")]
    )
    assert load(cast.dump()) == cast
