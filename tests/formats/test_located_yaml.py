"""YAML with line numbers, and the ways to get it wrong."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from shipper.formats import located_yaml
from shipper.formats.located_yaml import Located, LocatedYamlError, load, parse, read_bounded


def wrong(text: str) -> list[str]:
    """Every problem of *text*, as it is told."""
    with pytest.raises(LocatedYamlError) as caught:
        parse(text, "f")
    return [str(problem) for problem in caught.value.problems]


def test_each_key_and_item_knows_its_line() -> None:
    """A path leads to the line of its key, an unwritten one to the nearest that is written."""
    located = parse("a: 1\nb:\n  - x\n  - c: 2\n\n    d: [3, 4]\n", "f.yaml")
    assert located.data == {"a": 1, "b": ["x", {"c": 2, "d": [3, 4]}]}
    assert [located.where(path) for path in [("a",), ("b",), ("b", 1), ("b", 1, "d")]] == [
        "f.yaml:1",
        "f.yaml:2",
        "f.yaml:4",
        "f.yaml:6",
    ]
    assert located.where(("b", 1, "d", 1)) == "f.yaml:6"
    assert located.where(("b", 1, "zzz", "y")) == "f.yaml:4"
    assert located.where(()) == "f.yaml:1"


def test_scalars_are_those_of_the_core_schema() -> None:
    """Numbers, true, false and null are values; yes, times and dates stay the text they are."""
    text = """\
[null, ~, true, False, 7, -7, 0640, 0x1F, 0o17, 1.5, .5, 5., 1e3, .inf, -.inf,
 yes, NO, on, 12:30, 2026-11-23, 2026-11-23T06:55:44Z, 1_000, '5', "6", ., 1.2.3]
"""
    values = [None, None, True, False, 7, -7, 640, 31, 15, 1.5, 0.5, 5.0, 1000.0, math.inf]
    texts = ["yes", "NO", "on", "12:30", "2026-11-23", "2026-11-23T06:55:44Z", "1_000", "5", "6"]
    data = parse(text, "f").data
    assert data == [*values, -math.inf, *texts, ".", "1.2.3"]
    assert [type(value) for value in data[:8]] == [type(value) for value in values[:8]]
    assert math.isnan(parse(".nan", "f").data)


def test_keys_are_text_as_written() -> None:
    """A key that looks like a number, a boolean, a date or nothing is the name it looks like."""
    located = parse("1: a\non: b\n2026-11-23: c\n~: d\n1.50: e\ntrue: f\n", "f")
    assert list(located.data) == ["1", "on", "2026-11-23", "~", "1.50", "true"]
    assert located.where(("1.50",)) == "f:5"


def test_anchors_and_merges_work() -> None:
    """Aliases repeat a value; << fills in what a mapping does not say itself, the first first."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3}\nc:\n  <<: [*b, *a]\n  z: *a\nd: {<<: *a, x: 9}\n"
    located = parse(text, "f")
    assert located.data["c"] == {"x": 1, "y": 3, "z": {"x": 1, "y": 2}}
    assert located.data["d"] == {"x": 9, "y": 2}
    assert [located.where(("c", key)) for key in "xyz"] == ["f:1", "f:2", "f:5"]


def test_an_alias_gives_a_value_of_its_own() -> None:
    """Two places that name one anchor share no object: changing one leaves the other alone."""
    data = parse("a: &a [1]\nb: *a\n", "f").data
    data["a"].append(2)
    assert data["b"] == [1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a: [1, 2\nb: 3\n", "f:2:2: is not valid YAML"),
        ("a: b: c\n", "a text that holds ': ' needs quotes"),
        ("a:\n\t- b\n", "f:2:1: is not valid YAML"),
        ("a:\n\t- b\n", "indent with spaces, not with tabs"),
        ("paths: [*.log]\n", "a text that starts with * or & needs quotes"),
        ("a: *b\n", "undefined alias"),
        ("m: %{X}\n", "a text that starts with %, @ or ` needs quotes"),
        ('m: "\\d"\n', "use single quotes"),
        ("a: 1\n---\nb: 2\n", "keep one document in a file"),
        ("a: 1\nb: \x07\n", "f:2: holds the control character U+0007"),
        ("a: 1\nb: \ud800\n", "f:2: holds the control character U+D800"),
        ("a: !!python/object/apply:os.getcwd []\n", "f:1: has the tag"),
        ("a: !!python/name:os.getcwd x\n", "f:1: has the tag"),
        ("a: !!binary aGk=\n", "f:1: has the tag"),
        ("a: !!set {b}\n", "f:1: has the tag"),
        ("a: !!int x\n", "f:1: has the tag"),
        ("a: !mine x\n", "f:1: has the tag '!mine'"),
        ("!!python/name:os.getcwd a: 1\n", "f:1: has a key that is no plain text"),
        ("? [a, b]\n: 1\n", "f:1: has a key that is no plain text"),
        ("a: {<<: 5}\n", "f:1: merges (<<) what is no mapping"),
        (f"a: {'9' * 401}\n", "f:1: is a number of too many digits"),
        (f"a: 0x{'f' * 401}\n", "f:1: is a number of too many digits"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, told: str) -> None:
    """Each mistake is told at its line, in words, with what would be right."""
    problems = wrong(text)
    assert told in problems[0]
    assert all(problem.isprintable() for problem in problems)


def test_half_a_character_by_an_escape_is_told() -> None:
    """An escape that spells half of a surrogate pair never becomes a text that can't be printed."""
    assert wrong('a: "\\ud83d"\n')[0].startswith("f:1")
    assert wrong('"\\ud83d": a\n')[0].startswith("f:1")


def test_keys_that_stand_twice_are_all_told() -> None:
    """Every repeated key is told, in nested mappings as well."""
    assert [problem.partition(" (")[0] for problem in wrong("a: 1\nb: {c: 1, c: 2}\na: 2\n")] == [
        "f:2: the key 'c' stands twice in one mapping",
        "f:3: the key 'a' stands twice in one mapping",
    ]


@pytest.mark.parametrize("text", ["&a [*a]", "a: &a\n  b: *a\n", "a: &a {<<: *a}", "&a [[[*a]]]"])
def test_what_contains_itself_is_told(text: str) -> None:
    """A value that contains itself is an error at its line, not a walk without end."""
    assert "contains itself" in wrong(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 400 + "]" * 400,
        "{a: " * 20_000,
        "- " * 100_000,
        "? " * 5_000,
        "\n".join(f"{' ' * depth}a:" for depth in range(400)),
        "".join(f"- &a{n} [[[[[[{f'*a{n - 1}' if n else 'x'}]]]]]]\n" for n in range(100)),
        "".join(f"a{n}: &a{n} {{<<: {f'*a{n - 1}' if n else '{}'}}}\n" for n in range(5_000)),
    ],
)
def test_what_is_nested_too_deep_is_told(text: str) -> None:
    """Depth is bounded, whether it is written out or built of aliases and merges."""
    assert "is nested deeper than 64 levels" in wrong(text)[0]


def _bomb(item: str) -> str:
    levels = "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else 'x'] * 9)}]\n" for n in range(12)
    )
    return levels.replace("[", item[0]).replace("]", item[1])


