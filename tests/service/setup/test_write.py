"""The configuration that init writes, read back by the loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shipper.config.load import load_config
from shipper.config.models import Config
from shipper.errors import ConfigError
from shipper.service.setup.guess import Guess
from shipper.service.setup.places import Candidate
from shipper.service.setup.write import Answers, Find, configuration

ANSWERS = Answers(collector="https://collector.example.com", state=Path("/var/lib/shipper"))
WEB = Find(
    Candidate("web", ("/logs/access*.log*",), ("/logs/access.log",)),
    Guess(("nginx_access", "nginx_error"), lines=200, matched=150),
)
PODS = Find(
    Candidate("pods", ("/var/log/pods/*/*/*.log*",), ("a", "b"), "auto"),
    Guess(("auto",), container="auto", preset="java", lines=9, matched=9),
)


def read(text: str, folder: Path) -> Config:
    file = folder / "shipper.yaml"
    file.write_text(text)
    return load_config(file, {})


def test_it_says_what_was_found(tmp_path: Path) -> None:
    """Paths, grammars, containers, presets come back as they were guessed."""
    web, pods = read(configuration([WEB, PODS], ANSWERS), tmp_path).sources
    assert (web.paths, web.grammar) == (("/logs/access*.log*",), ("nginx_access", "nginx_error"))
    assert (web.container, web.multiline, web.start, web.timezone) == (
        *("none", None, "beginning", "UTC"),
    )
    assert (pods.container, pods.grammar) == ("auto", ("auto",))
    assert pods.multiline
    assert pods.multiline.preset == "java"


def test_the_share_stands_beside_the_grammar() -> None:
    """Whoever reads it knows what to look into."""
    text = configuration([WEB, PODS], ANSWERS)
    assert "75.0 % of the last 200 lines match; what does not becomes a dead letter" in text
    assert "# All of the last 9 lines match." in text


def test_what_was_not_chosen_stands_there_as_a_comment(tmp_path: Path) -> None:
    """Its lines, taken in, are a source."""
    unknown = Find(WEB.candidate, Guess(lines=9), chosen=False)
    text = configuration([PODS, unknown], ANSWERS)
    assert [each.name for each in read(text, tmp_path).sources] == ["pods"]
    assert "# No grammar takes any of the last 9 lines: see shipper coverage." in text
    start = text.index("  # - name: web")
    taken_in = text[:start] + re.sub("^  # ", "  ", text[start:], flags=re.M)
    assert [each.name for each in read(taken_in, tmp_path).sources] == ["pods", "web"]


def test_what_is_suggested_can_be_taken_in(tmp_path: Path) -> None:
    """The comments about tracker and status page are keys that load."""
    text = configuration([WEB], ANSWERS)
    taken_in = text.replace("# tracker:", "tracker:").replace("# status:", "status:")
    config = read(taken_in, tmp_path)
    assert config.tracker.app_id == "shop"
    assert config.status


def test_answers_go_into_each_source(tmp_path: Path) -> None:
    """Where reading starts, the zone, the directories of grammars."""
    answers = Answers(
        collector="https://c.example.com/$1",
        state=tmp_path / "a state",
        start="end",
        zone="Europe/Berlin",
        directories=(tmp_path,),
    )
    config = read(configuration([WEB], answers), tmp_path)
    assert config.collector.url == "https://c.example.com/$1"
    assert (config.state, config.grammars.directories) == (tmp_path / "a state", (tmp_path,))
    assert (config.sources[0].start, config.sources[0].timezone) == ("end", "Europe/Berlin")


@pytest.mark.parametrize("path", ["/logs/${HOME}/a", "/logs/a: b #c", '/logs/"q"\\', "/l/é\u2028"])
def test_a_path_is_itself(path: str, tmp_path: Path) -> None:
    """No sign in a path becomes YAML, or a reference."""
    find = Find(Candidate("odd", (path,), ("a",)), Guess(("logfmt",), lines=1, matched=1))
    (source,) = read(configuration([find], ANSWERS), tmp_path).sources
    assert source.paths == (path,)


def test_a_wrong_answer_is_refused() -> None:
    """Nothing is written that would not load."""
    with pytest.raises(ConfigError, match="no scheme"):
        configuration([WEB], Answers(collector="collector", state=Path("/s")))
