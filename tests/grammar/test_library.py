"""Where grammars are found, and which one wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from shipper.errors import GrammarError
from shipper.grammar.library import Library, shipped_directory
from tests.grammar.shelf import FOUNDING, SHIPPED, library

MINE = """\
name: {name}
title: mine
schema: iglu:org.example/mine/jsonschema/1-0-0
match: ['%{{MINE:n}}']
fields: {{n: {{}}}}
"""


def test_the_shipped_ones_are_there() -> None:
    """Without any directory of the user's, the shipped grammars are found by name."""
    assert library().names() == SHIPPED
    assert [grammar.name for grammar in library().all()] == SHIPPED
    assert set(FOUNDING) <= set(SHIPPED)
    assert library().get("logfmt") is library().get("logfmt")
    assert (shipped_directory() / "patterns" / "core").is_file()


def test_a_user_directory_wins(tmp_path: Path) -> None:
    """A file of the user's replaces a shipped grammar of its name, and brings its own patterns."""
    (tmp_path / "patterns").mkdir()
    (tmp_path / "patterns" / "mine").write_text("MINE [xy]+\n")
    (tmp_path / "logfmt.yaml").write_text(MINE.format(name="logfmt"))
    (tmp_path / "notes.txt").write_text("no grammar")
    found = Library([tmp_path])
    assert found.names() == SHIPPED
    assert found.get("logfmt").title == "mine"
    assert found.get("logfmt").parse("xyx", 0)


def test_pattern_directories_of_their_own(tmp_path: Path) -> None:
    """Directories of patterns alone can be named, and win over those beside grammars."""
    (tmp_path / "g" / "patterns").mkdir(parents=True)
    (tmp_path / "p").mkdir()
    (tmp_path / "g" / "mine.yml").write_text(MINE.format(name="mine"))
    (tmp_path / "g" / "patterns" / "a").write_text("MINE never\n")
    (tmp_path / "p" / "a").write_text("MINE [xy]+\n")
    assert Library([tmp_path / "g"], [tmp_path / "p"]).get("mine").parse("xy", 0)


def test_refusals(tmp_path: Path) -> None:
    """An unknown name, a file under another name, a missing directory: each says what to do."""
    (tmp_path / "other.yaml").write_text(MINE.format(name="mine").replace("MINE:n", "INT:n"))
    with pytest.raises(GrammarError, match="did you mean 'nginx_access'"):
        library().get("nginx_acces")
    with pytest.raises(GrammarError, match="write name: other"):
        Library([tmp_path]).get("other")
    with pytest.raises(GrammarError, match="name an existing one"):
        Library([tmp_path / "none"]).names()
    with pytest.raises(GrammarError, match="name an existing directory"):
        Library([], [tmp_path / "none"]).get("logfmt")


def test_all_names_all_problems(tmp_path: Path) -> None:
    """Two bad files, two problems; the good ones do not hide them."""
    (tmp_path / "a.yaml").write_text("name: a\n")
    (tmp_path / "b.yaml").write_text("nonsense")
    with pytest.raises(GrammarError) as caught:
        Library([tmp_path]).all()
    assert {problem.where.rpartition("/")[2] for problem in caught.value.problems} == {
        "a.yaml:1",
        "b.yaml:1",
    }


def test_a_bad_grammar_does_not_harm_the_others(tmp_path: Path) -> None:
    """Only the grammar that is asked for is read."""
    (tmp_path / "bad.yaml").write_text("nonsense")
    assert Library([tmp_path]).get("logfmt").name == "logfmt"