@pytest.mark.parametrize(
    "text",
    [
        _bomb("[]"),
        "a0: &a0 {k0: 1, k1: 2}\n"
        + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)),
        "- x\n" * 150_000,
    ],
    ids=["aliases", "merges", "items"],
)
def test_what_grows_without_end_is_told_soon(text: str) -> None:
    """The number of values is bounded, those that aliases repeat included, and so is the time."""
    start = time.process_time()
    assert "holds more than 100,000 values" in wrong(text)[0]
    assert time.process_time() - start < 10


@pytest.mark.parametrize("text", ["x" * 1_048_577, "é" * 600_000, "# " + "c" * 1_048_576])
def test_a_huge_file_is_told(tmp_path: Path, text: str) -> None:
    """A file above the limit is refused whole: never cut and read as if it ended there."""
    file = tmp_path / "f.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(LocatedYamlError, match="is longer than 1,048,576 bytes"):
        load(file)


def test_many_problems_are_bounded() -> None:
    """A file of nothing but mistakes is not told to the last."""
    assert len(wrong("a: 1\n" * 2_000)) == located_yaml.MAX_PROBLEMS


@pytest.mark.parametrize(
    ("raw", "line"),
    [(b"\xff\xfea\x00:\x00", 1), (b"a: 1\nb: \xe9\n", 2), (b"a: 1\n\nb: \xc3", 3)],
)
def test_other_encodings_are_told_with_the_line(tmp_path: Path, raw: bytes, line: int) -> None:
    """UTF-16, Latin-1 and a cut character are told at the line of the first odd byte."""
    file = tmp_path / "f.yaml"
    file.write_bytes(raw)
    with pytest.raises(LocatedYamlError, match=rf"f\.yaml:{line}: is not UTF-8 text"):
        load(file)


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfa: 1\r\nb: x\r\n", b"a: 1\rb: x"])
def test_marks_and_line_ends_of_other_systems_are_taken(tmp_path: Path, raw: bytes) -> None:
    """A byte order mark, CRLF and a lone CR do no harm."""
    file = tmp_path / "f.yaml"
    file.write_bytes(raw)
    located = load(file)
    assert located.data == {"a": 1, "b": "x"}
    assert located.where(("b",)) == f"{file}:2"


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "---\n...\n", "\ufeff"])
def test_an_empty_document_is_none(text: str) -> None:
    """A file without a value has None for its data."""
    assert parse(text, "f").data is None


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    """A directory, a device and a pipe nobody writes to raise OSError, and at once."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, Path("/dev/zero"), tmp_path / "pipe", tmp_path / "none"):
        with pytest.raises(OSError, match=r"directory|regular|No such"):
            read_bounded(path, limit=10)


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    """No more than the limit is read, however long the file is."""
    (tmp_path / "f").write_bytes(b"x" * 100)
    assert read_bounded(tmp_path / "f", limit=7) == b"x" * 7


_PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(_PLAIN)
def test_json_reads_back(document: object) -> None:
    """JSON is YAML: whatever JSON holds is read as it is."""
    text = json.dumps(document)
    try:
        expected: object = json.loads(text)
        assert parse(text, "f").data == expected
    except LocatedYamlError as error:
        assert "\\u" in text, error  # noqa: PT017  # a control character or half of a pair, escaped


@settings(max_examples=300)
@given(st.text(alphabet="ab1: \n-[]{}&*!|>'\"%@#?<,~.\t", max_size=60))
def test_any_text_gives_a_document_or_problems(text: str) -> None:
    """No arrangement of YAML's signs fails in another way, and problems can be printed."""
    try:
        located: Located | None = parse(text, "f")
        problems = []
    except LocatedYamlError as error:
        located, problems = None, error.problems
    assert problems or located
    assert all(str(problem).isprintable() for problem in problems)


WITHOUT_LIBYAML = """
import sys
import yaml
yaml.__with_libyaml__ = False
import pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", "not without_libyaml", sys.argv[1]]))
"""


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="the other parser is the one that is tested")
def test_all_of_this_holds_without_libyaml() -> None:
    """Where PyYAML has no libyaml, its own parser keeps every promise of this file."""
    command = [sys.executable, "-c", WITHOUT_LIBYAML, __file__]
    run = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3_000:]
