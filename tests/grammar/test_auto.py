"""`-g auto`: which grammar reads a record, and that nothing else than the file decides it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.grammar.auto import NAME, Auto
from shipper.grammar.grammar import Memory, Parse
from shipper.grammar.library import Library
from shipper.model import Dropped
from tests.grammar.shelf import NOW_US, library

FILES = {
    # a catch-all of its kind, one of the lines that it would take, and one that none else takes
    "any_words": ("auto: broad\nmatch: ['(?<message>\\w+(?: \\w+)*)']\nfields: {message: {}}"),
    "door": ("match: ['door (?<door>\\d+) (?<what>\\w+)']\nfields: {door: {}, what: {}}"),
    "twin": ("match: ['door (?<door>\\d+) (?<what>\\w+!?)']\nfields: {door: {}, what: {}}"),
    "bell": ("auto: precise\nmatch: ['door (?<door>\\d+) rang']\nfields: {door: {}}"),
    "part": ("auto: never\nmatch: ['never (?<part>\\w+)']\nfields: {part: {}}"),
    "web": (
        "parse: w3c\nextra: drop\nfields: {ip: {from: c-ip, required: true, type: ip}}\n"
        "columns: [date, c-ip]"
    ),
}


@pytest.fixture
def auto(tmp_path: Path) -> Auto:
    for name, body in FILES.items():
        head = f"name: {name}\ntitle: x\nschema: iglu:org.example/{name}/jsonschema/1-0-0\n"
        (tmp_path / f"{name}.yaml").write_text(head + body)
    mine = Library([tmp_path])
    return Auto([mine.get(name) for name in FILES])


def takers(parse: Parse, lines: list[str]) -> list[str | None]:
    found = [parse(line, NOW_US) for line in lines]
    return [None if parsed is None else parsed.grammar for parsed in found]


def test_the_order_is_fixed(auto: Auto) -> None:
    """Precise before usual before broad; of equals the one that promises more, then by name."""
    assert [grammar.name for grammar in auto.members] == [
        "bell",
        "door",
        "twin",
        "web",
        "any_words",
    ]


def test_one_by_one_the_first_takes_it(auto: Auto) -> None:
    """Without a file before it, a record is read by the first in the order."""
    lines = ["door 7 rang", "door 7 open", "door 7 open!", "some words", "never part", "¿?"]
    assert takers(auto.parse, lines) == ["bell", "door", "twin", "any_words", "any_words", None]


def test_a_file_keeps_its_grammar(auto: Auto) -> None:
    """As long as it takes the records; then the first in the order that does."""
    lines = ["door 7 open!", "door 7 open", "door 7 rang", "some words", "door 7 open"]
    memory: Memory = {}
    parse = auto.at_work(memory).parse
    assert takers(parse, lines) == ["twin", "twin", "twin", "any_words", "door"]
    assert memory[NAME] == "door"


def test_a_broad_one_never_hides_a_precise_one(auto: Auto) -> None:
    """A word of theirs in the record is enough for the others to be asked."""
    lines = ["some words", "door 7 rang", "some words", "door 7 open"]
    assert takers(auto.at_work({}).parse, lines) == ["any_words", "bell", "any_words", "door"]


def test_after_long_the_others_are_asked_less(auto: Auto) -> None:
    """After 240 records of the broad one in a row only one in 64 is offered; one is enough."""
    parse = auto.at_work({}).parse
    assert takers(parse, ["some words"] * 242) == ["any_words"] * 242
    asked = takers(parse, ["door 7 rang"] * 64)
    assert set(asked) == {"any_words", "bell"}
    assert asked[asked.index("bell") :] == ["bell"] * (64 - asked.index("bell"))
    assert takers(parse, ["some words", "door 7 rang"]) == ["any_words", "bell"]


def test_a_header_is_remembered(auto: Auto) -> None:
    """Of whichever grammar it may be, until the next one comes."""
    parse = auto.at_work({}).parse
    first = parse("#Fields: c-ip x", NOW_US)
    assert isinstance(first, Dropped)
    assert parse("192.0.2.7 -", NOW_US) == ("web", {"ip": "192.0.2.7"}, None)
    assert parse("2026-11-23 192.0.2.7", NOW_US) is None
    assert isinstance(parse("#Fields: x c-ip", NOW_US), Dropped)
    assert parse("- 192.0.2.7", NOW_US) == ("web", {"ip": "192.0.2.7"}, None)


def test_without_a_header_the_columns_are_the_grammars(auto: Auto) -> None:
    """As for a file whose reading begins in its middle."""
    assert auto.parse("2026-11-23 192.0.2.7", NOW_US) == ("web", {"ip": "192.0.2.7"}, None)


def test_why_none_takes_it(auto: Auto) -> None:
    """Told by the one that the file keeps, or by those that it may have been meant for."""
    assert auto.explain("door 7 ?", NOW_US).grammar in ("door", "twin")
    memory: Memory = {}
    work = auto.at_work(memory)
    work.parse("door 7 open!", NOW_US)
    assert work.explain("door 7 ?", NOW_US).column == 8
    assert auto.explain("", NOW_US).column == 1


LINES = st.sampled_from(
    [
        *("door 7 rang", "door 7 open", "door 7 open!", "some words", "¿?", "never part"),
        *("#Fields: c-ip x", "#Fields: x c-ip", "#Version: 1", "192.0.2.7 -", "- 192.0.2.7"),
    ]
)


@settings(max_examples=60)
@given(data=st.data())
def test_reads_change_nothing(auto_at: Auto, data: st.DataObject) -> None:
    """However a file is cut, the memory that is carried over makes every record come out alike."""
    lines = data.draw(st.lists(st.one_of(LINES, st.just("some words")), max_size=40))
    lines = lines[:20] + ["some words"] * data.draw(st.integers(0, 400)) + lines[20:]
    whole = auto_at.at_work({}).parse
    expected = [whole(line, NOW_US) for line in lines]
    memory: Memory = {}
    found, start = [], 0
    while start < len(lines):
        end = start + data.draw(st.integers(1, 100))
        parse = auto_at.at_work(memory).parse
        found += [parse(line, NOW_US) for line in lines[start:end]]
        memory, start = dict(memory), end
    assert found == expected


@pytest.fixture(scope="module")
def auto_at(tmp_path_factory: pytest.TempPathFactory) -> Auto:
    directory = tmp_path_factory.mktemp("grammars")
    for name, body in FILES.items():
        head = f"name: {name}\ntitle: x\nschema: iglu:org.example/{name}/jsonschema/1-0-0\n"
        (directory / f"{name}.yaml").write_text(head + body)
    mine = Library([directory])
    return Auto([mine.get(name) for name in FILES])


def test_auto_has_all_shipped_grammars() -> None:
    """But for those that ask to be left out; they are loaded once."""
    shipped = library()
    found = shipped.named("auto")
    assert isinstance(found, Auto)
    assert shipped.named("auto") is found
    left_out = {grammar.name for grammar in shipped.all() if grammar.spec.auto == "never"}
    assert {grammar.name for grammar in found.members} == set(shipped.names()) - left_out


@pytest.mark.parametrize("name", ["nginx_access", "sshd", "json_lines"])
def test_the_founding_formats_are_found(name: str) -> None:
    """Lines of one format alone are read by its grammar, from the first on."""
    found = library().named("auto")
    assert isinstance(found, Auto)
    it = library().get(name)
    line = next(s.line for s in it.spec.samples if s.expect is not None)
    assert takers(found.at_work({}).parse, [line] * 3) == [name] * 3
